//! Backups of a simulated store, restored to a real one: whole, brought up to date, cut short, damaged.

#![expect(
    clippy::disallowed_methods,
    reason = "these tests lay out files as damaged as they like"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::{TempDir, tempdir};

use super::*;
use crate::store::{
    Batch, DiskStore, Durability, Imaged, Settings, SimulatedStore, Store, folder, key,
};

type Model = BTreeMap<Vec<u8>, String>;

/// Entries of several chunks.
const ENTRIES: u32 = 400;
const VALUE_BYTES: usize = 20_000;

fn entry_key(number: u32) -> Vec<u8> {
    [&[2], number.to_be_bytes().as_slice()].concat()
}

fn put(store: &impl Store, numbers: impl IntoIterator<Item = u32>, value: u8) {
    for number in numbers {
        let mut batch = Batch::default();
        batch.put(entry_key(number), vec![value; VALUE_BYTES]);
        store.commit(batch, Durability::Flushed).unwrap();
    }
}

/// All entries, their values by digest, without the one by which a real store probes its disk.
fn everything(store: &impl Store) -> Model {
    let keys = key::everything();
    let mut entries = store.range(key::borrowed(&keys), usize::MAX).unwrap();
    entries.retain(|(entry_key, _)| *entry_key != key::probe()[..]);
    let digested = |(key, value): image::Entry| (key.to_vec(), Digest::of(&value).to_string());
    entries.into_iter().map(digested).collect()
}

/// A store with some chunks of entries, and a place for its backup.
struct Setting {
    store: Arc<Imaged<SimulatedStore>>,
    folder: TempDir,
}

impl Setting {
    fn new() -> Self {
        let store = Imaged::new(SimulatedStore::new());
        crate::store::format::establish(&store).unwrap();
        put(&store, 0..ENTRIES, 1);
        Self {
            store: Arc::new(store),
            folder: tempdir().unwrap(),
        }
    }

    fn dest(&self) -> PathBuf {
        self.folder.path().join("backups/dest")
    }

    fn source(&self) -> Local<SimulatedStore> {
        let files = vec![("identity.key".to_owned(), b"secret".to_vec())];
        Local::new(self.store.image().unwrap(), files, 0)
    }

    fn take(&self) -> Summary {
        take(&mut self.source(), &self.dest(), &mut |_| ()).unwrap()
    }

    fn chunks(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.dest().join("chunks")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// Restores into a new folder, and gives what that has then.
    fn restored(&self) -> Model {
        let to = tempdir().unwrap();
        restore(&self.dest(), to.path(), &mut |_| ()).unwrap();
        entries_in(to.path())
    }

    /// Why a restore is refused. It must not have written anything.
    #[track_caller]
    fn refusal(&self) -> Error {
        let to = self.folder.path().join("refused");
        let error = restore(&self.dest(), &to, &mut |_| ()).unwrap_err();
        assert!(!to.exists());
        error
    }
}

fn restore(from: &Path, to: &Path, watch: Watch<'_>) -> Result<Summary, Error> {
    super::restore(from, to, Settings::default(), watch)
}

fn entries_in(data: &Path) -> Model {
    folder::check_whole(data).unwrap();
    everything(&DiskStore::open_to_read(&data.join("store")).unwrap())
}

/// A source that is lost after some pieces.
struct CutOff {
    source: Local<SimulatedStore>,
    pieces: usize,
}

impl Source for CutOff {
    fn greeting(&self) -> Greeting {
        self.source.greeting()
    }

    fn next(&mut self) -> Result<Option<Offer>, Error> {
        if self.pieces == 0 {
            return Err(Error::Lost(io::ErrorKind::UnexpectedEof.into()));
        }
        self.pieces -= 1;
        self.source.next()
    }

    fn fetch(&mut self) -> Result<Vec<u8>, Error> {
        self.source.fetch()
    }
}

#[test]
fn what_is_restored_is_what_was_backed_up_and_for_this_user_alone() {
    let setting = Setting::new();
    let summary = setting.take();
    assert_eq!(summary.entries, u64::from(ENTRIES) + 1, "and the format");
    assert_eq!(summary.written_bytes, summary.bytes);
    assert_eq!(setting.restored(), everything(setting.store.as_ref()));

    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&setting.dest()), 0o700);
    assert!(setting.chunks().iter().all(|chunk| mode(chunk) == 0o600));
    let to = tempdir().unwrap();
    restore(&setting.dest(), to.path(), &mut |_| ()).unwrap();
    let key = to.path().join("identity.key");
    assert_eq!(
        (mode(&key), fs::read(&key).unwrap()),
        (0o600, b"secret".to_vec())
    );
}

#[test]
fn a_backup_has_nothing_of_what_is_committed_while_it_is_taken() {
    let setting = Setting::new();
    let expected = everything(setting.store.as_ref());
    let mut source = setting.source();
    let mut number = 0;
    take(&mut source, &setting.dest(), &mut |_| {
        let mut batch = Batch::default();
        batch.delete(entry_key(number));
        batch.put(entry_key(ENTRIES - 1 - number), *b"changed");
        batch.put(entry_key(ENTRIES + number), *b"new");
        setting.store.commit(batch, Durability::Buffered).unwrap();
        number += 1;
    })
    .unwrap();
    assert!(number > 5, "in the middle of it");
    assert_eq!(setting.restored(), expected);
}

#[test]
fn a_later_backup_writes_what_differs_and_removes_what_is_gone() {
    let setting = Setting::new();
    let first = setting.take();
    assert_eq!(setting.take().written_bytes, 0);

    let chunks = setting.chunks().len();
    put(setting.store.as_ref(), [7], 2);
    put(setting.store.as_ref(), ENTRIES..ENTRIES + 10, 2);
    let later = setting.take();
    assert!(later.written_bytes < first.bytes / 2, "{later:?}");
    assert!(setting.chunks().len() <= chunks + 1);
    assert_eq!(setting.restored(), everything(setting.store.as_ref()));
}

#[test]
fn a_backup_that_was_cut_short_is_none_and_the_next_one_goes_on_from_it() {
    let setting = Setting::new();
    let mut cut_off = CutOff {
        source: setting.source(),
        pieces: 4,
    };
    let error = take(&mut cut_off, &setting.dest(), &mut |_| ()).unwrap_err();
    assert!(matches!(error, Error::Lost(_)), "{error}");
    drop(cut_off);
    assert!(matches!(setting.refusal(), Error::Unfinished(_)));

    let kept: u64 = setting
        .chunks()
        .iter()
        .map(|path| fs::metadata(path).unwrap().len())
        .sum();
    put(setting.store.as_ref(), [ENTRIES], 2);
    let summary = setting.take();
    assert!(kept > 2 << 20);
    assert_eq!(summary.written_bytes, summary.bytes - kept);
    assert_eq!(setting.restored(), everything(setting.store.as_ref()));
}

#[test]
fn an_earlier_backup_stays_whole_until_the_next_one_is() {
    let setting = Setting::new();
    setting.take();
    let earlier = everything(setting.store.as_ref());
    put(setting.store.as_ref(), 0..ENTRIES, 2);
    let mut cut_off = CutOff {
        source: setting.source(),
        pieces: 4,
    };
    take(&mut cut_off, &setting.dest(), &mut |_| ()).unwrap_err();
    assert_eq!(setting.restored(), earlier);
}

#[test]
fn damage_to_any_file_of_a_backup_is_named_before_anything_is_written() {
    let setting = Setting::new();
    setting.take();
    let mut files = setting.chunks();
    files.push(setting.dest().join("manifest"));
    for path in files {
        let sound = fs::read(&path).unwrap();
        let mut damaged = sound.clone();
        *damaged.last_mut().unwrap() ^= 1;
        fs::write(&path, &damaged).unwrap();
        let error = setting.refusal();
        assert!(error.is_damage(), "{error}");
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(error.to_string().contains(name), "{error}");

        fs::remove_file(&path).unwrap();
        assert!(matches!(
            setting.refusal(),
            Error::Unfinished(_) | Error::Store(crate::store::Error::Damaged { .. })
        ));
        fs::write(&path, &sound).unwrap();
    }
    assert_eq!(setting.restored(), everything(setting.store.as_ref()));
}

#[test]
fn the_next_backup_writes_a_damaged_chunk_anew() {
    let setting = Setting::new();
    setting.take();
    let chunk = setting.chunks().pop().unwrap();
    fs::write(&chunk, b"damaged").unwrap();
    assert!(setting.take().written_bytes > 0);
    assert_eq!(setting.restored(), everything(setting.store.as_ref()));
}

#[test]
fn a_folder_with_other_things_in_it_is_neither_written_nor_restored_to() {
    let setting = Setting::new();
    let other = tempdir().unwrap();
    fs::write(other.path().join("mine"), b"").unwrap();
    let error = take(&mut setting.source(), other.path(), &mut |_| ()).unwrap_err();
    assert!(matches!(error, Error::NotEmpty(_)), "{error}");
    setting.take();
    let error = restore(&setting.dest(), other.path(), &mut |_| ()).unwrap_err();
    assert!(matches!(error, Error::NotEmpty(_)), "{error}");
    assert_eq!(fs::read_dir(other.path()).unwrap().count(), 1);
}

#[test]
fn a_restore_that_was_cut_short_is_recognised_and_done_anew() {
    let setting = Setting::new();
    setting.take();
    let to = tempdir().unwrap();
    let cut_short = std::panic::catch_unwind(|| {
        let mut watch = |at: Progress| assert!(at.step != "restoring" || at.done < at.of / 2);
        restore(&setting.dest(), to.path(), &mut watch)
    });
    assert!(cut_short.is_err(), "it was cut short");
    let error = folder::check_whole(to.path()).unwrap_err().to_string();
    assert!(error.contains("run rohrpost restore again"), "{error}");

    restore(&setting.dest(), to.path(), &mut |_| ()).unwrap();
    assert_eq!(entries_in(to.path()), everything(setting.store.as_ref()));
}
