//! Faults that are planted to see whether a replay finds them: the real program with another `fdatasync`.
//!
//! The program is not changed. A small library that is loaded before the C library takes the place of the call that its
//! barrier makes (`src/store/barrier.rs`).

use std::path::{Path, PathBuf};
use std::process::Command;

/// What the barrier does instead of its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    NoBarrier,
    /// What sled does without us: pages are written, but neither the file's size nor the drive's cache.
    AsSledShips,
    /// Its work, but 50 ms after it has answered.
    AnswersFirst,
}

impl Fault {
    pub const ALL: [Self; 3] = [Self::NoBarrier, Self::AsSledShips, Self::AnswersFirst];

    const fn source(self) -> &'static str {
        match self {
            Self::NoBarrier => "int fdatasync(int file) { return 0; }",
            Self::AsSledShips => {
                r"
                #include <sys/syscall.h>
                #include <unistd.h>
                int fdatasync(int file) { return syscall(SYS_sync_file_range, file, 0L, 0L, 7); }
                "
            }
            Self::AnswersFirst => {
                r"
                #include <pthread.h>
                #include <stdint.h>
                #include <sys/syscall.h>
                #include <unistd.h>
                static void *later(void *file) {
                    usleep(50000);
                    syscall(SYS_fdatasync, (int)(intptr_t)file);
                    return 0;
                }
                int fdatasync(int file) {
                    pthread_t thread;
                    if (pthread_create(&thread, 0, later, (void *)(intptr_t)file) == 0)
                        pthread_detach(thread);
                    return 0;
                }
                "
            }
        }
    }

    /// The library, built in `folder` by the compiler that Rust links with.
    pub fn library(self, folder: &Path) -> PathBuf {
        let source = folder.join(format!("{self:?}.c"));
        let library = source.with_extension("so");
        std::fs::write(&source, self.source()).unwrap();
        let mut compiler = Command::new("cc");
        let compiler = compiler.args(["-shared", "-fPIC", "-D_GNU_SOURCE", "-pthread", "-o"]);
        let status = compiler.arg(&library).arg(&source).status();
        assert!(status.unwrap().success());
        library
    }
}
