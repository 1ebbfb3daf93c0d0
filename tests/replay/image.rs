//! The contents of a disk. Copies share the blocks that they have in common.

use std::collections::BTreeMap;
use std::sync::Arc;

/// What a file system asks a disk to keep whole.
pub const BLOCK_BYTES: usize = 4_096;

type Block = [u8; BLOCK_BYTES];

/// A disk's contents: blocks that were never written are zeros.
#[derive(Clone, Default)]
pub struct Image {
    blocks: BTreeMap<usize, Arc<Block>>,
}

impl Image {
    pub fn write(&mut self, offset: usize, bytes: &[u8]) {
        for (number, within, bytes) in blocks_of(offset, bytes) {
            let block = self.blocks.entry(number);
            let block = block.or_insert_with(|| Arc::new([0; BLOCK_BYTES]));
            Arc::make_mut(block)[within..within + bytes.len()].copy_from_slice(bytes);
        }
    }

    pub fn read(&self, offset: usize, len: usize) -> Vec<u8> {
        let mut found = Vec::with_capacity(len);
        while found.len() < len {
            let at = offset + found.len();
            let within = at % BLOCK_BYTES;
            let taken = (BLOCK_BYTES - within).min(len - found.len());
            match self.blocks.get(&(at / BLOCK_BYTES)) {
                Some(block) => found.extend_from_slice(&block[within..within + taken]),
                None => found.resize(found.len() + taken, 0),
            }
        }
        found
    }
}

/// The parts of a write that go to different blocks: the block's number, where in it they begin, and the bytes.
pub fn blocks_of(offset: usize, bytes: &[u8]) -> impl Iterator<Item = (usize, usize, &[u8])> {
    let mut at = offset;
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let within = at % BLOCK_BYTES;
        let (part, behind) = rest.split_at(rest.len().min(BLOCK_BYTES - within));
        let number = at / BLOCK_BYTES;
        (at, rest) = (at + part.len(), behind);
        (!part.is_empty()).then_some((number, within, part))
    })
}

#[test]
fn an_image_reads_back_what_was_written_across_blocks() {
    let bytes: Vec<u8> = (1..=250).cycle().take(3 * BLOCK_BYTES).collect();
    let mut image = Image::default();
    image.write(1_000, &bytes);
    let copy = image.clone();
    image.write(BLOCK_BYTES, &[0; 8]);
    assert_eq!(copy.read(1_000, bytes.len()), bytes);
    assert_eq!(image.read(BLOCK_BYTES, 8), [0; 8]);
    assert_eq!(copy.read(0, 1_001)[999..], [0, 1]);
    assert_eq!(copy.read(1_000 + bytes.len(), 5_000), vec![0; 5_000]);
}
