//! How far the runs came.

/// How often the runs came by what they are meant to test.
#[derive(Debug, Default, Clone, Copy)]
pub struct Reached {
    pub delivered: usize,
    pub settled: usize,
    pub refused: usize,
    pub of_earlier_start: usize,
    pub dead_lettered: usize,
    pub skipped: usize,
    pub expired: usize,
    pub redriven: usize,
    pub crashes: usize,
}

impl Reached {
    pub fn add(&mut self, other: &Self) {
        self.delivered += other.delivered;
        self.settled += other.settled;
        self.refused += other.refused;
        self.of_earlier_start += other.of_earlier_start;
        self.dead_lettered += other.dead_lettered;
        self.skipped += other.skipped;
        self.expired += other.expired;
        self.redriven += other.redriven;
        self.crashes += other.crashes;
    }

    /// Whether nothing was left untested.
    pub fn is_everything(&self) -> bool {
        let counts = [
            self.delivered,
            self.settled,
            self.refused,
            self.of_earlier_start,
            self.dead_lettered,
            self.skipped,
            self.expired,
            self.redriven,
            self.crashes,
        ];
        counts.iter().all(|count| *count >= 20)
    }
}
