//! The disk floor: the same bytes at the end of one file, and `fdatasync`.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use rohrpost::store::record_batch::Builder;
use rohrpost::types::Record;

use super::commit::Sink;

/// A file that grows.
pub struct Appended(File);

impl Appended {
    pub fn to(folder: &Path) -> Self {
        Self(File::create(folder.join("appended")).unwrap())
    }
}

impl Sink for Appended {
    fn commit(&mut self, records: Vec<Record>) {
        let mut batch = Builder::new(records[0].offset);
        for record in &records {
            batch.push(record);
        }
        self.0.write_all(&batch.finish()).unwrap();
        self.0.sync_data().unwrap();
    }
}
