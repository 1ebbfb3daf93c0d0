//! How far a long command has come, on the terminal.
//!
//! Owns the bar. Refuses to know what is counted. Where standard error is no terminal nothing is shown.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar that grows.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// A bar for bytes, which appears with the first of them.
    #[must_use]
    pub fn of_bytes() -> Self {
        Self::of("{msg:9} [{wide_bar}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} to go")
    }

    /// A bar for steps that each count something of their own.
    #[must_use]
    pub fn of_steps() -> Self {
        Self::of("{msg:10} [{wide_bar}] {percent} %, {eta} to go")
    }

    fn of(template: &str) -> Self {
        let bar = ProgressBar::new(0);
        let style = ProgressStyle::with_template(template).expect("the template is well formed");
        bar.set_style(style.progress_chars("=> "));
        Self { bar }
    }

    /// Shows that so many bytes of so many are done in this step.
    pub fn show(&self, step: &'static str, done: u64, of: u64) {
        if self.bar.message() != step {
            self.bar.reset();
            self.bar.set_message(step);
        }
        self.bar.set_length(of);
        self.bar.set_position(done);
    }

    /// Makes room for what is printed next.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
