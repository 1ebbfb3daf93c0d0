//! Reading a whole store, and saying of everything that is not as it must be what it is.
//!
//! Owns what a sound store is: every entry decodes, belongs to something that exists, and agrees with the others. Reads
//! the entries once, in key order, and keeps what the metadata says in memory, as a broker does, but no record. Changes
//! nothing and repairs nothing.

mod accounts;
mod known;
mod logs;
mod report;
mod sweep;

pub use report::{Counts, Finding, Seen};

use crate::store::{Error, Store, key};
use known::Known;
use report::Report;
use sweep::Sweep;

/// Entries read at once: at most 2 MB.
const PAGE_ENTRIES: usize = 256;

/// Reads the whole store, and shows `watch` what it finds, as it finds it, and how far it has come.
///
/// # Errors
/// What reading the store fails with. A damaged entry is no error, but a [`Finding`].
pub fn audit(store: &dyn Store, watch: &mut dyn FnMut(Seen<'_>)) -> Result<Counts, Error> {
    let mut report = Report::new(watch);
    let known = Known::read(store, &mut report)?;
    let mut sweep = Sweep::new(known, report);
    let key::Keys { mut start, end } = key::everything();
    loop {
        let page = store.range(&start..&end, PAGE_ENTRIES)?;
        let Some((last_key, _)) = page.last() else {
            return Ok(sweep.finish());
        };
        start = key::after(last_key);
        for (entry_key, value) in &page {
            sweep.entry(entry_key, value);
        }
        sweep.show_progress();
    }
}
