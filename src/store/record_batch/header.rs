//! The names of the record headers that carry what Kafka has no field for.
//!
//! | header | value |
//! |---|---|
//! | `rp.attributes` | the sender's attributes, JSON text |
//! | `rp.label` | one label; the header stands once for each |
//! | `rp.id` | the id promised to the sender, 16 bytes |
//! | `rp.audience` | the one group that the record is for, u32 |
//! | `rp.death` | how it became a dead letter: partition u32, offset u64, timestamp u64, failures u32 |
//!
//! Numbers are big-endian. Headers of other names are left alone.

use super::Damage;
use super::wire::Reader;
use crate::types::{Death, GroupNumber, Offset, Record, Timestamp};
use uuid::Uuid;

const ATTRIBUTES: &[u8] = b"rp.attributes";
const LABEL: &[u8] = b"rp.label";
const ID: &[u8] = b"rp.id";
const AUDIENCE: &[u8] = b"rp.audience";
const DEATH: &[u8] = b"rp.death";

/// Shows `visit` the name and value of every header of `record`.
pub(super) fn each_of(record: &Record, mut visit: impl FnMut(&'static [u8], &[u8])) {
    if let Some(attributes) = &record.attributes {
        visit(ATTRIBUTES, attributes);
    }
    for label in &record.labels {
        visit(LABEL, label);
    }
    if let Some(id) = &record.id {
        visit(ID, id.as_bytes());
    }
    if let Some(audience) = record.audience {
        visit(AUDIENCE, &audience.0.to_be_bytes());
    }
    if let Some(death) = record.death {
        visit(DEATH, &death_bytes(death));
    }
}

fn death_bytes(death: Death) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[..4].copy_from_slice(&death.partition.to_be_bytes());
    bytes[4..12].copy_from_slice(&death.offset.0.to_be_bytes());
    bytes[12..20].copy_from_slice(&death.timestamp.0.to_be_bytes());
    bytes[20..].copy_from_slice(&death.failures.to_be_bytes());
    bytes
}

/// The headers of a stored record, not yet looked at.
#[derive(Clone, Copy)]
pub(super) struct Headers<'a> {
    bytes: &'a [u8],
}

/// What the headers of a stored record say, apart from the labels' text.
#[derive(Default)]
pub(super) struct Extras<'a> {
    pub attributes: Option<&'a [u8]>,
    pub id: Option<Uuid>,
    pub audience: Option<GroupNumber>,
    pub death: Option<Death>,
    pub label_count: usize,
    pub label_bytes: usize,
}

impl<'a> Headers<'a> {
    /// The `count` headers that `bytes` consist of.
    pub(super) fn read(bytes: &'a [u8], count: i64) -> Result<Self, Damage> {
        let mut reader = Reader::new(bytes);
        let mut found = 0;
        while !reader.is_empty() {
            next(&mut reader)?;
            found += 1;
        }
        if found == count {
            Ok(Self { bytes })
        } else {
            Err(Damage::Structure(
                "a record has not as many headers as it says",
            ))
        }
    }

    fn iter(self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + Clone {
        let mut reader = Reader::new(self.bytes);
        std::iter::from_fn(move || {
            (!reader.is_empty()).then(|| next(&mut reader).expect("`read` has read every header"))
        })
    }

    /// The text of the labels, in the order of sending.
    pub(super) fn labels(self) -> impl Iterator<Item = &'a [u8]> + Clone {
        self.iter()
            .filter_map(|(name, value)| value.filter(|_| name == LABEL))
    }

    pub(super) fn extras(self) -> Result<Extras<'a>, Damage> {
        let mut extras = Extras::default();
        for (name, value) in self.iter() {
            match name {
                ATTRIBUTES => extras.attributes = Some(present(value)?),
                LABEL => {
                    let label = std::str::from_utf8(present(value)?)
                        .map_err(|_| Damage::Structure("a label is not text"))?;
                    extras.label_count += 1;
                    extras.label_bytes += label.len();
                }
                ID => extras.id = Some(Uuid::from_bytes(whole(value)?)),
                AUDIENCE => {
                    extras.audience = Some(GroupNumber(u32::from_be_bytes(whole(value)?)));
                }
                DEATH => extras.death = Some(death(whole(value)?)?),
                _ => {}
            }
        }
        Ok(extras)
    }
}

fn next<'a>(reader: &mut Reader<'a>) -> Result<(&'a [u8], Option<&'a [u8]>), Damage> {
    Ok((reader.sized()?, reader.nullable()?))
}

fn present(value: Option<&[u8]>) -> Result<&[u8], Damage> {
    value.ok_or(Damage::Structure("a record header has no value"))
}

fn whole<const N: usize>(value: Option<&[u8]>) -> Result<[u8; N], Damage> {
    present(value)?
        .try_into()
        .map_err(|_| Damage::Structure("a record header has the wrong length"))
}

fn death(bytes: [u8; 24]) -> Result<Death, Damage> {
    let mut reader = Reader::new(&bytes);
    Ok(Death {
        partition: u32::from_be_bytes(reader.array()?),
        offset: Offset(u64::from_be_bytes(reader.array()?)),
        timestamp: Timestamp(u64::from_be_bytes(reader.array()?)),
        failures: u32::from_be_bytes(reader.array()?),
    })
}
