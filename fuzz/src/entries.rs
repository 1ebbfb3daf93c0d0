//! Values of entries other than messages: metadata, states, settled pages.

use rohrpost::queue::Page;
use rohrpost::store::meta::{
    GroupEntry, GroupStateEntry, QueueEntry, QueueStateEntry, ServerEntry, TagsEntry, decode,
    encode,
};

/// Reads the bytes behind the first one, which chooses the kind of entry; what is accepted must be written the same in
/// what it means.
pub fn check(bytes: &[u8]) {
    let Some((kind, value)) = bytes.split_first() else {
        return;
    };
    macro_rules! meta {
        ($entry:ty) => {
            if let Ok(entry) = decode::<$entry>(value, String::new) {
                let again = decode::<$entry>(&encode(&entry), String::new);
                assert_eq!(again.expect("what is written can be read"), entry);
            }
        };
    }
    match kind % 7 {
        0 => meta!(ServerEntry),
        1 => meta!(QueueEntry),
        2 => meta!(QueueStateEntry),
        3 => meta!(TagsEntry),
        4 => meta!(GroupEntry),
        5 => meta!(GroupStateEntry),
        _ => {
            if let Some(page) = Page::from_bytes(value) {
                assert_eq!(page.to_bytes(), value);
            }
        }
    }
}
