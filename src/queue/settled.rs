//! Which records above a reader's floor are settled: one bit each, in pages of 4,096.
//!
//! ```text
//! offset      0 ........ floor ............................ cursor ....... end
//!             all settled | page 0: 1011… | page 1: 0000… |  never delivered
//! ```

use std::collections::BTreeMap;

use crate::types::Offset;

/// Records in a page.
pub const PAGE_RECORDS: u64 = 4_096;

/// Bytes of a page's bitmap.
pub const PAGE_BYTES: usize = 512;

const WORDS: usize = 64;
const WORD_RECORDS: u64 = 64;

/// The number of the page that holds this record's bit.
const fn page_of(offset: Offset) -> u64 {
    offset.0 / PAGE_RECORDS
}

/// Where in its page a record's bit stands.
const fn bit_of(offset: Offset) -> (usize, u64) {
    let in_page = offset.0 % PAGE_RECORDS;
    (
        (in_page / WORD_RECORDS) as usize,
        1 << (in_page % WORD_RECORDS),
    )
}

/// The settled records of one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page([u64; WORDS]);

impl Page {
    const EMPTY: Self = Self([0; WORDS]);

    /// The page as it is stored: the lowest offset in the lowest bit of the first byte.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; PAGE_BYTES] {
        let mut bytes = [0; PAGE_BYTES];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(self.0) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// Whether this page, of this number, has a settled record at or above `end`.
    #[must_use]
    pub fn reaches(&self, number: u64, end: Offset) -> bool {
        let behind = number
            .checked_add(1)
            .and_then(|next| next.checked_mul(PAGE_RECORDS));
        behind
            .is_none_or(|behind| self.count_between(behind - PAGE_RECORDS, end, Offset(behind)) > 0)
    }

    /// How many of `from..to` are settled in this page, whose first record is `first`.
    fn count_between(&self, first: u64, from: Offset, to: Offset) -> u64 {
        let firsts = (0..).map(|index| first + index * WORD_RECORDS);
        let masked = self.0.iter().zip(firsts).map(|(word, first)| {
            (word & mask_from(from, first) & !mask_from(to, first)).count_ones()
        });
        u64::from(masked.sum::<u32>())
    }

    /// The page that `to_bytes` gave, or nothing if the length is wrong.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<8>();
        let words: [[u8; 8]; WORDS] = words.try_into().ok()?;
        rest.is_empty().then(|| Self(words.map(u64::from_le_bytes)))
    }
}

/// The settled records at or above a floor.
#[derive(Debug, Clone, Default)]
pub struct Settled {
    pages: BTreeMap<u64, Box<Page>>,
    count: u64,
}

impl Settled {
    /// How many records are settled.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Whether this record is settled.
    #[must_use]
    pub fn contains(&self, offset: Offset) -> bool {
        let (word, bit) = bit_of(offset);
        self.pages
            .get(&page_of(offset))
            .is_some_and(|page| page.0[word] & bit != 0)
    }

    /// Settles a record. Says whether it was not settled before.
    pub fn insert(&mut self, offset: Offset) -> bool {
        let (word, bit) = bit_of(offset);
        let page = self
            .pages
            .entry(page_of(offset))
            .or_insert_with(|| Box::new(Page::EMPTY));
        let is_new = page.0[word] & bit == 0;
        page.0[word] |= bit;
        self.count += u64::from(is_new);
        is_new
    }

    /// Forgets every record below `floor` and gives the numbers of the pages that are gone with them.
    pub fn forget_below(&mut self, floor: Offset) -> Vec<u64> {
        let mut gone = Vec::new();
        while let Some(entry) = self
            .pages
            .first_entry()
            .filter(|entry| *entry.key() < page_of(floor))
        {
            let (number, page) = entry.remove_entry();
            self.count -= ones(&page.0);
            gone.push(number);
        }
        if let Some(page) = self.pages.get_mut(&page_of(floor)) {
            let (word, bit) = bit_of(floor);
            self.count -=
                ones(&page.0[..word]) + u64::from((page.0[word] & (bit - 1)).count_ones());
            page.0[..word].fill(0);
            page.0[word] &= !(bit - 1);
        }
        gone
    }

    /// The first record at or above `from` that is not settled.
    #[must_use]
    pub fn first_unsettled(&self, from: Offset) -> Offset {
        let mut at = from;
        while let Some(page) = self.pages.get(&page_of(at)) {
            let (word, bit) = bit_of(at);
            let unsettled_here = !page.0[word] & !(bit - 1);
            if unsettled_here != 0 {
                return Offset(
                    at.0 / WORD_RECORDS * WORD_RECORDS + u64::from(unsettled_here.trailing_zeros()),
                );
            }
            at = Offset((at.0 / WORD_RECORDS + 1) * WORD_RECORDS);
        }
        at
    }

    /// How many records in `from..to` are settled.
    #[must_use]
    pub fn count_between(&self, from: Offset, to: Offset) -> u64 {
        let pages = self.pages.range(page_of(from)..);
        let pages = pages.take_while(|(number, _)| **number * PAGE_RECORDS < to.0);
        pages
            .map(|(number, page)| page.count_between(number * PAGE_RECORDS, from, to))
            .sum()
    }

    /// The page of this number, if it has settled records.
    #[must_use]
    pub fn page(&self, number: u64) -> Option<&Page> {
        self.pages.get(&number).map(Box::as_ref)
    }

    /// Puts a stored page back.
    pub fn restore(&mut self, number: u64, page: Page) {
        self.count += ones(&page.0);
        self.pages.insert(number, Box::new(page));
    }

    /// The numbers of all pages.
    pub fn page_numbers(&self) -> impl Iterator<Item = u64> {
        self.pages.keys().copied()
    }
}

/// The bits of a word whose records are at or above `from`, the word beginning at record `first`.
fn mask_from(from: Offset, first: u64) -> u64 {
    match from.0.saturating_sub(first) {
        skipped @ 0..WORD_RECORDS => u64::MAX << skipped,
        _ => 0,
    }
}

fn ones(words: &[u64]) -> u64 {
    words.iter().map(|word| u64::from(word.count_ones())).sum()
}

/// The number of the page that a change of this record's bit touches.
#[must_use]
pub const fn page_number(offset: Offset) -> u64 {
    page_of(offset)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pages_agree_with_a_set_of_offsets(
            offsets in proptest::collection::vec(0_u64..20_000, 0..400),
            floor in 0_u64..20_000,
            from in 0_u64..20_000,
            len in 0_u64..9_000,
        ) {
            let mut settled = Settled::default();
            let mut model = BTreeSet::new();
            for offset in offsets {
                prop_assert_eq!(settled.insert(Offset(offset)), model.insert(offset));
            }
            settled.forget_below(Offset(floor));
            model = model.split_off(&floor);
            prop_assert_eq!(settled.count(), model.len() as u64);
            for offset in 0..20_000 {
                prop_assert_eq!(settled.contains(Offset(offset)), model.contains(&offset), "{}", offset);
            }
            let first = (from..99_999).find(|offset| !model.contains(offset)).unwrap();
            prop_assert_eq!(settled.first_unsettled(Offset(from)), Offset(first));
            let between = model.range(from..from + len).count() as u64;
            prop_assert_eq!(settled.count_between(Offset(from), Offset(from + len)), between);
        }

        #[test]
        fn a_page_reads_back_as_it_was_stored(offsets in proptest::collection::vec(0..PAGE_RECORDS, 0..99)) {
            let mut settled = Settled::default();
            for offset in offsets {
                settled.insert(Offset(offset));
            }
            let page = settled.page(0).cloned().unwrap_or(Page::EMPTY);
            prop_assert_eq!(Page::from_bytes(&page.to_bytes()), Some(page));
        }
    }

    #[test]
    fn a_run_may_end_with_its_word_or_page() {
        for end in [
            63,
            64,
            65,
            PAGE_RECORDS - 1,
            PAGE_RECORDS,
            PAGE_RECORDS + 64,
        ] {
            let mut settled = Settled::default();
            for offset in 3..end {
                settled.insert(Offset(offset));
            }
            assert_eq!(settled.first_unsettled(Offset(3)), Offset(end));
            assert_eq!(settled.count_between(Offset(3), Offset(end)), end - 3);
            settled.forget_below(Offset(end - 1));
            assert_eq!(settled.count(), 1, "{end}");
        }
    }

    #[test]
    fn a_run_across_pages_is_skipped_whole() {
        let mut settled = Settled::default();
        for offset in 10..9_000 {
            settled.insert(Offset(offset));
        }
        assert_eq!(settled.first_unsettled(Offset(10)), Offset(9_000));
        assert_eq!(settled.forget_below(Offset(9_000)), vec![0, 1]);
        assert_eq!(settled.count(), 0);
        assert_eq!(Page::from_bytes(&[0; 511]), None);
    }
}
