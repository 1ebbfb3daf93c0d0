//! Gathering points into the periods that a query asks for.

use std::collections::BTreeMap;

use super::metric::Point;
use crate::broker;
use crate::types::Timestamp;

/// How long a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    s: u64,
}

impl Period {
    /// The periods there are, in seconds; 1 stands for the samples as they were taken, once a minute.
    pub const ALL: [u64; 6] = [1, 300, 1_200, 3_600, 14_400, 86_400];

    /// The period of so many seconds, if there is one.
    pub fn from_s(s: i64) -> Option<Self> {
        let s = u64::try_from(s).ok()?;
        Self::ALL.contains(&s).then_some(Self { s: s.max(60) })
    }

    /// The samples that serve it: the last hour's minutes, or the last day's quarters of an hour.
    pub const fn of_history(self) -> broker::Period {
        if self.s <= 1_200 {
            broker::Period::Hour
        } else {
            broker::Period::Day
        }
    }

    /// When the period begins that `at` lies in.
    pub const fn begin(self, at: Timestamp) -> Timestamp {
        let ms = self.s * 1_000;
        Timestamp(at.0 / ms * ms)
    }
}

/// How the points of a period make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Their average.
    Average,
    /// The greatest.
    Max,
    /// The smallest.
    Min,
    /// All together.
    Sum,
    /// Their variance.
    Variance,
}

impl Filter {
    /// All of them, by their names.
    pub const ALL: [(&str, Self); 5] = [
        ("average", Self::Average),
        ("max", Self::Max),
        ("min", Self::Min),
        ("sum", Self::Sum),
        ("variance", Self::Variance),
    ];

    fn of(self, points: &[Point]) -> f64 {
        let values = || points.iter().map(|point| point.value);
        let weighted = |value: fn(&Point) -> f64| -> f64 {
            points
                .iter()
                .map(|point| value(point) * point.minutes)
                .sum()
        };
        let minutes = weighted(|_| 1.0);
        let sum = weighted(|point| point.value);
        match self {
            Self::Average => sum / minutes,
            Self::Max => values().fold(f64::MIN, f64::max),
            Self::Min => values().fold(f64::MAX, f64::min),
            Self::Sum => sum,
            Self::Variance => {
                let average = sum / minutes;
                let squares = weighted(|point| point.value * point.value);
                (squares / minutes - average * average).max(0.0)
            }
        }
    }
}

/// One value for each period between `from`, brought back to the beginning of its period, and `to`.
pub fn rolled_up(
    points: &[Point],
    period: Period,
    filter: Filter,
    (from, to): (Timestamp, Timestamp),
) -> Vec<(Timestamp, f64)> {
    let mut periods: BTreeMap<Timestamp, Vec<Point>> = BTreeMap::new();
    let asked = points.iter().filter(|point| {
        let begin = period.begin(point.at);
        begin >= period.begin(from) && point.at < to
    });
    for point in asked {
        periods
            .entry(period.begin(point.at))
            .or_default()
            .push(*point);
    }
    let values = periods.into_iter();
    values
        .map(|(at, points)| (at, filter.of(&points)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(number: u64, value: f64) -> Point {
        Point {
            at: Timestamp(number * 60_000),
            value,
            minutes: 1.0,
        }
    }

    fn rolled(period_s: i64, filter: Filter, from_minute: u64, to_minute: u64) -> Vec<(u64, f64)> {
        let points: Vec<_> = [1.0, 2.0, 3.0, 4.0, 5.0, 60.0, 0.0]
            .into_iter()
            .zip(0..)
            .map(|(value, number)| minute(number, value))
            .collect();
        let period = Period::from_s(period_s).unwrap();
        let range = (
            Timestamp(from_minute * 60_000),
            Timestamp(to_minute * 60_000),
        );
        let rolled = rolled_up(&points, period, filter, range).into_iter();
        rolled.map(|(at, value)| (at.0 / 60_000, value)).collect()
    }

    #[test]
    fn the_points_of_a_period_make_one_at_its_beginning() {
        for (filter, first, second) in [
            (Filter::Average, 3.0, 30.0),
            (Filter::Max, 5.0, 60.0),
            (Filter::Min, 1.0, 0.0),
            (Filter::Sum, 15.0, 60.0),
            (Filter::Variance, 2.0, 900.0),
        ] {
            assert_eq!(
                rolled(300, filter, 0, 10),
                [(0, first), (5, second)],
                "{filter:?}"
            );
        }
    }

    #[test]
    fn a_query_begins_with_the_whole_period_that_it_touches_and_ends_before_its_end() {
        assert_eq!(rolled(300, Filter::Sum, 3, 6), [(0, 15.0), (5, 60.0)]);
        assert_eq!(rolled(1, Filter::Max, 1, 3), [(1, 2.0), (2, 3.0)]);
        assert_eq!(rolled(300, Filter::Sum, 20, 30), []);
    }

    #[test]
    fn a_point_of_a_quarter_of_an_hour_counts_for_its_minutes() {
        let quarter = Point {
            minutes: 15.0,
            ..minute(0, 4.0)
        };
        assert!((Filter::Sum.of(&[quarter]) - 60.0).abs() < 1e-9);
        assert!((Filter::Average.of(&[quarter]) - 4.0).abs() < 1e-9);
    }

    #[test]
    fn only_the_clouds_periods_exist() {
        for s in [1, 300, 1_200, 3_600, 14_400, 86_400] {
            assert!(Period::from_s(s).is_some(), "{s}");
        }
        for s in [0, -1, 60, 301, i64::MAX] {
            assert!(Period::from_s(s).is_none(), "{s}");
        }
    }
}
