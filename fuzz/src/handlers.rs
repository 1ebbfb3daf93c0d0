//! Handlers: any text is refused, or one that was sealed here; one that was altered is forged.

use rohrpost::types::{
    Attempt, Claim, GroupNumber, HandlerKey, LogNumber, Offset, QueueNumber, Timestamp,
};

use super::script::Script;

const SECRET: [u8; 32] = [7; 32];
const FORMER: [u8; 32] = [6; 32];

/// Reads the bytes as a handler; and makes one that says what the bytes say, and alters it.
pub fn check(bytes: &[u8]) {
    let key = HandlerKey::new(SECRET).in_place_of(FORMER);
    let text = String::from_utf8_lossy(bytes);
    if let Ok(claim) = key.open(&text) {
        let sealed = [SECRET, FORMER].map(|secret| HandlerKey::new(secret).seal(&claim));
        assert!(sealed.contains(&text.into_owned()), "{claim:?}");
    }

    let mut script = Script::of(bytes);
    let claim = claim(&mut script);
    let handler = key.seal(&claim);
    assert_eq!(key.open(&handler), Ok(claim));
    let altered = script.altered(&handler);
    assert_eq!(key.open(&altered).is_ok(), altered == handler, "{altered}");
}

fn claim(script: &mut Script<'_>) -> Claim {
    let mut number = |len| {
        let bytes = script.bytes(len).iter();
        bytes.fold(0, |number, byte| number << 8 | u64::from(*byte))
    };
    let mut small = || u32::try_from(number(4)).expect("four bytes fit");
    let (group, log) = (GroupNumber(small()), LogNumber::from_raw(small()));
    Claim {
        queue: QueueNumber(number(8)),
        group,
        log,
        offset: Offset(number(8)),
        attempt: Attempt(number(8)),
        deadline: Timestamp(number(8)),
    }
}
