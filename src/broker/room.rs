//! Room on the disk: whether more may be stored, so that the store never meets a full one.
//!
//! Owns the reserve that is kept free for acknowledgements, deletions and the engine's own housekeeping, and what is
//! known of the free space: a look at the file system now and then, less what was accepted since. Refuses to know
//! which file system that is, and what the bytes are for.
//!
//! ```text
//!  free at the last look │◀─ reserve ─▶│◀─ written since ─▶│◀─ in flight ─▶│◀── left ──▶│
//! ```

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use super::vitals::Disk;
use super::{Clock, Error, Result, locked};
use crate::types::Message;

/// How long other programs may fill the disk unnoticed.
const LOOK_EVERY_MS: u64 = 1_000;

/// How much may be written between two looks.
const LOOK_AFTER_BYTES: u64 = 4 << 20;

/// What the store writes for a byte of a message: its file was measured to be 1.5 to 1.8 times the payload.
const WRITTEN_PER_BYTE: u64 = 2;

/// What the store writes for anything at all, such as a new queue or the headers of a message.
pub const ENTRY_BYTES: u64 = 1_024;

/// How long what can wait is put off when room is scarce.
pub const PUT_OFF_MS: u64 = LOOK_EVERY_MS;

/// What tells how many bytes the file system has free.
pub type FreeSpace = Box<dyn Fn() -> io::Result<u64> + Send>;

/// What tells how many bytes the store takes on it.
pub type StoreSize = Box<dyn Fn() -> io::Result<u64> + Send + Sync>;

/// The room that is left above the reserve.
pub struct Room {
    reserve_bytes: u64,
    /// Held during a look, so that there is one at a time.
    free: Mutex<FreeSpace>,
    state: Mutex<State>,
    store_size: Option<StoreSize>,
}

#[derive(Default)]
struct State {
    /// Bytes that were free at the last look; none before the first.
    free: u64,
    /// Bytes that were written since the last look, or while it was taken.
    written: u64,
    /// Bytes that were accepted and are not written yet.
    in_flight: u64,
    /// What the log was told last.
    told: Told,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Told {
    #[default]
    Enough,
    Full,
    Unknown,
}

impl Room {
    /// Room without end.
    #[must_use]
    pub fn unlimited() -> Self {
        Self::above(0, Box::new(|| Ok(u64::MAX)))
    }

    /// What `free` has above `reserve_bytes`. As long as `free` cannot tell, what it told last counts; nothing, if it
    /// never could.
    #[must_use]
    pub fn above(reserve_bytes: u64, free: FreeSpace) -> Self {
        let room = Self {
            reserve_bytes,
            free: Mutex::new(free),
            state: Mutex::default(),
            store_size: None,
        };
        room.look();
        room
    }

    /// The same room, which also knows how much the store takes.
    #[must_use]
    pub fn with_store_size(self, store_size: StoreSize) -> Self {
        Self {
            store_size: Some(store_size),
            ..self
        }
    }

    /// What is known of the disk.
    pub fn disk(&self) -> Disk {
        Disk {
            free: self.lock().free,
            reserve: self.reserve_bytes,
            store: self.store_size.as_ref().and_then(|size| size().ok()),
        }
    }

    /// Takes room for so many bytes, until what is returned is dropped: then they count as written.
    ///
    /// # Errors
    /// [`Error::NoRoom`] if nothing is left. A request larger than what is left is let through: it goes a little into
    /// the reserve, and so small and large requests are refused alike.
    pub fn take(self: &Arc<Self>, bytes: u64) -> Result<Taken> {
        let mut state = self.lock();
        if self.left(&state) == 0 {
            return Err(Error::NoRoom);
        }
        state.in_flight += bytes;
        Ok(Taken {
            room: Arc::clone(self),
            bytes,
        })
    }

    /// Whether nothing is left.
    pub fn is_full(&self) -> bool {
        self.left(&self.lock()) == 0
    }

    /// Whether half of the reserve is gone, so that what can wait should.
    pub fn is_scarce(&self) -> bool {
        self.lock().free < self.reserve_bytes / 2
    }

    fn left(&self, state: &State) -> u64 {
        let accepted = state.written + state.in_flight;
        let above = state.free.saturating_sub(self.reserve_bytes);
        above.saturating_sub(accepted)
    }

    /// Looks at the file system again and again.
    pub async fn watch(self: Arc<Self>, clock: Clock) {
        loop {
            let next = clock.now().plus_ms(LOOK_EVERY_MS);
            clock.sleep_until(Some(next)).await;
            self.look();
        }
    }

    /// Looks at the file system if much was written since the last look.
    pub fn look_after_much(&self) {
        if self.lock().written >= LOOK_AFTER_BYTES {
            self.look();
        }
    }

    fn look(&self) {
        let ask = locked(&self.free);
        // What is written while we look may or may not be in what we see, so it goes on counting.
        let seen = self.lock().written;
        let free = ask();
        let mut state = self.lock();
        let told = match free {
            Ok(free) => {
                state.free = free;
                state.written -= seen;
                if free > self.reserve_bytes {
                    Told::Enough
                } else {
                    Told::Full
                }
            }
            Err(_) => Told::Unknown,
        };
        let before = std::mem::replace(&mut state.told, told);
        drop(state);
        if before != told {
            self.tell(free);
        }
    }

    fn tell(&self, free: io::Result<u64>) {
        let reserve = self.reserve_bytes;
        match free {
            Ok(free) if free > reserve => tracing::info!(free, reserve, "sends are accepted again"),
            Ok(free) => tracing::warn!(
                free,
                reserve,
                "the disk is nearly full: sends are refused until there is room; consuming and acknowledging go on"
            ),
            Err(error) => {
                tracing::error!(%error, "the file system does not tell how much is free; what it told last counts");
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

/// Room that was taken and is not used up yet.
pub struct Taken {
    room: Arc<Room>,
    bytes: u64,
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut state = self.room.lock();
        state.in_flight -= self.bytes;
        state.written += self.bytes;
    }
}

/// What the store will write for these messages, rather too much than too little.
pub fn bytes_for(messages: &[Message]) -> u64 {
    let bytes = |message: &Message| {
        let attributes = message
            .attributes
            .as_ref()
            .map_or(0, |json| json.text().len());
        ENTRY_BYTES + WRITTEN_PER_BYTE * (message.body.text().len() + attributes) as u64
    };
    messages.iter().map(bytes).sum()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    const UNKNOWN: u64 = u64::MAX;

    /// Room above 1,000 bytes on a disk whose free space the test moves.
    fn room(free: u64) -> (Arc<AtomicU64>, Arc<Room>) {
        let disk = Arc::new(AtomicU64::new(free));
        let asked = Arc::clone(&disk);
        let free = move || match asked.load(Ordering::Relaxed) {
            UNKNOWN => Err(io::Error::other("the disk is away")),
            free => Ok(free),
        };
        (disk, Arc::new(Room::above(1_000, Box::new(free))))
    }

    #[test]
    fn what_is_in_flight_counts_before_the_disk_shows_it() {
        let (_, room) = room(1_100);
        let first = room.take(60).unwrap();
        let second = room.take(60).unwrap();
        assert_eq!(room.take(1).err(), Some(Error::NoRoom));
        drop(first);
        assert!(
            room.is_full(),
            "what was written since the last look counts"
        );
        room.look();
        assert!(
            !room.is_full(),
            "the disk was looked at after it was written"
        );
        assert!(room.take(40).is_ok());
        drop(second);
    }

    #[test]
    fn a_look_is_taken_after_much_was_written() {
        let (disk, room) = room(1_000 + 2 * LOOK_AFTER_BYTES);
        drop(room.take(LOOK_AFTER_BYTES - 1).unwrap());
        disk.store(1_000, Ordering::Relaxed);
        room.look_after_much();
        assert!(!room.is_full());
        drop(room.take(1).unwrap());
        room.look_after_much();
        assert!(room.is_full());
    }

    #[test]
    fn what_is_written_during_a_look_goes_on_counting() {
        let disk: Arc<Mutex<Option<Taken>>> = Arc::default();
        let writes = Arc::clone(&disk);
        let free = move || {
            drop(writes.lock().unwrap().take());
            Ok(1_100)
        };
        let room = Arc::new(Room::above(1_000, Box::new(free)));
        *disk.lock().unwrap() = Some(room.take(100).unwrap());
        room.look();
        assert!(room.is_full());
        room.look();
        assert!(!room.is_full());
    }

    #[test]
    fn a_disk_that_does_not_tell_has_the_room_that_it_had() {
        let (disk, room) = room(1_100);
        disk.store(UNKNOWN, Ordering::Relaxed);
        drop(room.take(60).unwrap());
        room.look();
        drop(room.take(60).unwrap());
        assert!(room.is_full());
        disk.store(1_100, Ordering::Relaxed);
        room.look();
        assert!(!room.is_full());
    }

    #[test]
    fn a_disk_that_never_told_has_no_room() {
        let (_, room) = room(UNKNOWN);
        assert!(room.is_full());
    }

    #[test]
    fn unlimited_room_is_never_full() {
        let room = Arc::new(Room::unlimited());
        drop(room.take(u64::MAX / 2).unwrap());
        assert!(!room.is_full());
    }
}
