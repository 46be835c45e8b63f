//! Reading a payload from a mapped file.

use crate::entry::{Method, Placement};
use crate::footer::{self, Footer};
use crate::index::{CHUNK, EntryRecord, Index, ModuleRecord, NONE};
use crate::path::{PathError, check};
use crate::{Entry, FormatError, Module, Program};

/// The payload of a packed program: slices of the mapped file, cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct Payload<'a> {
    pub(crate) prefix: &'a [u8],
    /// From the payload's first byte to the footer's last.
    pub(crate) bytes: &'a [u8],
    pub(crate) footer: Footer,
    pub(crate) index: Index<'a>,
    /// Hashes of the archive's chunks.
    pub(crate) chunks: &'a [[u8; 32]],
    /// Hashes of chunks of external entries.
    pub(crate) external: &'a [[u8; 32]],
}

impl<'a> Payload<'a> {
    /// Finds the payload at the end of `file`. Checks the footer and where the parts lie, and reads nothing else: call
    /// [`Payload::verify`] or [`Payload::verify_index`] before trusting what the accessors return.
    ///
    /// # Errors
    /// `Absent` for a bare bootloader or a truncated file, `Footer`, `Version` and `Index` for what is damaged or new.
    pub fn locate(file: &'a [u8]) -> Result<Self, FormatError> {
        let footer = Footer::find(file)?;
        let outside = FormatError::Footer("it places the archive outside the file");
        let (prefix, rest) = slice_length(footer.prefix_length)
            .and_then(|at| file.split_at_checked(at))
            .ok_or(outside.clone())?;
        let bytes = slice_length(footer.payload_length)
            .and_then(|length| rest.get(..length))
            .ok_or(outside.clone())?;
        let index = range(bytes, footer.index_offset, footer.index_length).ok_or(outside)?;
        let index = Index::split(index)?;
        let archive = slice_length(footer.tail_offset.div_ceil(CHUNK));
        let (chunks, external) = archive
            .and_then(|count| index.chunks.split_at_checked(count))
            .ok_or(FormatError::Index("it does not cover the archive"))?;
        Ok(Self {
            prefix,
            bytes,
            footer,
            index,
            chunks,
            external,
        })
    }

    /// Identifies the payload: the hash of its index, which holds the hash of everything else.
    #[must_use]
    pub fn content_hash(&self) -> [u8; 32] {
        self.footer.tail_hash
    }

    /// Bytes before the payload.
    #[must_use]
    pub fn prefix_length(&self) -> u64 {
        self.footer.prefix_length
    }

    /// Bytes from the payload's first byte to the footer's last.
    #[must_use]
    pub fn payload_length(&self) -> u64 {
        self.footer.payload_length
    }

    /// The settings.
    ///
    /// # Errors
    /// `Program` when they are not what this version knows.
    pub fn program(&self) -> Result<Program, FormatError> {
        serde_json::from_slice(self.index.program)
            .map_err(|error| FormatError::Program(error.to_string()))
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.entries.len()
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.entries.is_empty()
    }

    /// The entry at position `index` in the order of paths.
    ///
    /// # Errors
    /// `Index` when there is none or it lies outside the archive, `Name` when its path must not become one.
    pub fn entry(&self, index: u32) -> Result<Entry<'a>, FormatError> {
        let record = self
            .index
            .entries
            .get(index as usize)
            .ok_or(FormatError::Index("an entry is missing"))?;
        let record = EntryRecord::decode(record)?;
        let path = self.index.text(record.path)?;
        check(path).map_err(|reason| PathError {
            name: path.to_owned(),
            reason,
        })?;
        let method = Method::from_code(record.method)?;
        let placement = Placement::from_code(record.placement)?;
        let (stored, chunks) = match method {
            Method::External => (&[][..], self.external_chunks(&record)?),
            _ => (self.stored(&record, method)?, &[][..]),
        };
        Ok(Entry {
            index,
            path,
            mode: record.mode,
            method,
            placement,
            size: record.size,
            sha256: record.sha256,
            data_offset: record.data_offset,
            stored,
            chunks,
        })
    }

    /// All entries, in the order of their paths.
    pub fn entries(&self) -> impl Iterator<Item = Result<Entry<'a>, FormatError>> + use<'a> {
        let payload = *self;
        (0..payload.index.entries.len() as u32).map(move |index| payload.entry(index))
    }

    /// The entries from the first whose path does not come before `path`, in the order of their paths.
    ///
    /// # Errors
    /// `Index` when the index is damaged.
    pub fn entries_from(
        &self,
        path: &str,
    ) -> Result<impl Iterator<Item = Result<Entry<'a>, FormatError>> + use<'a>, FormatError> {
        let found = self.index.search(self.index.entries, path.as_bytes())?;
        let (Ok(start) | Err(start)) = found;
        let payload = *self;
        Ok((start as u32..payload.index.entries.len() as u32).map(move |at| payload.entry(at)))
    }

    /// The entry at `path`.
    ///
    /// # Errors
    /// As [`Payload::entry`].
    pub fn find(&self, path: &str) -> Result<Option<Entry<'a>>, FormatError> {
        match self.index.search(self.index.entries, path.as_bytes())? {
            Ok(at) => self.entry(at as u32).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// The module named `name`.
    ///
    /// # Errors
    /// As [`Payload::module_at`].
    pub fn module(&self, name: &str) -> Result<Option<Module<'a>>, FormatError> {
        match self.index.search(self.index.modules, name.as_bytes())? {
            Ok(at) => self.module_at(at as u32).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// The module at position `index` in the order of names.
    ///
    /// # Errors
    /// `Index` when there is none, or it refers to something that is not there.
    pub fn module_at(&self, index: u32) -> Result<Module<'a>, FormatError> {
        let record = self
            .index
            .modules
            .get(index as usize)
            .ok_or(FormatError::Index("a module is missing"))?;
        let record = ModuleRecord::decode(record)?;
        let file = self.index.text(record.file)?;
        if !file.is_empty() {
            check(file).map_err(|reason| PathError {
                name: file.to_owned(),
                reason,
            })?;
        }
        Ok(Module {
            index,
            name: self.index.text(record.name)?,
            package: record.package,
            extension: record.extension,
            code: self.reference(record.code)?,
            source: self.reference(record.source)?,
            file,
            preload: self.index.text(record.preload)?,
            needs: self.index.text(record.needs)?,
        })
    }

    /// The number of modules.
    #[must_use]
    pub fn module_count(&self) -> u32 {
        // The count was read from a `u32`.
        self.index.modules.len() as u32
    }

    /// The modules directly in `package`, in the order of their names; those of the top level when it is empty.
    pub fn modules_below(
        &self,
        package: &str,
    ) -> impl Iterator<Item = Result<Module<'a>, FormatError>> + use<'a> {
        let payload = *self;
        let prefix = if package.is_empty() {
            String::new()
        } else {
            format!("{package}.")
        };
        let start = payload
            .index
            .search(payload.index.modules, prefix.as_bytes());
        let (start, failure) = match start {
            Ok(Ok(at) | Err(at)) => (at as u32, None),
            Err(error) => (u32::MAX, Some(Err(error))),
        };
        let below = prefix.clone();
        (start..payload.module_count())
            .map(move |index| payload.module_at(index))
            .take_while(move |module| {
                module
                    .as_ref()
                    .map_or(true, |module| module.name.starts_with(&below))
            })
            .filter(move |module| {
                let rest = |module: &Module<'a>| {
                    module
                        .name
                        .get(prefix.len()..)
                        .is_some_and(|rest| !rest.contains('.'))
                };
                // Scripts are in the table, and no module of any package.
                module
                    .as_ref()
                    .map_or(true, |module| rest(module) && !module.name.starts_with('['))
            })
            .chain(failure)
    }

    /// The hashes of an external entry's content.
    fn external_chunks(&self, record: &EntryRecord<'_>) -> Result<&'a [[u8; 32]], FormatError> {
        let start = slice_length(record.data_offset);
        let count = slice_length(record.size.div_ceil(CHUNK));
        start
            .zip(count)
            .filter(|_| record.stored_length == 0)
            .and_then(|(start, count)| self.external.get(start..start.checked_add(count)?))
            .ok_or(FormatError::Index("an external entry has no hashes"))
    }

    fn stored(&self, record: &EntryRecord<'_>, method: Method) -> Result<&'a [u8], FormatError> {
        let fits = match method {
            Method::Stored => record.stored_length == record.size,
            _ => true,
        };
        let end = record.data_offset.checked_add(record.stored_length);
        if !fits || end.is_none_or(|end| end > self.footer.tail_offset) {
            return Err(FormatError::Index("an entry lies outside the archive"));
        }
        range(self.bytes, record.data_offset, record.stored_length)
            .ok_or(FormatError::Index("an entry lies outside the archive"))
    }

    fn reference(&self, entry: u32) -> Result<Option<u32>, FormatError> {
        match entry {
            NONE => Ok(None),
            entry if (entry as usize) < self.index.entries.len() => Ok(Some(entry)),
            _ => Err(FormatError::Index(
                "a module refers to an entry that is not there",
            )),
        }
    }

    /// From the index's local header to the footer.
    pub(crate) fn tail(&self) -> Option<&'a [u8]> {
        let start = slice_length(self.footer.tail_offset)?;
        self.bytes
            .get(start..self.bytes.len().checked_sub(footer::LENGTH)?)
    }
}

fn slice_length(length: u64) -> Option<usize> {
    usize::try_from(length).ok()
}

pub(crate) fn range(bytes: &[u8], offset: u64, length: u64) -> Option<&[u8]> {
    let start = slice_length(offset)?;
    bytes.get(start..start.checked_add(slice_length(length)?)?)
}
