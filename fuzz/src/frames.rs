//! What client and server tell each other on the control socket.

use rohrpost::control::wire::{self, HEAD_LEN, Tag};

/// Reads the bytes as one frame after the other; each that is accepted must be the same again after it is written.
pub fn check(mut bytes: &[u8]) {
    while let Some((head, rest)) = bytes.split_first_chunk::<HEAD_LEN>() {
        let Some((tag, len)) = wire::parse_head(*head) else {
            return;
        };
        let (payload, behind) = rest.split_at(len.min(rest.len()));
        if payload.len() == len {
            assert_eq!(wire::head(tag, payload), *head);
        }
        read(tag, payload);
        bytes = behind;
    }
}

fn read(tag: Tag, payload: &[u8]) {
    match tag {
        Tag::Greeting => {
            if let Some(greeting) = wire::parse_greeting(payload) {
                let again = wire::parse_greeting(&wire::greeting(greeting));
                assert_eq!(again, Some(greeting));
            }
        }
        Tag::Offer => {
            if let Some(offer) = wire::parse_offer(payload) {
                let again = wire::parse_offer(&wire::offer(offer.clone()));
                assert_eq!(again, Some(offer));
            }
        }
        Tag::Bytes | Tag::End | Tag::Refusal => {}
    }
}
