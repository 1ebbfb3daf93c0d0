//! Tests of the whole program.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests may panic, and lay out files as damaged as they like"
)]

mod architecture;
mod cli;
mod process;
mod readme;
