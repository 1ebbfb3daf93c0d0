//! Filling in and reading the fields of a key.

use super::{Kind, Space};
use crate::store::Error;
use crate::types::{GroupNumber, LogNumber, ProjectId, QueueId, QueueNumber};
use uuid::Uuid;

/// A key of `N` bytes while its fields are filled in.
pub(super) struct Key<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Key<N> {
    pub(super) const fn in_space(space: Space) -> Self {
        let mut bytes = [0; N];
        bytes[0] = space as u8;
        Self { bytes, len: 1 }
    }

    fn field<const M: usize>(mut self, field: [u8; M]) -> Self {
        self.bytes[self.len..self.len + M].copy_from_slice(&field);
        self.len += M;
        self
    }

    pub(super) fn u8(self, field: u8) -> Self {
        self.field([field])
    }

    pub(super) fn u16(self, field: u16) -> Self {
        self.field(field.to_be_bytes())
    }

    pub(super) fn u32(self, field: u32) -> Self {
        self.field(field.to_be_bytes())
    }

    pub(super) fn u64(self, field: u64) -> Self {
        self.field(field.to_be_bytes())
    }

    pub(super) fn id(self, field: &[u8; 16]) -> Self {
        self.field(*field)
    }

    pub(super) fn queue(self, queue: QueueNumber) -> Self {
        self.u64(queue.0)
    }

    pub(super) fn group(self, group: GroupNumber) -> Self {
        self.u32(group.0)
    }

    pub(super) fn log(self, log: LogNumber) -> Self {
        self.u32(log.raw())
    }

    pub(super) fn project(self, project: ProjectId) -> Self {
        self.field(*project.as_bytes())
    }

    pub(super) fn queue_id(self, queue: QueueId) -> Self {
        self.field(*queue.as_bytes())
    }

    pub(super) fn done(self) -> [u8; N] {
        assert_eq!(self.len, N, "every key is filled to its width");
        self.bytes
    }
}

/// What is left to read of a key.
pub(super) struct Fields<'a> {
    key: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn of(key: &'a [u8], space: Space) -> Result<Self, Error> {
        let mut fields = Self { key, rest: key };
        if fields.u8()? == space as u8 {
            Ok(fields)
        } else {
            Err(fields.damage())
        }
    }

    pub(super) fn of_meta(key: &'a [u8], kind: Kind) -> Result<Self, Error> {
        let mut fields = Self::of(key, Space::Meta)?;
        if fields.u8()? == kind as u8 {
            Ok(fields)
        } else {
            Err(fields.damage())
        }
    }

    fn field<const M: usize>(&mut self) -> Result<[u8; M], Error> {
        let (field, rest) = self.rest.split_first_chunk().ok_or_else(|| self.damage())?;
        self.rest = rest;
        Ok(*field)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Error> {
        self.field().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Error> {
        self.field().map(u16::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Error> {
        self.field().map(u64::from_be_bytes)
    }

    pub(super) fn id(&mut self) -> Result<[u8; 16], Error> {
        self.field()
    }

    pub(super) fn queue(&mut self) -> Result<QueueNumber, Error> {
        self.u64().map(QueueNumber)
    }

    pub(super) fn group(&mut self) -> Result<GroupNumber, Error> {
        let number = self.field().map(u32::from_be_bytes)?;
        GroupNumber::stored(number).ok_or_else(|| self.damage())
    }

    pub(super) fn log(&mut self) -> Result<LogNumber, Error> {
        self.field()
            .map(u32::from_be_bytes)
            .map(LogNumber::from_raw)
    }

    pub(super) fn project(&mut self) -> Result<ProjectId, Error> {
        self.field().map(ProjectId::from_bytes)
    }

    pub(super) fn queue_id(&mut self) -> Result<QueueId, Error> {
        self.field().map(Uuid::from_bytes).map(QueueId::new)
    }

    pub(super) fn end<T>(self, parsed: T) -> Result<T, Error> {
        if self.rest.is_empty() {
            Ok(parsed)
        } else {
            Err(self.damage())
        }
    }

    pub(super) fn damage(&self) -> Error {
        Error::Damaged {
            what: format!("the key {:02x?}", self.key),
            how: "it does not have the shape of the keys beside it".to_owned(),
        }
    }
}
