//! Marshalled code objects, brought into one form.
//!
//! What CPython writes depends on more than the source: reference counts decide which objects are marked for later
//! reference, the hash seed decides the order of sets before 3.11, and the file's absolute path is in every code object.
//! Here a stream is read, equal immutable constants become one, sets are sorted, file names are replaced, and the
//! result is written with references exactly where an object occurs again: the same source gives the same bytes,
//! whoever compiled it, and where.
//!
//! Format: `Python/marshal.c` of CPython 3.9 to 3.14, versions 4 and 5 of the format.

use std::collections::HashMap;

/// Objects inside objects; code that people write stays far below, and CPython itself stops at 2000.
const MAX_DEPTH: usize = 300;
/// Marks an object that is referred to later.
const FLAG_REF: u8 = 0x80;

/// Why a stream was not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MarshalError {
    /// It ends too early.
    #[error("it ends inside an object")]
    Truncated,
    /// Bytes follow the code object.
    #[error("bytes follow the code object")]
    Trailing,
    /// An object of a type that code does not hold.
    #[error("it holds an object of unknown type 0x{0:02x}")]
    UnknownType(u8),
    /// A reference to something that is not there.
    #[error("it refers to an object that is not there")]
    BadReference,
    /// More than [`MAX_DEPTH`] levels.
    #[error("its objects are nested too deeply")]
    TooDeep,
    /// It is not a code object, or one whose fields have other types than they must.
    #[error("it is not a code object")]
    NotCode,
}

/// Where a code object has its fields.
#[derive(Debug, Clone, Copy)]
struct CodeLayout {
    /// 32-bit integers before the objects.
    integers: usize,
    /// Objects before `co_firstlineno`.
    objects_before: usize,
    /// Objects after it.
    objects_after: usize,
    /// Which of the objects is `co_filename`.
    filename: usize,
}

impl CodeLayout {
    /// 3.11 merged the tables of names of local variables, and added qualified names and the exception table.
    fn of(version: (u8, u8, u8)) -> Self {
        if (version.0, version.1) <= (3, 10) {
            Self {
                integers: 6,
                objects_before: 8,
                objects_after: 1,
                filename: 6,
            }
        } else {
            Self {
                integers: 5,
                objects_before: 8,
                objects_after: 2,
                filename: 5,
            }
        }
    }
}

/// The code object in `data`, as CPython `version` would read it, in canonical form and with `filename` wherever a code
/// object in it has the file name of the outermost one.
///
/// # Errors
/// When `data` is not one marshalled code object.
pub fn canonical(
    data: &[u8],
    version: (u8, u8, u8),
    filename: &str,
) -> Result<Vec<u8>, MarshalError> {
    let mut parser = Parser::new(data, CodeLayout::of(version));
    let root = parser.object(0)?;
    if parser.at != data.len() {
        return Err(MarshalError::Trailing);
    }
    parser.objects.rename(root, filename.as_bytes())?;
    Ok(parser.objects.write(root, data.len()))
}

/// The tag of a `str`, from its value alone: CPython marks as interned what happened to be interned in the process that
/// compiled. Reading interns names and constants that look like names in any case (`intern_strings`,
/// `intern_string_constants` in `Objects/codeobject.c`), so nothing changes for a program.
fn text_tag(characters: &[u8]) -> u8 {
    let like_a_name = characters
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    match (characters.is_ascii(), like_a_name, characters.len() < 256) {
        (false, ..) => b'u',
        (true, true, true) => b'Z',
        (true, true, false) => b'A',
        (true, false, true) => b'z',
        (true, false, false) => b'a',
    }
}

type Id = u32;

/// An object; equal immutable ones are the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Object<'a> {
    tag: u8,
    /// The characters of a string; for other types what follows the tag, up to the objects in it, without their number.
    head: &'a [u8],
    /// `co_firstlineno` of a code object.
    middle: &'a [u8],
    parts: Box<[Id]>,
}

#[derive(Debug)]
struct Objects<'a> {
    all: Vec<Object<'a>>,
    known: HashMap<Object<'a>, Id>,
    layout: CodeLayout,
}

struct Parser<'a> {
    data: &'a [u8],
    at: usize,
    /// By reference number; `None` while the object is being read.
    references: Vec<Option<Id>>,
    objects: Objects<'a>,
}

impl<'a> Parser<'a> {
    fn new(data: &'a [u8], layout: CodeLayout) -> Self {
        let objects = Objects {
            all: Vec::new(),
            known: HashMap::new(),
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

    fn object(&mut self, depth: usize) -> Result<Id, MarshalError> {
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

impl<'a> Objects<'a> {
    /// The number of `object`, that of an equal one where this makes no difference to a program: code and mutable objects
    /// keep their identity.
    fn add(&mut self, object: Object<'a>) -> Id {
        let next = self.all.len() as Id;
        if !matches!(object.tag, b'c' | b'[' | b'<') {
            if let Some(known) = self.known.get(&object) {
                return *known;
            }
            self.known.insert(object.clone(), next);
        }
        self.all.push(object);
        next
    }

    fn get(&self, id: Id) -> &Object<'a> {
        // Numbers are made by `add` alone.
        &self.all[id as usize]
    }

    /// Gives every code object with the file name of `root` the name `new`.
    fn rename(&mut self, root: Id, new: &'a [u8]) -> Result<(), MarshalError> {
        let field = self.layout.filename;
        let root = self
            .all
            .get(root as usize)
            .filter(|root| root.tag == b'c')
            .ok_or(MarshalError::NotCode)?;
        let old = *root.parts.get(field).ok_or(MarshalError::NotCode)?;
        let old_text = text_of(self.get(old)).ok_or(MarshalError::NotCode)?;
        // A name of its own even when a constant is equal: which one came first must not show.
        let id = self.all.len() as Id;
        self.all.push(Object {
            tag: text_tag(new),
            head: new,
            middle: &[],
            parts: Box::default(),
        });
        let is_old: Vec<bool> = self
            .all
            .iter()
            .map(|object| text_of(object) == Some(old_text))
            .collect();
        for object in self.all.iter_mut().filter(|object| object.tag == b'c') {
            if let Some(name) = object.parts.get_mut(field)
                && is_old.get(*name as usize).copied().unwrap_or_default()
            {
                *name = id;
            }
        }
        Ok(())
    }

    /// What orders the elements of a set, independent of the objects around them.
    fn sort_key(&self, id: Id) -> Vec<u8> {
        let object = self.get(id);
        if object.parts.is_empty() {
            return [&[object.tag], object.head].concat();
        }
        self.write(id, 64)
    }

    fn write(&self, root: Id, capacity: usize) -> Vec<u8> {
        let mut writer = Writer {
            objects: self,
            occurs: vec![0; self.all.len()],
            number: vec![None; self.all.len()],
            next: 0,
            out: Vec::with_capacity(capacity),
        };
        writer.count(root);
        writer.object(root);
        writer.out
    }
}

/// The characters, if it is a string.
fn text_of<'a>(object: &Object<'a>) -> Option<&'a [u8]> {
    matches!(object.tag, b'z' | b'Z' | b'a' | b'A' | b'u').then_some(object.head)
}

struct Writer<'o, 'a> {
    objects: &'o Objects<'a>,
    occurs: Vec<u8>,
    number: Vec<Option<u32>>,
    next: u32,
    out: Vec<u8>,
}

impl Writer<'_, '_> {
    fn count(&mut self, id: Id) {
        let occurs = &mut self.occurs[id as usize];
        *occurs = occurs.saturating_add(1);
        if *occurs == 1 {
            for part in &self.objects.get(id).parts {
                self.count(*part);
            }
        }
    }

    fn object(&mut self, id: Id) {
        let object = self.objects.get(id);
        if let Some(number) = self.number[id as usize] {
            self.out.push(b'r');
            self.out.extend(number.to_le_bytes());
            return;
        }
        let mut tag = object.tag;
        if self.occurs[id as usize] > 1 && worth_a_reference(object) {
            tag |= FLAG_REF;
            self.number[id as usize] = Some(self.next);
            self.next += 1;
        }
        self.out.push(tag);
        self.head(object);
        let before = if object.tag == b'c' {
            self.objects.layout.objects_before
        } else {
            object.parts.len()
        };
        for (place, part) in object.parts.iter().enumerate() {
            if place == before {
                self.out.extend(object.middle);
            }
            self.object(*part);
        }
    }

    fn head(&mut self, object: &Object<'_>) {
        match object.tag {
            b'z' | b'Z' => self.out.push(object.head.len() as u8),
            b'a' | b'A' | b'u' => self.out.extend((object.head.len() as u32).to_le_bytes()),
            b')' => self.out.push(object.parts.len() as u8),
            b'(' | b'[' | b'<' | b'>' => self.out.extend((object.parts.len() as u32).to_le_bytes()),
            _ => {}
        }
        self.out.extend(object.head);
    }
}

/// Singletons have none in CPython either, and small numbers and empty tuples are shared by the interpreter.
fn worth_a_reference(object: &Object<'_>) -> bool {
    match object.tag {
        b'0' | b'N' | b'F' | b'T' | b'S' | b'.' | b'i' => false,
        b'(' | b')' => !object.parts.is_empty(),
        _ => true,
    }
}
