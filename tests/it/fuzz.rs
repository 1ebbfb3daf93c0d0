//! What fuzzing kept: every input under `fuzz/corpus` is checked again, by what found it.

use std::fs;
use std::path::Path;

#[path = "../../fuzz/src/lib.rs"]
mod decoders;

#[track_caller]
fn replay(name: &str, check: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let inputs = fs::read_dir(corpus.join(name)).unwrap();
    let mut count = 0;
    for input in inputs {
        check(&fs::read(input.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "nothing is kept for {name}");
}

#[test]
fn kept_record_batches_are_read_or_refused() {
    replay("record_batch", decoders::record_batch::check);
}

#[test]
fn kept_entries_are_read_or_refused() {
    replay("entries", decoders::entries::check);
}

#[test]
fn kept_keys_are_read_or_refused() {
    replay("keys", decoders::keys::check);
}

#[test]
fn kept_values_in_parts_are_read_or_refused() {
    replay("parts", decoders::parts::check);
}

#[test]
fn kept_pieces_of_backups_are_read_or_refused() {
    replay("backups", decoders::backups::check);
}

#[test]
fn kept_frames_are_read_or_refused() {
    replay("frames", decoders::frames::check);
}

#[test]
fn kept_damaged_stores_are_served_or_refused() {
    replay("stored", decoders::stored::check);
}

#[test]
fn kept_damaged_accounts_are_opened_or_refused() {
    replay("accounts", decoders::accounts::check);
}

#[test]
fn kept_requests_are_answered() {
    replay("requests", decoders::requests::check);
}

#[test]
fn kept_handlers_are_read_or_refused() {
    replay("handlers", decoders::handlers::check);
}

#[test]
fn kept_tokens_are_refused() {
    replay("tokens", decoders::tokens::check);
}

#[test]
fn kept_signatures_are_verified_or_refused() {
    replay("signatures", decoders::signatures::check);
}

#[test]
fn kept_requests_to_the_identity_api_are_answered() {
    replay("keystone", decoders::keystone::check);
}
