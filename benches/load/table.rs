//! The result: for each engine figures, ratios and whether the goals are met.

use std::fmt;

use rohrpost::store::Engine;
use serde::Serialize;

use crate::turns::Turns;

/// What a ratio or a figure must be.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// Nothing is asked.
    Told,
}

/// What one line of the table is about.
#[derive(Clone, Serialize)]
pub struct Row {
    pub letter: char,
    pub what: String,
    /// What its figures are counted in.
    pub unit: &'static str,
    pub goal: Goal,
}

impl Row {
    pub fn new(letter: char, what: impl Into<String>, unit: &'static str, goal: Goal) -> Self {
        Self {
            letter,
            what: what.into(),
            unit,
            goal,
        }
    }
}

/// What one round measured, and what that is held against; without the latter it stands for itself.
#[derive(Clone, Copy, Serialize)]
pub struct Figure {
    pub reached: f64,
    pub of: Option<f64>,
}

impl Figure {
    pub const fn of(of: f64, reached: f64) -> Self {
        let of = Some(of);
        Self { reached, of }
    }

    pub const fn alone(reached: f64) -> Self {
        Self { reached, of: None }
    }

    /// What the goal is about.
    pub fn ratio(&self) -> f64 {
        self.of.map_or(self.reached, |of| self.reached / of)
    }
}

/// All lines.
#[derive(Default, Serialize)]
pub struct Table {
    lines: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    row: Row,
    cells: Vec<Cell>,
}

#[derive(Serialize)]
struct Cell {
    #[serde(serialize_with = "by_name")]
    engine: Engine,
    rounds: Vec<Figure>,
}

/// For who keeps the figures.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
pub fn by_name<S: serde::Serializer>(engine: &Engine, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(engine)
}

impl Table {
    /// Adds what the rounds gave on this engine.
    pub fn add(&mut self, row: &Row, engine: Engine, rounds: Vec<Figure>) {
        let cell = Cell { engine, rounds };
        eprintln!(
            "{} | {} | {engine}: {}",
            row.letter,
            row.what,
            cell.text(row)
        );
        let same = |line: &&mut Line| line.row.letter == row.letter && line.row.what == row.what;
        match self.lines.iter_mut().find(same) {
            Some(line) => line.cells.push(cell),
            None => self.lines.push(Line {
                row: row.clone(),
                cells: vec![cell],
            }),
        }
    }

    /// Adds what was measured once on this engine.
    pub fn add_one(&mut self, row: &Row, engine: Engine, figure: Figure) {
        self.add(row, engine, vec![figure]);
    }

    /// Adds what the turns gave on each engine, by what makes a figure of two measurements.
    pub fn add_turns<F, A>(
        &mut self,
        row: &Row,
        turns: &Turns<F, A>,
        figure: impl Fn(&F, &A) -> Figure,
    ) {
        for (engine, pairs) in turns {
            let rounds = pairs.iter().map(|(one, other)| figure(one, other));
            self.add(row, *engine, rounds.collect());
        }
    }

    /// Of every line that has a goal, its letter and what it is about, and how often each engine reaches the goal.
    pub fn met(&self) -> impl Iterator<Item = (&Row, Vec<(Engine, f64)>)> {
        self.lines.iter().filter_map(|line| {
            let times = |cell: &Cell| match line.row.goal {
                Goal::AtLeast(goal) => Some((cell.engine, cell.middle() / goal)),
                Goal::AtMost(goal) => Some((cell.engine, goal / cell.middle())),
                Goal::Told => None,
            };
            let times: Option<Vec<_>> = line.cells.iter().map(times).collect();
            times.map(|times| (&line.row, times))
        })
    }
}

impl Cell {
    fn middle(&self) -> f64 {
        median(self.rounds.iter().map(Figure::ratio))
    }

    fn text(&self, row: &Row) -> String {
        let ratios = || self.rounds.iter().map(Figure::ratio);
        let least = ratios().fold(f64::INFINITY, f64::min);
        let most = ratios().fold(0.0, f64::max);
        let range = match self.rounds.len() {
            0 | 1 => String::new(),
            _ => format!(" ({} to {})", pretty(least), pretty(most)),
        };
        let middle = pretty(self.middle());
        let of: Option<Vec<f64>> = self.rounds.iter().map(|figure| figure.of).collect();
        let Some(of) = of else {
            return format!("{middle} {}{range}", row.unit);
        };
        let reached = median(self.rounds.iter().map(|figure| figure.reached));
        format!(
            "{middle}{range}: {} of {} {}",
            pretty(reached),
            pretty(median(of)),
            row.unit
        )
    }

    fn verdict(&self, goal: Goal) -> &'static str {
        let middle = self.middle();
        match goal {
            Goal::AtLeast(goal) if middle >= goal => "pass",
            Goal::AtMost(goal) if middle <= goal => "pass",
            Goal::Told => "",
            _ => "**MISS**",
        }
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

/// With as many digits as mean something.
pub fn pretty(value: f64) -> String {
    if value.abs() < 99.95 {
        let digits = if value.abs() < 9.9995 { 3 } else { 1 };
        return format!("{value:.digits$}");
    }
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(goal) => write!(f, "≥ {goal}"),
            Self::AtMost(goal) => write!(f, "≤ {goal}"),
            Self::Told => f.write_str("–"),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row {
            letter, what, goal, ..
        } = &self.row;
        write!(f, "| {letter} | {what} | {goal} |")?;
        self.cells.iter().try_for_each(|cell| {
            let (text, verdict) = (cell.text(&self.row), cell.verdict(*goal));
            write!(f, " {text} | {verdict} |")
        })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.lines.first() else {
            return Ok(());
        };
        let engines = first.cells.iter().map(|cell| cell.engine);
        let names: String = engines.map(|engine| format!(" {engine} | |")).collect();
        writeln!(f, "| row | scenario | goal |{names}")?;
        writeln!(f, "|---|---|---|{}", "---|---|".repeat(first.cells.len()))?;
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
