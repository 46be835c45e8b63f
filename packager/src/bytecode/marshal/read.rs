//! Reading a stream.

use super::index::Index;
use super::{CodeLayout, FLAG_REF, Id, MAX_DEPTH, MarshalError, Object, Objects, text_tag};

pub(super) struct Parser<'a> {
    data: &'a [u8],
    pub(super) at: usize,
    /// By reference number; `None` while the object is being read.
    references: Vec<Option<Id>>,
    pub(super) objects: Objects<'a>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(data: &'a [u8], layout: CodeLayout) -> Self {
        let objects = Objects {
            all: Vec::new(),
            known: Index::default(),
            layout,
        };
        Self {
            data,
            at: 0,
            references: Vec::new(),
            objects,
        }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], MarshalError> {
        let end = self.at.checked_add(length).ok_or(MarshalError::Truncated)?;
        let bytes = self.data.get(self.at..end).ok_or(MarshalError::Truncated)?;
        self.at = end;
        Ok(bytes)
    }

    fn u8(&mut self) -> Result<u8, MarshalError> {
        self.take(1)?
            .first()
            .copied()
            .ok_or(MarshalError::Truncated)
    }

    fn u32(&mut self) -> Result<u32, MarshalError> {
        let bytes = self
            .take(4)?
            .first_chunk::<4>()
            .ok_or(MarshalError::Truncated)?;
        Ok(u32::from_le_bytes(*bytes))
    }

    pub(super) fn object(&mut self, depth: usize) -> Result<Id, MarshalError> {
        if depth > MAX_DEPTH {
            return Err(MarshalError::TooDeep);
        }
        let byte = self.u8()?;
        let tag = byte & !FLAG_REF;
        if tag == b'r' {
            let number = self.u32()? as usize;
            return self
                .references
                .get(number)
                .copied()
                .flatten()
                .ok_or(MarshalError::BadReference);
        }
        // An object has its number before those inside it.
        let number = (byte & FLAG_REF != 0).then(|| {
            self.references.push(None);
            self.references.len() - 1
        });
        let id = self.body(tag, depth)?;
        if let Some(place) = number.and_then(|number| self.references.get_mut(number)) {
            *place = Some(id);
        }
        Ok(id)
    }

    fn body(&mut self, tag: u8, depth: usize) -> Result<Id, MarshalError> {
        let start = self.at;
        match tag {
            b'0' | b'N' | b'F' | b'T' | b'S' | b'.' => {}
            b'i' => drop(self.take(4)?),
            b'I' | b'g' => drop(self.take(8)?),
            b'y' => drop(self.take(16)?),
            b'l' => {
                // The sign is that of the count of 15-bit digits.
                let digits = (self.u32()? as i32).unsigned_abs() as usize;
                self.take(digits.checked_mul(2).ok_or(MarshalError::Truncated)?)?;
            }
            b's' => {
                let length = self.u32()? as usize;
                self.take(length)?;
            }
            b't' | b'u' | b'a' | b'A' => {
                let length = self.u32()? as usize;
                return self.text(length);
            }
            b'z' | b'Z' => {
                let length = self.u8()?;
                return self.text(length.into());
            }
            b'f' => {
                let length = self.u8()?;
                self.take(length.into())?;
            }
            b'(' | b')' | b'[' | b'<' | b'>' => return self.sequence(tag, depth),
            b':' => {
                let parts = self.parts(3, depth)?;
                return Ok(self.objects.add(Object {
                    tag,
                    head: &[],
                    middle: &[],
                    parts,
                }));
            }
            b'c' => return self.code(depth),
            _ => return Err(MarshalError::UnknownType(tag)),
        }
        let head = self
            .data
            .get(start..self.at)
            .ok_or(MarshalError::Truncated)?;
        Ok(self.objects.add(Object {
            tag,
            head,
            middle: &[],
            parts: Box::default(),
        }))
    }

    fn text(&mut self, length: usize) -> Result<Id, MarshalError> {
        let head = self.take(length)?;
        Ok(self.objects.add(Object {
            tag: text_tag(head),
            head,
            middle: &[],
            parts: Box::default(),
        }))
    }

    fn sequence(&mut self, tag: u8, depth: usize) -> Result<Id, MarshalError> {
        let count = if tag == b')' {
            self.u8()?.into()
        } else {
            self.u32()? as usize
        };
        let mut parts = self.parts(count, depth)?;
        if matches!(tag, b'<' | b'>') {
            let objects = &self.objects;
            parts.sort_by_cached_key(|part| objects.sort_key(*part));
        }
        let tag = match tag {
            b'(' | b')' if count < 256 => b')',
            b')' => b'(',
            _ => tag,
        };
        Ok(self.objects.add(Object {
            tag,
            head: &[],
            middle: &[],
            parts,
        }))
    }

    fn code(&mut self, depth: usize) -> Result<Id, MarshalError> {
        let layout = self.objects.layout;
        let head = self.take(layout.integers * 4)?;
        let mut parts = self.parts(layout.objects_before, depth)?.into_vec();
        let middle = self.take(4)?;
        parts.extend(self.parts(layout.objects_after, depth)?);
        Ok(self.objects.add(Object {
            tag: b'c',
            head,
            middle,
            parts: parts.into(),
        }))
    }

    fn parts(&mut self, count: usize, depth: usize) -> Result<Box<[Id]>, MarshalError> {
        // Each part has at least one byte, so the count is worth no more memory than the data that is left.
        let mut parts = Vec::with_capacity(count.min(self.data.len() - self.at));
        for _ in 0..count {
            parts.push(self.object(depth + 1)?);
        }
        Ok(parts.into())
    }
}
