//! Loss of power at a chosen moment: what of a disk's record is found afterwards.

use crate::device::{Event, Record};
use crate::dice::Dice;
use crate::image::{BLOCK_BYTES, Image, blocks_of};

/// What becomes of writes that no flush has made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// The drive's cache is lost.
    CacheLost,
    /// The drive's cache is kept: everything up to the cut is there.
    CacheKept,
    /// Of each block that is not durable yet, chance decides, write by write.
    HalfKept,
}

impl Model {
    pub const ALL: [Self; 3] = [Self::CacheLost, Self::CacheKept, Self::HalfKept];
}

/// A cut of the record: before the event of this number.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    pub at: usize,
    pub model: Model,
}

/// Makes the images of cuts that come later and later, so that what is durable is written once.
pub struct Cutter<'a> {
    events: &'a [Event],
    durable: Image,
    /// How many events are in `durable`.
    flushed: usize,
}

impl<'a> Cutter<'a> {
    pub fn of(record: &'a Record) -> Self {
        Self {
            events: &record.events,
            durable: record.found.clone(),
            flushed: 0,
        }
    }

    /// What the disk holds after the cut, which is not before an earlier one.
    pub fn image_at(&mut self, cut: Cut, dice: &mut Dice) -> Image {
        let is_flush = |event: &Event| matches!(event, Event::Flush);
        let flush = self.events[..cut.at].iter().rposition(is_flush);
        if let Some(flush) = flush.filter(|flush| *flush >= self.flushed) {
            for (offset, bytes) in writes(&self.events[self.flushed..flush]) {
                self.durable.write(offset, bytes);
            }
            self.flushed = flush + 1;
        }
        let mut image = self.durable.clone();
        let unflushed = writes(&self.events[self.flushed..cut.at]);
        match cut.model {
            Model::CacheLost => {}
            Model::CacheKept => unflushed.for_each(|(offset, bytes)| image.write(offset, bytes)),
            Model::HalfKept => {
                for (offset, bytes) in unflushed {
                    let blocks = blocks_of(offset, bytes).filter(|_| dice.happens(50));
                    for (number, within, part) in blocks {
                        image.write(number * BLOCK_BYTES + within, part);
                    }
                }
            }
        }
        image
    }
}

fn writes(events: &[Event]) -> impl Iterator<Item = (usize, &[u8])> {
    events.iter().filter_map(|event| match event {
        Event::Write { offset, bytes } => Some((*offset, &**bytes)),
        Event::Flush => None,
    })
}

#[test]
fn a_cut_keeps_what_was_flushed_and_of_the_rest_what_its_model_says() {
    let write = |offset, byte| Event::Write {
        offset,
        bytes: [byte; 2 * BLOCK_BYTES].into(),
    };
    let mut events = vec![write(0, 1), Event::Flush];
    events.extend((0..32).map(|number| write(number * 2 * BLOCK_BYTES, 2)));
    events.push(Event::Flush);
    let record = Record {
        found: Image::default(),
        events,
    };
    let mut cutter = Cutter::of(&record);
    let mut blocks_at = |at, model| {
        let image = cutter.image_at(Cut { at, model }, &mut Dice::new(1));
        (0..64)
            .map(|number| image.read(number * BLOCK_BYTES, 1)[0])
            .collect::<Vec<_>>()
    };
    assert_eq!(blocks_at(1, Model::CacheLost), [0; 64]);
    assert_eq!(blocks_at(1, Model::CacheKept)[..3], [1, 1, 0]);
    assert_eq!(blocks_at(34, Model::CacheLost)[..3], [1, 1, 0]);
    assert_eq!(blocks_at(34, Model::CacheKept), [2; 64]);
    let blocks = blocks_at(34, Model::HalfKept);
    let kept: u8 = blocks.iter().map(|byte| byte / 2).sum();
    assert!((16..48).contains(&kept), "{kept} of 64 are kept");
    assert_eq!(blocks_at(35, Model::CacheLost), [2; 64]);
}
