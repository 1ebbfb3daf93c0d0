//! The frames between a client and the server.

use serde::{Deserialize, Serialize};

use crate::backup::{CHUNK_BYTES_MAX, Content, Digest, Greeting, Offer};

/// Bytes before a payload: its tag and its length.
pub const HEAD_LEN: usize = 5;

/// The client's answers to an offer.
pub const WANTED: u8 = b'y';
/// The client has it.
pub const HAD: u8 = b'n';

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Tag {
    /// A [`Greeting`].
    Greeting = b'G',
    /// An [`Offer`].
    Offer = b'O',
    /// The bytes of what was offered.
    Bytes = b'B',
    /// There is no more.
    End = b'E',
    /// Why the server does not go on.
    Refusal = b'R',
}

/// The head of a frame.
///
/// # Panics
/// If the payload has 4 GiB or more, which no piece of a backup has.
#[must_use]
pub fn head(tag: Tag, payload: &[u8]) -> [u8; HEAD_LEN] {
    let len = u32::try_from(payload.len()).expect("a payload is a chunk at most");
    let [a, b, c, d] = len.to_be_bytes();
    [tag as u8, a, b, c, d]
}

/// The tag and the length of a payload; nothing, if this is no head.
#[must_use]
pub fn parse_head([tag, len @ ..]: [u8; HEAD_LEN]) -> Option<(Tag, usize)> {
    const TAGS: [Tag; 5] = [
        Tag::Greeting,
        Tag::Offer,
        Tag::Bytes,
        Tag::End,
        Tag::Refusal,
    ];
    let tag = TAGS.into_iter().find(|known| *known as u8 == tag)?;
    let len = usize::try_from(u32::from_be_bytes(len)).ok()?;
    (len <= CHUNK_BYTES_MAX).then_some((tag, len))
}

#[derive(Serialize, Deserialize)]
struct GreetingForm {
    store_format: u32,
    store_bytes: u64,
}

#[derive(Serialize, Deserialize)]
struct OfferForm {
    /// The name, if it is a file.
    file: Option<String>,
    entries: u64,
    digest: String,
    bytes: u64,
}

/// The payload of a greeting.
///
/// # Panics
/// Never: numbers are JSON.
#[must_use]
pub fn greeting(greeting: Greeting) -> Vec<u8> {
    let Greeting {
        store_format,
        store_bytes,
    } = greeting;
    let form = GreetingForm {
        store_format,
        store_bytes,
    };
    serde_json::to_vec(&form).expect("numbers are JSON")
}

/// A greeting; nothing, if it is none.
#[must_use]
pub fn parse_greeting(payload: &[u8]) -> Option<Greeting> {
    let form: GreetingForm = serde_json::from_slice(payload).ok()?;
    Some(Greeting {
        store_format: form.store_format,
        store_bytes: form.store_bytes,
    })
}

/// The payload of an offer.
///
/// # Panics
/// Never: names and numbers are JSON.
#[must_use]
pub fn offer(offer: Offer) -> Vec<u8> {
    let (file, entries) = match offer.content {
        Content::File(name) => (Some(name), 0),
        Content::Chunk(entries) => (None, entries),
    };
    let form = OfferForm {
        file,
        entries,
        digest: offer.digest.to_string(),
        bytes: offer.bytes,
    };
    serde_json::to_vec(&form).expect("names and numbers are JSON")
}

/// An offer; nothing, if it is none.
#[must_use]
pub fn parse_offer(payload: &[u8]) -> Option<Offer> {
    let form: OfferForm = serde_json::from_slice(payload).ok()?;
    Some(Offer {
        content: form
            .file
            .map_or(Content::Chunk(form.entries), Content::File),
        digest: Digest::parse(&form.digest)?,
        bytes: form.bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_what_is_read() {
        let hello = Greeting {
            store_format: 1,
            store_bytes: 2,
        };
        assert_eq!(parse_greeting(&greeting(hello)), Some(hello));
        for content in [Content::Chunk(7), Content::File("identity.key".to_owned())] {
            let sent = Offer {
                content,
                digest: Digest::of(b"bytes"),
                bytes: 5,
            };
            assert_eq!(parse_offer(&offer(sent.clone())), Some(sent));
        }
        let head = head(Tag::Bytes, &[0; 300]);
        assert_eq!(parse_head(head), Some((Tag::Bytes, 300)));
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        assert_eq!(parse_head([b'B', 255, 0, 0, 0]), None, "too long");
        assert_eq!(parse_head([b'b', 0, 0, 0, 0]), None, "no tag");
        assert_eq!(parse_greeting(b"{}"), None);
        assert_eq!(
            parse_offer(br#"{"entries":1,"digest":"0","bytes":1}"#),
            None
        );
    }
}
