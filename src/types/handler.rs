//! Handlers: the opaque names of deliveries that consumers acknowledge by (reference §10, b-42).
//!
//! ```text
//! version 1 | queue 8 | group 4 | log 4 | offset 8 | attempt 8 | deadline 8 | MAC 16      URL-safe Base64
//! ```
//!
//! The MAC is BLAKE3 keyed with a secret of the data folder, so that a handler can neither be made up nor
//! changed, and stays valid across a restart. A secret that was replaced is accepted until it is replaced again.

use std::fmt;
use std::iter;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::id::{Attempt, GroupNumber, LogNumber, Offset, QueueNumber};
use super::time::Timestamp;

const VERSION: u8 = 1;
const CLAIM_LEN: usize = 41;
const MAC_LEN: usize = 16;
const HANDLER_LEN: usize = CLAIM_LEN + MAC_LEN;

/// What a handler says: which record was handed to which group, in which attempt, until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The queue.
    pub queue: QueueNumber,
    /// The group that the record was handed to.
    pub group: GroupNumber,
    /// The record's log: a partition, or the group's dead letters.
    pub log: LogNumber,
    /// The record's position in its log.
    pub offset: Offset,
    /// Which delivery of the record this was.
    pub attempt: Attempt,
    /// Until when the delivery may be acknowledged.
    pub deadline: Timestamp,
}

/// A text that is no handler of this broker: cut short, altered, or from elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the handler is not one of this broker")]
pub struct Forged;

/// The secret that seals handlers, and the one that sealed them before.
#[derive(Clone)]
pub struct HandlerKey {
    secret: [u8; 32],
    former: Option<[u8; 32]>,
}

impl HandlerKey {
    /// The key made of these random bytes.
    #[must_use]
    pub const fn new(secret: [u8; 32]) -> Self {
        Self {
            secret,
            former: None,
        }
    }

    /// The same key, which also opens what was sealed with `former`.
    #[must_use]
    pub const fn in_place_of(self, former: [u8; 32]) -> Self {
        Self {
            former: Some(former),
            ..self
        }
    }

    /// The handler that says `claim`.
    #[must_use]
    pub fn seal(&self, claim: &Claim) -> String {
        let mut bytes = [0; HANDLER_LEN];
        let (text, mac) = bytes.split_at_mut(CLAIM_LEN);
        text[0] = VERSION;
        text[1..9].copy_from_slice(&claim.queue.0.to_be_bytes());
        text[9..13].copy_from_slice(&claim.group.0.to_be_bytes());
        text[13..17].copy_from_slice(&claim.log.raw().to_be_bytes());
        text[17..25].copy_from_slice(&claim.offset.0.to_be_bytes());
        text[25..33].copy_from_slice(&claim.attempt.0.to_be_bytes());
        text[33..41].copy_from_slice(&claim.deadline.0.to_be_bytes());
        mac.copy_from_slice(&mac_of(text, &self.secret));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What a handler says.
    ///
    /// # Errors
    /// [`Forged`] for any text that [`seal`](Self::seal) did not make with this key or its former one.
    pub fn open(&self, handler: &str) -> Result<Claim, Forged> {
        let mut bytes = [0; HANDLER_LEN];
        let len = URL_SAFE_NO_PAD
            .decode_slice(handler, &mut bytes)
            .map_err(|_| Forged)?;
        let (text, mac) = bytes.split_at(CLAIM_LEN);
        if len != HANDLER_LEN || !self.has_made(text, mac) || text[0] != VERSION {
            return Err(Forged);
        }
        Ok(Claim {
            queue: QueueNumber(u64_at(text, 1)),
            group: GroupNumber(u32_at(text, 9)),
            log: LogNumber::from_raw(u32_at(text, 13)),
            offset: Offset(u64_at(text, 17)),
            attempt: Attempt(u64_at(text, 25)),
            deadline: Timestamp(u64_at(text, 33)),
        })
    }

    fn has_made(&self, text: &[u8], mac: &[u8]) -> bool {
        let mut accepted = iter::once(&self.secret).chain(&self.former);
        accepted.any(|secret| is_equal_in_constant_time(&mac_of(text, secret), mac))
    }
}

fn mac_of(text: &[u8], secret: &[u8; 32]) -> [u8; MAC_LEN] {
    let mut mac = [0; MAC_LEN];
    mac.copy_from_slice(&blake3::keyed_hash(secret, text).as_bytes()[..MAC_LEN]);
    mac
}

impl fmt::Debug for HandlerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandlerKey(secret)")
    }
}

fn is_equal_in_constant_time(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len()
        && std::hint::black_box(a.iter().zip(b).fold(0, |sum, (a, b)| sum | (a ^ b))) == 0
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut array = [0; 8];
    array.copy_from_slice(&bytes[at..at + 8]);
    u64::from_be_bytes(array)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut array = [0; 4];
    array.copy_from_slice(&bytes[at..at + 4]);
    u32::from_be_bytes(array)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn arbitrary_claim() -> impl Strategy<Value = Claim> {
        (
            any::<u64>(),
            any::<u32>(),
            any::<u32>(),
            any::<u64>(),
            any::<u64>(),
            any::<u64>(),
        )
            .prop_map(|(queue, group, log, offset, attempt, deadline)| Claim {
                queue: QueueNumber(queue),
                group: GroupNumber(group),
                log: LogNumber::from_raw(log),
                offset: Offset(offset),
                attempt: Attempt(attempt),
                deadline: Timestamp(deadline),
            })
    }

    proptest! {
        #[test]
        fn a_handler_says_what_was_sealed(claim in arbitrary_claim(), secret: [u8; 32]) {
            let key = HandlerKey::new(secret);
            prop_assert_eq!(key.open(&key.seal(&claim)), Ok(claim));
        }

        #[test]
        fn a_changed_handler_is_forged(claim in arbitrary_claim(), at in 0_usize..76, letter in "[A-Za-z0-9_-]") {
            let key = HandlerKey::new([7; 32]);
            let mut handler = key.seal(&claim);
            prop_assume!(handler[at..=at] != letter);
            handler.replace_range(at..=at, &letter);
            prop_assert_eq!(key.open(&handler), Err(Forged));
        }

        #[test]
        fn any_text_is_refused_without_panic(text in ".{0,120}") {
            prop_assert_eq!(HandlerKey::new([7; 32]).open(&text), Err(Forged));
        }
    }

    const CLAIM: Claim = Claim {
        queue: QueueNumber(1),
        group: GroupNumber(2),
        log: LogNumber::partition(0),
        offset: Offset(3),
        attempt: Attempt(4),
        deadline: Timestamp(5),
    };

    #[test]
    fn a_handler_of_another_server_is_forged() {
        let handler = HandlerKey::new([1; 32]).seal(&CLAIM);
        assert_eq!(HandlerKey::new([2; 32]).open(&handler), Err(Forged));
        assert_eq!(HandlerKey::new([1; 32]).open(&handler[..75]), Err(Forged));
    }

    #[test]
    fn a_handler_of_the_former_key_is_accepted_and_no_new_one_is_made_with_it() {
        let (former, new) = (HandlerKey::new([1; 32]), HandlerKey::new([2; 32]));
        let both = HandlerKey::new([2; 32]).in_place_of([1; 32]);
        assert_eq!(both.open(&former.seal(&CLAIM)), Ok(CLAIM));
        assert_eq!(both.seal(&CLAIM), new.seal(&CLAIM));
        let older = HandlerKey::new([3; 32]).seal(&CLAIM);
        assert_eq!(both.open(&older), Err(Forged));
    }
}
