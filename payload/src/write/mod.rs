//! Writing a payload.

mod output;
mod records;

use crate::digest::Chunks;
use crate::footer::{self, Footer};
use crate::index::{FLAG_CASE_FOLDED, FLAG_WINDOWS, Index};
use crate::path::{PathError, check_windows};
use crate::prefix;
use crate::zip::{Directory, Member};
use crate::{
    ArchivePath, ContentDigest, Digester, INDEX_NAME, Method, Placement, Program, RESERVED,
    WriteError,
};
use output::{Archive, Tail};
use records::{Strings, entry_record, module_record};
use std::collections::HashMap;
use std::io::{self, Read, Write};

/// Bytes moved at a time when an entry is read from elsewhere.
const BUFFER: usize = 256 << 10;

/// An entry to be written.
#[derive(Debug, Clone)]
pub struct NewEntry<'a> {
    /// Its path, checked as [`ArchivePath`].
    pub path: &'a str,
    /// Permission bits, at most `0o777`.
    pub mode: u32,
    /// How the bytes given to [`Writer::add`] are to be understood.
    pub method: Method,
    /// Where the content is used.
    pub placement: Placement,
    /// Of the content.
    pub digest: ContentDigest,
}

impl<'a> NewEntry<'a> {
    /// A stored entry with this content and mode `0o644`.
    #[must_use]
    pub fn stored(path: &'a str, placement: Placement, content: &[u8]) -> Self {
        Self {
            path,
            mode: 0o644,
            method: Method::Stored,
            placement,
            digest: ContentDigest::of(content),
        }
    }
}

/// A module to be written.
#[derive(Debug, Clone, Default)]
pub struct NewModule {
    /// Dotted name.
    pub name: String,
    /// An `__init__`.
    pub package: bool,
    /// A shared library.
    pub extension: bool,
    /// Path of the entry with its code.
    pub code: Option<String>,
    /// Path of the entry with its source.
    pub source: Option<String>,
    /// `__file__`, relative to `sys._MEIPASS`.
    pub file: String,
    /// Paths of libraries to load first.
    pub preload: Vec<String>,
    /// Paths of entries that must be files before it is executed.
    pub needs: Vec<String>,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Entries, the format's own among them.
    pub entries: usize,
    /// Modules.
    pub modules: usize,
    /// Bytes before the payload.
    pub prefix_length: u64,
    /// Bytes of the payload.
    pub payload_length: u64,
    /// [`crate::Payload::content_hash`].
    pub content_hash: [u8; 32],
}

/// Writes a packed program: the bootloader, the entries in the order in which they are added, and what finds them.
/// The output needs no seeking.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: Archive<W>,
    prefix_hash: [u8; 32],
    entries: Vec<Added>,
    members: Vec<Member>,
    modules: Vec<NewModule>,
    /// Of the contents of external entries.
    external: Chunks,
    fold_case: bool,
    windows: bool,
}

#[derive(Debug)]
struct Added {
    path: String,
    mode: u32,
    method: Method,
    placement: Placement,
    data_offset: u64,
    stored_length: u64,
    digest: ContentDigest,
}

impl<W: Write> Writer<W> {
    /// Writes `prefix`, the bootloader, to `out`.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn new(mut out: W, prefix: &[u8]) -> io::Result<Self> {
        out.write_all(prefix)?;
        Ok(Self {
            out: Archive {
                out,
                start: prefix.len() as u64,
                at: prefix.len() as u64,
                chunks: Chunks::default(),
            },
            prefix_hash: prefix::hash(prefix),
            entries: Vec::new(),
            members: Vec::new(),
            modules: Vec::new(),
            external: Chunks::default(),
            fold_case: true,
            windows: true,
        })
    }

    /// Accepts paths that differ in nothing but case, for targets whose file systems tell them apart.
    pub fn allow_case_collisions(&mut self) {
        self.fold_case = false;
    }

    /// Accepts names of Windows' devices and others that are no files there, for other targets.
    pub fn allow_windows_names(&mut self) {
        self.windows = false;
    }

    /// Writes an entry. `stored` is the content itself, or compressed, as `entry.method` says; the content of an external one
    /// is hashed and not written.
    ///
    /// # Errors
    /// `Name` and `Reserved` for a path that cannot be, `Inconsistent` for content of another size, `Io`.
    pub fn add(&mut self, entry: &NewEntry<'_>, stored: &[u8]) -> Result<(), WriteError> {
        self.begin(entry, stored.len() as u64)?;
        self.take(entry.method, stored)?;
        self.external.close();
        Ok(())
    }

    /// As [`Writer::add`], with the `length` bytes that `stored` has, which need not be in memory. The digest of an entry that
    /// is not compressed is checked as they pass.
    ///
    /// # Errors
    /// As [`Writer::add`]; `Read` when `stored` fails, `Inconsistent` when it is not what `entry` says. The archive is of
    /// no use then.
    pub fn add_from(
        &mut self,
        entry: &NewEntry<'_>,
        length: u64,
        stored: &mut impl Read,
    ) -> Result<(), WriteError> {
        self.begin(entry, length)?;
        let mut digester = (entry.method != Method::Zstd).then(Digester::default);
        let mut buffer = vec![0; BUFFER];
        let mut left = Some(length);
        loop {
            let count = stored.read(&mut buffer).map_err(WriteError::Read)?;
            let piece = buffer.get(..count).unwrap_or_default();
            left = left.and_then(|left| left.checked_sub(count as u64));
            if piece.is_empty() || left.is_none() {
                break;
            }
            if let Some(digester) = &mut digester {
                digester.update(piece);
            }
            self.take(entry.method, piece)?;
        }
        self.external.close();
        if left == Some(0) && digester.is_none_or(|digester| digester.finish() == entry.digest) {
            return Ok(());
        }
        Err(WriteError::Inconsistent {
            entry: entry.path.to_owned(),
            reason: "it changed while it was being written",
        })
    }

    /// Takes note of an entry and writes what precedes its `length` bytes.
    fn begin(&mut self, entry: &NewEntry<'_>, length: u64) -> Result<(), WriteError> {
        let path = ArchivePath::new(entry.path)?;
        if reserved(entry) {
            return Err(WriteError::Reserved(entry.path.to_owned()));
        }
        let wrong = |reason| WriteError::Inconsistent {
            entry: entry.path.to_owned(),
            reason,
        };
        match entry.method {
            Method::Stored | Method::External if length != entry.digest.size => {
                return Err(wrong("it is not as long as its digest says"));
            }
            Method::External if entry.placement == Placement::Memory => {
                return Err(wrong("an external entry is a file"));
            }
            _ if entry.mode > 0o777 => return Err(wrong("its mode has more than permission bits")),
            _ => {}
        }
        let (data_offset, stored_length) = match entry.method {
            Method::External => (self.external.count() as u64, 0),
            _ => (self.begin_member(path.as_str(), entry, length)?, length),
        };
        self.entries.push(Added {
            path: path.as_str().to_owned(),
            mode: entry.mode,
            method: entry.method,
            placement: entry.placement,
            data_offset,
            stored_length,
            digest: entry.digest,
        });
        Ok(())
    }

    fn take(&mut self, method: Method, bytes: &[u8]) -> io::Result<()> {
        if method == Method::External {
            self.external.update(bytes);
            return Ok(());
        }
        self.out.write_chunked(bytes)
    }

    /// Adds a module to the index; its entries may be added before or after it.
    pub fn add_module(&mut self, module: NewModule) {
        self.modules.push(module);
    }

    /// Writes the index, the ZIP directory and the footer, and gives the output back, not flushed.
    ///
    /// # Errors
    /// `Collision`, `Name`, `DuplicateModule` and `UnknownEntry` for what does not fit together, `TooLarge`, `Io`.
    pub fn finish(mut self, program: &Program) -> Result<(W, Summary), WriteError> {
        self.entries.sort_by(|a, b| a.path.cmp(&b.path));
        self.modules.sort_by(|a, b| a.name.cmp(&b.name));
        self.check_names()?;

        let tail_offset = self.out.at - self.out.start;
        let mut chunks = std::mem::take(&mut self.out.chunks).finish();
        chunks.extend(std::mem::take(&mut self.external).finish());
        let index = self.index(program, &chunks)?;
        let digest = ContentDigest::of(&index);
        let entry = NewEntry {
            path: INDEX_NAME,
            mode: 0o644,
            method: Method::Stored,
            placement: Placement::Memory,
            digest,
        };
        let mut tail = Tail {
            hash: blake3::Hasher::new(),
        };
        let index_offset = self.add_tail_member(&entry, &index, &mut tail)?;
        self.write_directory(&mut tail)?;

        let footer = Footer {
            prefix_length: self.out.start,
            payload_length: self.out.at - self.out.start + footer::LENGTH as u64,
            tail_offset,
            index_offset,
            index_length: index.len() as u64,
            prefix_hash: self.prefix_hash,
            tail_hash: tail.hash.finalize().into(),
        };
        self.out.write(&footer.encode())?;
        let summary = Summary {
            entries: self.entries.len(),
            modules: self.modules.len(),
            prefix_length: footer.prefix_length,
            payload_length: footer.payload_length,
            content_hash: footer.tail_hash,
        };
        Ok((self.out.out, summary))
    }

    /// Writes the local header; the offset of the data from the payload's first byte.
    fn begin_member(
        &mut self,
        name: &str,
        entry: &NewEntry<'_>,
        length: u64,
    ) -> Result<u64, WriteError> {
        let member = self.member(name, entry, length);
        self.out.write_chunked(&member.local_header())?;
        self.members.push(member);
        Ok(self.out.at - self.out.start)
    }

    fn add_tail_member(
        &mut self,
        entry: &NewEntry<'_>,
        stored: &[u8],
        tail: &mut Tail,
    ) -> Result<u64, WriteError> {
        let member = self.member(entry.path, entry, stored.len() as u64);
        tail.write(&mut self.out, &member.local_header())?;
        let offset = self.out.at - self.out.start;
        tail.write(&mut self.out, stored)?;
        self.members.push(member);
        Ok(offset)
    }

    fn member(&self, name: &str, entry: &NewEntry<'_>, stored_length: u64) -> Member {
        Member {
            name: name.to_owned(),
            method: entry.method,
            mode: entry.mode,
            crc32: entry.digest.crc32,
            stored_length,
            size: entry.digest.size,
            header_offset: self.out.at,
        }
    }

    fn write_directory(&mut self, tail: &mut Tail) -> Result<(), WriteError> {
        let offset = self.out.at;
        let headers: Vec<u8> = self
            .members
            .iter()
            .flat_map(Member::central_header)
            .collect();
        tail.write(&mut self.out, &headers)?;
        let directory = Directory {
            offset,
            length: headers.len() as u64,
            members: self.members.len() as u64,
        };
        tail.write(&mut self.out, &directory.end_records(footer::LENGTH))?;
        Ok(())
    }

    fn check_names(&self) -> Result<(), WriteError> {
        let names: Vec<&str> = self
            .entries
            .iter()
            .map(|entry| entry.path.as_str())
            .collect();
        if let Some((first, second)) = crate::verify::collision(&names, self.fold_case) {
            return Err(WriteError::Collision { first, second });
        }
        if self.windows {
            for name in names {
                check_windows(name).map_err(|reason| PathError {
                    name: name.to_owned(),
                    reason,
                })?;
            }
        }
        match self
            .modules
            .windows(2)
            .find(|pair| pair[0].name == pair[1].name)
        {
            Some(pair) => Err(WriteError::DuplicateModule(pair[0].name.clone())),
            None => Ok(()),
        }
    }

    fn flags(&self) -> u32 {
        let case = if self.fold_case { FLAG_CASE_FOLDED } else { 0 };
        let windows = if self.windows { FLAG_WINDOWS } else { 0 };
        case | windows
    }

    fn index(&self, program: &Program, chunks: &[[u8; 32]]) -> Result<Vec<u8>, WriteError> {
        let mut strings = Strings::default();
        let entries = self
            .entries
            .iter()
            .map(|entry| entry_record(entry, &mut strings))
            .collect::<Result<Vec<_>, _>>()?;
        let numbers: HashMap<&str, u32> = self
            .entries
            .iter()
            .zip(0..)
            .map(|(entry, number)| (entry.path.as_str(), number))
            .collect();
        let modules = self
            .modules
            .iter()
            .map(|module| module_record(module, &numbers, &mut strings))
            .collect::<Result<Vec<_>, _>>()?;
        let program = serde_json::to_vec(program).map_err(|error| WriteError::Io(error.into()))?;
        Index {
            flags: self.flags(),
            entries: &entries,
            modules: &modules,
            chunks,
            program: &program,
            strings: &strings.pool,
        }
        .encode()
        .map_err(WriteError::TooLarge)
    }
}

/// Only what stays in memory can lie below `.pack/`, and the index is ours.
fn reserved(entry: &NewEntry<'_>) -> bool {
    let folded = entry.path.to_ascii_lowercase();
    folded == INDEX_NAME
        || folded == RESERVED.trim_end_matches('/')
        || (entry.placement != Placement::Memory && folded.starts_with(RESERVED))
}
