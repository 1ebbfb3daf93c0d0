//! Whether a figure grows: a straight line through the means of a minute each, and how sure its slope is.

use std::fmt;

/// Neighbouring samples are alike, which would make a slope look surer than it is; means of a minute are not.
const BLOCK_H: f64 = 1.0 / 60.0;
const BLOCKS_MIN: usize = 5;
/// Of Student's distribution, 97.5 %, for 20 and more degrees of freedom; a little too sure for fewer.
const STUDENT: f64 = 2.09;

/// A line by least squares.
#[derive(Debug, Clone, Copy)]
pub struct Trend {
    pub mean: f64,
    /// Per hour, and by how much it may be off with 95 % confidence.
    pub slope: f64,
    pub error: f64,
}

impl Trend {
    /// The trend of these values by hour; nothing if they are too few.
    pub fn of(points: &[(f64, f64)]) -> Option<Self> {
        let blocks = blocks(points);
        if blocks.len() < BLOCKS_MIN {
            return None;
        }
        let count = blocks.len() as f64;
        let mean_of = |of: fn(&(f64, f64)) -> f64| blocks.iter().map(of).sum::<f64>() / count;
        let (at, mean) = (mean_of(|block| block.0), mean_of(|block| block.1));
        let spread: f64 = blocks.iter().map(|block| (block.0 - at).powi(2)).sum();
        let common: f64 = blocks
            .iter()
            .map(|block| (block.0 - at) * (block.1 - mean))
            .sum();
        let slope = common / spread;
        let off = |block: &(f64, f64)| block.1 - mean - slope * (block.0 - at);
        let noise: f64 = blocks.iter().map(|block| off(block).powi(2)).sum();
        let error = STUDENT * (noise / (count - 2.0) / spread).sqrt();
        Some(Self { mean, slope, error })
    }

    /// Whether the line may as well be level.
    pub fn is_level(&self) -> bool {
        self.slope.abs() <= self.error
    }
}

/// The means of the points of each minute.
fn blocks(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let number = |point: &(f64, f64)| (point.0 / BLOCK_H) as u64;
    let minutes = points.chunk_by(|one, next| number(one) == number(next));
    let mean = |minute: &[(f64, f64)]| {
        let count = minute.len() as f64;
        let sum = minute
            .iter()
            .fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        (sum.0 / count, sum.1 / count)
    };
    minutes.map(mean).collect()
}

impl fmt::Display for Trend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mean, slope, error } = self;
        let level = if self.is_level() {
            "level"
        } else {
            "not level"
        };
        write!(
            f,
            "mean {mean:7.2}, slope {slope:+7.2} ± {error:6.2} per hour ({level})"
        )
    }
}
