//! The query's parameters and the answer's JSON, as Cloud Eye has them.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::metric::{self, Of, Point};
use super::rollup::{Filter, Period, rolled_up};
use crate::http::code;
use crate::http::error::{Error, Result};
use crate::http::query::{FromQuery, Query};
use crate::types::Timestamp;

const NAMESPACE: &str = "SYS.DMS";
/// Dimensions that a query may have.
const DIMENSIONS: [&str; 3] = ["dim.0", "dim.1", "dim.2"];

/// What is asked for.
#[derive(Debug)]
pub struct QueryForm {
    /// Which metric, of what.
    pub metric: Of,
    /// How long a period is.
    pub period: Period,
    metric_name: String,
    filter: (&'static str, Filter),
    range: (Timestamp, Timestamp),
}

fn bad(text: impl Into<String>) -> Error {
    Error::new(code::BAD_PARAMETER, text.into())
}

fn required<'a>(query: &'a Query<'_>, name: &str) -> Result<&'a str> {
    query
        .first(name)
        .ok_or_else(|| bad(format!("{name} is missing")))
}

impl FromQuery for QueryForm {
    fn from_query(query: &Query<'_>) -> Result<Self> {
        if required(query, "namespace")? != NAMESPACE {
            return Err(bad(format!("namespace must be {NAMESPACE}")));
        }
        let metric_name = required(query, "metric_name")?;
        let dimensions = DIMENSIONS.iter().filter_map(|name| query.first(name));
        let pair = |text: &'_ str| {
            text.split_once(',')
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
        };
        let dimensions: Vec<(String, String)> = dimensions.filter_map(pair).collect();
        let dimensions: Vec<(&str, &str)> = dimensions
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        let from = moment(query, "from")?;
        let to = moment(query, "to")?;
        if from >= to {
            return Err(bad("from must be earlier than to"));
        }
        Ok(Self {
            metric: metric::metric(metric_name, &dimensions)?,
            period: period(query)?,
            metric_name: metric_name.to_owned(),
            filter: filter(query)?,
            range: (from, to),
        })
    }
}

fn moment(query: &Query<'_>, name: &str) -> Result<Timestamp> {
    required(query, name)?;
    let ms = |ms| u64::try_from(ms).ok().map(Timestamp);
    let found = query.number(name, ms, code::BAD_PARAMETER, "milliseconds since 1970")?;
    found.ok_or_else(|| bad(format!("{name} is missing")))
}

fn period(query: &Query<'_>) -> Result<Period> {
    required(query, "period")?;
    let allowed = "1, 300, 1200, 3600, 14400 or 86400";
    let found = query.number("period", Period::from_s, code::BAD_PARAMETER, allowed)?;
    found.ok_or_else(|| bad("period is missing"))
}

fn filter(query: &Query<'_>) -> Result<(&'static str, Filter)> {
    let name = required(query, "filter")?;
    let found = Filter::ALL.into_iter().find(|(known, _)| *known == name);
    found.ok_or_else(|| bad("filter must be average, max, min, sum or variance"))
}

/// The answer.
#[derive(Debug, Serialize)]
pub struct DataForm<'a> {
    datapoints: Vec<Datapoint>,
    metric_name: &'a str,
}

/// A value under the name of its filter, with when its period began.
#[derive(Debug)]
struct Datapoint {
    filter: &'static str,
    value: f64,
    at: Timestamp,
    unit: &'static str,
}

impl<'a> DataForm<'a> {
    /// What these points are for the query.
    pub fn of(query: &'a QueryForm, points: &[Point]) -> Self {
        let (filter, how) = query.filter;
        let unit = metric::unit(&query.metric_name);
        let datapoint = |(at, value)| Datapoint {
            filter,
            value,
            at,
            unit,
        };
        let rolled = rolled_up(points, query.period, how, query.range);
        Self {
            datapoints: rolled.into_iter().map(datapoint).collect(),
            metric_name: &query.metric_name,
        }
    }
}

impl Serialize for Datapoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry(self.filter, &self.value)?;
        map.serialize_entry("timestamp", &self.at.0)?;
        map.serialize_entry("unit", self.unit)?;
        map.end()
    }
}
