//! The result: figures, ratios and whether the goals are met.

use std::fmt;

/// What a ratio or a figure must be.
#[derive(Clone, Copy)]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// Nothing is asked.
    Told,
}

/// All rows.
#[derive(Default)]
pub struct Table {
    lines: Vec<Line>,
}

struct Line {
    row: char,
    what: String,
    figures: String,
    rounds: Vec<f64>,
    goal: Goal,
}

impl Table {
    /// Adds what the rounds of a row gave.
    pub fn add(&mut self, row: char, what: &str, figures: String, rounds: Vec<f64>, goal: Goal) {
        let line = Line {
            row,
            what: what.to_owned(),
            figures,
            rounds,
            goal,
        };
        eprintln!("{line}");
        self.lines.push(line);
    }
}

/// The middle of some values.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let middle = median(self.rounds.iter().copied());
        let least = self.rounds.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.rounds.iter().copied().fold(0.0, f64::max);
        let (goal, verdict) = match self.goal {
            Goal::AtLeast(goal) if middle >= goal => (format!("≥ {goal}"), "pass"),
            Goal::AtLeast(goal) => (format!("≥ {goal}"), "MISS"),
            Goal::AtMost(goal) if middle <= goal => (format!("≤ {goal}"), "pass"),
            Goal::AtMost(goal) => (format!("≤ {goal}"), "MISS"),
            Goal::Told => (String::new(), ""),
        };
        write!(
            f,
            "| {} | {} | {} | {middle:.3} ({least:.3} to {most:.3}) | {goal} | {verdict} |",
            self.row, self.what, self.figures
        )
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| row | scenario | figures (medians) | ratio (median, least to most) | goal | |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|")?;
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
