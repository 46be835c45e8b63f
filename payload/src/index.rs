//! The index: fixed-size records, sorted, so that a look-up is a binary search in mapped memory and nothing is parsed
//! when a program starts.

use crate::FormatError;
use crate::codec::{Put, Reader};

/// First bytes of an index.
const MAGIC: &[u8; 8] = b"packidx1";
/// Archive bytes that one chunk hash covers.
pub(crate) const CHUNK: u64 = 1 << 20;
/// Bytes of an [`EntryRecord`].
pub(crate) const ENTRY_LENGTH: usize = 72;
/// Bytes of a [`ModuleRecord`].
pub(crate) const MODULE_LENGTH: usize = 48;
/// No entry.
pub(crate) const NONE: u32 = u32::MAX;
/// Names are unique when case is ignored, too.
pub(crate) const FLAG_CASE_FOLDED: u32 = 1;
/// Names are those of files on Windows, too.
pub(crate) const FLAG_WINDOWS: u32 = 2;

/// A stretch of the string pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) offset: u32,
    pub(crate) length: u32,
}

impl Text {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, FormatError> {
        Ok(Self {
            offset: reader.u32()?,
            length: reader.u32()?,
        })
    }

    fn encode(self, out: &mut Vec<u8>) {
        out.put_u32(self.offset);
        out.put_u32(self.length);
    }
}

/// An entry (FORMAT.md, section 3.2).
///
/// | offset | size | field         |
/// |-------:|-----:|---------------|
/// |      0 |    8 | path          |
/// |      8 |    4 | mode          |
/// |     12 |    1 | method        |
/// |     13 |    1 | placement     |
/// |     14 |    2 | reserved, 0   |
/// |     16 |    8 | data_offset, from the payload's first byte |
/// |     24 |    8 | stored_length |
/// |     32 |    8 | size          |
/// |     40 |   32 | sha256 of the content |
#[derive(Debug, Clone)]
pub(crate) struct EntryRecord<'a> {
    pub(crate) path: Text,
    pub(crate) mode: u32,
    pub(crate) method: u8,
    pub(crate) placement: u8,
    pub(crate) data_offset: u64,
    pub(crate) stored_length: u64,
    pub(crate) size: u64,
    pub(crate) sha256: &'a [u8; 32],
}

impl<'a> EntryRecord<'a> {
    pub(crate) fn decode(bytes: &'a [u8; ENTRY_LENGTH]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        let path = Text::decode(&mut reader)?;
        let mode = reader.u32()?;
        let method = reader.u8()?;
        let placement = reader.u8()?;
        if reader.u16()? != 0 || mode > 0o777 {
            return Err(FormatError::Index(
                "an entry has a mode or a flag that does not exist",
            ));
        }
        let (data_offset, stored_length, size) = (reader.u64()?, reader.u64()?, reader.u64()?);
        let sha256 = reader.array()?;
        reader.finish()?;
        Ok(Self {
            path,
            mode,
            method,
            placement,
            data_offset,
            stored_length,
            size,
            sha256,
        })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        self.path.encode(out);
        out.put_u32(self.mode);
        out.put_u8(self.method);
        out.put_u8(self.placement);
        out.put_u16(0);
        out.put_u64(self.data_offset);
        out.put_u64(self.stored_length);
        out.put_u64(self.size);
        out.put(self.sha256);
    }
}

/// A module (FORMAT.md, section 3.3).
///
/// | offset | size | field       |
/// |-------:|-----:|-------------|
/// |      0 |    8 | name        |
/// |      8 |    8 | file        |
/// |     16 |    8 | preload     |
/// |     24 |    8 | needs       |
/// |     32 |    4 | code        |
/// |     36 |    4 | source      |
/// |     40 |    4 | flags: 1 package, 2 extension |
/// |     44 |    4 | reserved, 0 |
#[derive(Debug, Clone)]
pub(crate) struct ModuleRecord {
    pub(crate) name: Text,
    pub(crate) file: Text,
    pub(crate) preload: Text,
    pub(crate) needs: Text,
    pub(crate) code: u32,
    pub(crate) source: u32,
    pub(crate) package: bool,
    pub(crate) extension: bool,
}

impl ModuleRecord {
    pub(crate) fn decode(bytes: &[u8; MODULE_LENGTH]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        let (name, file, preload, needs) = (
            Text::decode(&mut reader)?,
            Text::decode(&mut reader)?,
            Text::decode(&mut reader)?,
            Text::decode(&mut reader)?,
        );
        let (code, source, flags) = (reader.u32()?, reader.u32()?, reader.u32()?);
        if reader.u32()? != 0 || flags > 3 {
            return Err(FormatError::Index(
                "a module has a flag that does not exist",
            ));
        }
        reader.finish()?;
        Ok(Self {
            name,
            file,
            preload,
            needs,
            code,
            source,
            package: flags & 1 != 0,
            extension: flags & 2 != 0,
        })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        self.name.encode(out);
        self.file.encode(out);
        self.preload.encode(out);
        self.needs.encode(out);
        out.put_u32(self.code);
        out.put_u32(self.source);
        out.put_u32(u32::from(self.package) | u32::from(self.extension) << 1);
        out.put_u32(0);
    }
}

/// The sections of an index, in the order in which they lie there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Index<'a> {
    pub(crate) flags: u32,
    pub(crate) entries: &'a [[u8; ENTRY_LENGTH]],
    pub(crate) modules: &'a [[u8; MODULE_LENGTH]],
    pub(crate) chunks: &'a [[u8; 32]],
    pub(crate) program: &'a [u8],
    pub(crate) strings: &'a [u8],
}

impl<'a> Index<'a> {
    /// Splits `bytes` into sections; looks at nothing but the header.
    pub(crate) fn split(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        if reader.array()? != MAGIC {
            return Err(FormatError::Index("its magic is missing"));
        }
        let flags = reader.u32()?;
        let (entries, modules, chunks) = (reader.u32()?, reader.u32()?, reader.u32()?);
        let (program, strings) = (reader.u32()?, reader.u32()?);
        if flags & !(FLAG_CASE_FOLDED | FLAG_WINDOWS) != 0 {
            return Err(FormatError::Index("it has a flag that does not exist"));
        }
        let index = Self {
            flags,
            entries: records(&mut reader, entries)?,
            modules: records(&mut reader, modules)?,
            chunks: records(&mut reader, chunks)?,
            program: reader.take(program as usize)?,
            strings: reader.take(strings as usize)?,
        };
        reader.finish()?;
        Ok(index)
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, &'static str> {
        let mut out = Vec::new();
        out.put(MAGIC);
        out.put_u32(self.flags);
        out.put_u32(u32::try_from(self.entries.len()).map_err(|_| "there are too many entries")?);
        out.put_u32(u32::try_from(self.modules.len()).map_err(|_| "there are too many modules")?);
        out.put_u32(u32::try_from(self.chunks.len()).map_err(|_| "the archive is too large")?);
        out.put_u32(u32::try_from(self.program.len()).map_err(|_| "the settings are too large")?);
        out.put_u32(u32::try_from(self.strings.len()).map_err(|_| "the names are too long")?);
        out.put(self.entries.as_flattened());
        out.put(self.modules.as_flattened());
        out.put(self.chunks.as_flattened());
        out.put(self.program);
        out.put(self.strings);
        Ok(out)
    }

    pub(crate) fn bytes(&self, text: Text) -> Result<&'a [u8], FormatError> {
        let start = text.offset as usize;
        start
            .checked_add(text.length as usize)
            .and_then(|end| self.strings.get(start..end))
            .ok_or(FormatError::Index("a name lies outside it"))
    }

    pub(crate) fn text(&self, text: Text) -> Result<&'a str, FormatError> {
        std::str::from_utf8(self.bytes(text)?)
            .map_err(|_| FormatError::Index("a name is not UTF-8"))
    }

    /// The name at the front of a record, for binary searches.
    pub(crate) fn name<const N: usize>(&self, record: &[u8; N]) -> Result<&'a [u8], FormatError> {
        self.bytes(Text::decode(&mut Reader::new(record))?)
    }

    /// The position of the record named `name` in `records`, or where it would be.
    pub(crate) fn search<const N: usize>(
        &self,
        records: &[[u8; N]],
        name: &[u8],
    ) -> Result<Result<usize, usize>, FormatError> {
        let (mut low, mut high) = (0, records.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let record = records
                .get(middle)
                .ok_or(FormatError::Index("a record is missing"))?;
            match self.name(record)?.cmp(name) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Ok(Ok(middle)),
            }
        }
        Ok(Err(low))
    }
}

fn records<'a, const N: usize>(
    reader: &mut Reader<'a>,
    count: u32,
) -> Result<&'a [[u8; N]], FormatError> {
    let length = (count as usize)
        .checked_mul(N)
        .ok_or(FormatError::Index("a section ends outside it"))?;
    let (records, _) = reader.take(length)?.as_chunks::<N>();
    Ok(records)
}
