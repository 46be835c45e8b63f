//! Marshalled code objects, brought into one form.
//!
//! What CPython writes depends on more than the source: reference counts decide which objects are marked for later
//! reference, the hash seed decides the order of sets before 3.11, and the file's absolute path is in every code object.
//! Here a stream is read, equal immutable constants become one, sets are sorted, file names are replaced, and the
//! result is written with references exactly where an object occurs again: the same source gives the same bytes,
//! whoever compiled it, and where.
//!
//! Format: `Python/marshal.c` of CPython 3.9 to 3.14, versions 4 and 5 of the format.

mod index;
mod read;
mod write;

use index::Index;
use read::Parser;

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
    /// More levels than code has.
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
#[derive(Debug, PartialEq, Eq, Hash)]
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
    /// Those that an equal one may stand for.
    known: Index,
    layout: CodeLayout,
}

impl<'a> Objects<'a> {
    /// The number of `object`, that of an equal one where this makes no difference to a program: code and mutable objects
    /// keep their identity.
    fn add(&mut self, object: Object<'a>) -> Id {
        let next = self.all.len() as Id;
        if !matches!(object.tag, b'c' | b'[' | b'<')
            && let Some(known) = self.known.find_or_add(&object, next, &self.all)
        {
            return known;
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
}

/// The characters, if it is a string.
fn text_of<'a>(object: &Object<'a>) -> Option<&'a [u8]> {
    matches!(object.tag, b'z' | b'Z' | b'a' | b'A' | b'u').then_some(object.head)
}
