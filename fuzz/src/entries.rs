//! Values of entries other than messages: metadata, states, settled pages, users and what they have.

use rohrpost::queue::Page;
use rohrpost::store::accounts::{
    AccessKeyEntry, ProjectEntry, RevokedTokenEntry, RolesEntry, UserEntry,
};
use rohrpost::store::meta::{
    GroupEntry, GroupStateEntry, PolicyEntry, QueueEntry, QueueStateEntry, QuotaEntry, ServerEntry,
    StoredEntry, TagsEntry, decode, encode,
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
                assert!(again.expect("what is written can be read") == entry);
            }
        };
    }
    match kind % 15 {
        0 => meta!(ServerEntry),
        1 => meta!(QueueEntry),
        2 => meta!(QueueStateEntry),
        3 => meta!(TagsEntry),
        4 => meta!(GroupEntry),
        5 => meta!(GroupStateEntry),
        6 => {
            if let Some(page) = Page::from_bytes(value) {
                assert_eq!(page.to_bytes(), value);
            }
        }
        7 => meta!(StoredEntry),
        8 => meta!(QuotaEntry),
        9 => meta!(PolicyEntry),
        10 => meta!(UserEntry),
        11 => meta!(ProjectEntry),
        12 => meta!(RolesEntry),
        13 => meta!(AccessKeyEntry),
        _ => meta!(RevokedTokenEntry),
    }
}
