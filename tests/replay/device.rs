//! A disk of our own: a block device whose every write and flush is seen here first.
//!
//! Owns the way to it: a file in memory, served over FUSE, with a loop device on it. The kernel's file system on that
//! device knows no difference to a drive with a volatile cache.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags,
    Generation, INodeNo, LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyEmpty, ReplyEntry,
    ReplyOpen, ReplyWrite, Request, WriteFlags,
};
use tempfile::TempDir;

use crate::image::Image;

/// The size of every disk: much more than the load fills.
const DISK_BYTES: u64 = 512 << 20;
const FILE: &str = "disk";
const FILE_NUMBER: INodeNo = INodeNo(2);
/// Nothing changes but what the file holds.
const VALID: Duration = Duration::from_hours(1);

/// What this machine lacks for a disk of our own, if anything.
pub fn lack() -> Option<&'static str> {
    let needs = ["/dev/fuse", "/dev/loop-control"];
    needs.into_iter().find(|need| !Path::new(need).exists())
}

/// What reached the disk.
pub enum Event {
    Write {
        offset: usize,
        bytes: Box<[u8]>,
    },
    /// What was written before is durable.
    Flush,
}

/// Everything that happened to a disk.
pub struct Record {
    /// What it held before.
    pub found: Image,
    pub events: Vec<Event>,
}

/// A disk's contents now, and what happened since it was watched.
#[derive(Default)]
struct State {
    image: Image,
    /// Nothing, if nobody wants to know.
    events: Option<Vec<Event>>,
}

impl State {
    fn note(&mut self, event: impl FnOnce() -> Event) {
        if let Some(events) = &mut self.events {
            events.push(event());
        }
    }
}

/// How far a disk's record has come. Cloning gives another view of the same record.
#[derive(Clone)]
pub struct Position(Arc<Mutex<State>>);

impl Position {
    /// How many events there are so far.
    pub fn now(&self) -> usize {
        let state = self.0.lock().unwrap();
        state.events.as_ref().map_or(0, Vec::len)
    }
}

/// A disk with a file system that is mounted.
pub struct Disk {
    state: Arc<Mutex<State>>,
    /// What it held before it was mounted.
    found: Image,
    folder: TempDir,
    device: Option<String>,
    /// Serves the file until it is dropped.
    session: Option<BackgroundSession>,
}

impl Disk {
    /// An empty disk with a new file system, watched from its being mounted on.
    pub fn new() -> Self {
        let mut disk = Self::serving(Image::default());
        let options = "nodiscard,lazy_itable_init=0,lazy_journal_init=0";
        run("mkfs.ext4", &["-q", "-F", "-E", options, &disk.file()]).unwrap();
        disk.found = disk.watch();
        disk.mount().unwrap();
        disk
    }

    /// A disk that is found like this; what is said instead if it cannot be mounted.
    pub fn found(image: Image) -> Result<Self, String> {
        let mut disk = Self::serving(image);
        disk.mount()?;
        Ok(disk)
    }

    fn serving(image: Image) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("served")).unwrap();
        std::fs::create_dir(folder.path().join("mounted")).unwrap();
        let state = State {
            image,
            events: None,
        };
        let state = Arc::new(Mutex::new(state));
        let served = Served(Arc::clone(&state));
        let session = fuser::spawn_mount(served, folder.path().join("served"), &Config::default());
        Self {
            state,
            found: Image::default(),
            folder,
            device: None,
            session: Some(session.expect("this test needs /dev/fuse and root")),
        }
    }

    /// Lets every event be noted from now on. Gives what the disk holds now.
    fn watch(&self) -> Image {
        let mut state = self.state.lock().unwrap();
        state.events = Some(Vec::new());
        state.image.clone()
    }

    fn file(&self) -> String {
        let file = self.folder.path().join("served").join(FILE);
        file.to_str().unwrap().to_owned()
    }

    fn mounted(&self) -> PathBuf {
        self.folder.path().join("mounted")
    }

    fn mount(&mut self) -> Result<(), String> {
        let device = run("losetup", &["--find", "--show", &self.file()]).unwrap();
        let device = device.trim();
        self.device = Some(device.to_owned());
        let mounted = self.mounted();
        run(
            "mount",
            &["-t", "ext4", "-o", "noatime", device, text(&mounted)],
        )
        .map(drop)
    }

    /// A folder on it.
    pub fn data(&self) -> PathBuf {
        self.mounted().join("data")
    }

    pub fn position(&self) -> Position {
        Position(Arc::clone(&self.state))
    }

    /// What happened since before it was mounted. It is not watched any more.
    pub fn record(&self) -> Record {
        let events = self.state.lock().unwrap().events.take();
        Record {
            found: self.found.clone(),
            events: events.expect("it was watched"),
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What fails here was not mounted, as the test has failed before.
        let _ = Command::new("umount").arg(self.mounted()).status();
        if let Some(device) = &self.device {
            let _ = Command::new("losetup").args(["-d", device]).status();
        }
        if let Some(session) = self.session.take() {
            let _ = session.umount_and_join();
        }
    }
}

/// What a command prints, or what it complains about.
fn run(command: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(command).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("this test needs {command}: {error}"));
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command} (needs root and loop devices): {said}"));
    }
    Ok(String::from_utf8(output.stdout).unwrap())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The file system of one file that the loop device stands on.
struct Served(Arc<Mutex<State>>);

fn attributes(number: INodeNo) -> FileAttr {
    let (kind, size) = match number {
        FILE_NUMBER => (FileType::RegularFile, DISK_BYTES),
        _ => (FileType::Directory, 0),
    };
    FileAttr {
        ino: number,
        size,
        blocks: size / 512,
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind,
        perm: 0o700,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 4_096,
        flags: 0,
    }
}

impl Filesystem for Served {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        if name == FILE {
            reply.entry(&VALID, &attributes(FILE_NUMBER), Generation(0));
        } else {
            reply.error(Errno::ENOENT);
        }
    }

    fn getattr(&self, _: &Request, number: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&VALID, &attributes(number));
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        // No cache of the kernel's stands between the loop device and us.
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let offset = usize::try_from(offset).unwrap();
        let state = self.0.lock().unwrap();
        reply.data(&state.image.read(offset, size as usize));
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        bytes: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let offset = usize::try_from(offset).unwrap();
        let mut state = self.0.lock().unwrap();
        state.image.write(offset, bytes);
        state.note(|| Event::Write {
            offset,
            bytes: bytes.into(),
        });
        drop(state);
        reply.written(u32::try_from(bytes.len()).unwrap());
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.0.lock().unwrap().note(|| Event::Flush);
        reply.ok();
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        // Closing the file makes nothing durable.
        reply.ok();
    }
}
