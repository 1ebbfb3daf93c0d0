//! A whole store with damaged entries of users, keys, quotas and policies: it is verified, opened and asked for everything
//! that it tells, and nothing of that may panic.

use std::sync::OnceLock;

use rohrpost::broker::audit;
use rohrpost::identity::Policies;

use super::stored::{Entries, damaged, found_in};
use super::tenant::open_found;

const ACCOUNTS: &[u8] = include_bytes!("../../tests/fixtures/store-v1/accounts.tar.gz");

/// Changes a sound store as the bytes say, and opens what is kept there of users.
pub fn check(bytes: &[u8]) {
    static SOUND: OnceLock<Entries> = OnceLock::new();
    let store = damaged(SOUND.get_or_init(|| found_in(ACCOUNTS)), bytes);
    let verified = audit::audit(store.as_ref(), &mut |_| ());
    verified.expect("damage is no error of reading");
    let _ = Policies::read(store.as_ref());
    let Ok(identity) = open_found(&store) else {
        return;
    };
    for project in identity.projects() {
        assert_eq!(identity.project(project.id), Some(project));
    }
    for user in identity.users() {
        let _ = identity.projects_of(user.id);
        let _ = identity.assignments(Some(user.id));
        for key in identity.access_keys(Some(user.id)) {
            assert_eq!(key.user, user.id);
        }
    }
}
