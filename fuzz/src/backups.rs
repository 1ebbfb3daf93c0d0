//! What a backup consists of: its manifest, and chunks of entries.

use rohrpost::backup::Digest;
use rohrpost::backup::chunk::{self, Builder};
use rohrpost::backup::manifest::Manifest;
use rohrpost::store::image::Entry;

/// What a chunk begins with.
const MAGIC: &[u8] = b"RPCHUNK1";

/// Reads the bytes as a manifest and as a chunk, each as it comes and with its frame put right, so that what is behind
/// is reached; what is accepted must read the same again after it is written.
pub fn check(bytes: &[u8]) {
    read_manifest(bytes);
    read_manifest(&sealed(bytes));
    read_chunk(bytes);
    read_chunk(&[MAGIC, bytes].concat());
}

/// A document, and the line with its digest.
fn sealed(document: &[u8]) -> Vec<u8> {
    let mut bytes = [document, b"\n"].concat();
    let digest = Digest::of(&bytes);
    bytes.extend_from_slice(format!("{digest}\n").as_bytes());
    bytes
}

fn read_manifest(bytes: &[u8]) {
    let Ok(manifest) = Manifest::decode(bytes) else {
        return;
    };
    for file in &manifest.files {
        assert!(!file.name.contains('/') && file.name != "..", "{file:?}");
        let _ = file.digest();
    }
    for chunk in &manifest.chunks {
        let _ = chunk.digest();
    }
    let again = Manifest::decode(&manifest.encode());
    assert_eq!(again.expect("what is written can be read"), manifest);
}

fn read_chunk(bytes: &[u8]) {
    let Ok(entries) = chunk::entries(bytes) else {
        return;
    };
    let mut builder = Builder::default();
    for (key, value) in &entries {
        let entry: Entry = (key.to_vec().into(), value.to_vec().into());
        assert_eq!(builder.push(&entry), None, "an input is no whole chunk");
    }
    let written = builder.finish().map(|chunk| chunk.bytes);
    assert_eq!(written.as_deref().unwrap_or(MAGIC), bytes);
}
