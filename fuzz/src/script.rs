//! Choices read from fuzzed bytes.

/// What is left of the bytes.
pub struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    pub const fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next byte, or nothing at the end.
    pub fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// The next two bytes as a number, or nothing at the end.
    pub fn number(&mut self) -> Option<usize> {
        Some(usize::from(self.byte()?) << 8 | usize::from(self.byte()?))
    }

    /// So many bytes, or those that are left.
    pub fn bytes(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// The bytes up to `end`, which is skipped, or those that are left.
    pub fn until(&mut self, end: u8) -> &'a [u8] {
        let len = self.0.iter().position(|byte| *byte == end);
        let taken = self.bytes(len.unwrap_or(self.0.len()));
        self.byte();
        taken
    }

    /// The text with single bytes replaced: of each change the place, and what stands there then.
    pub fn altered(&mut self, text: &str) -> String {
        let mut altered = text.as_bytes().to_vec();
        while let (Some(place), Some(byte)) = (self.byte(), self.byte()) {
            let place = usize::from(place) % altered.len();
            altered[place] = byte;
        }
        String::from_utf8_lossy(&altered).into_owned()
    }

    /// Everything that is left.
    pub const fn rest(&self) -> &'a [u8] {
        self.0
    }
}
