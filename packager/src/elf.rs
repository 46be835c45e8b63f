//! What an ELF file says about its loading: SONAME, needed libraries, search paths, symbol versions.
//!
//! Only the parts that the loader itself reads are read (program headers and what `PT_DYNAMIC` points to), by offset,
//! so that a library of a gigabyte costs as little as a small one and a file without section headers works too.

use crate::collection::{GlibcVersion, LibstdcxxVersion};
use goblin::elf::dynamic::{
    DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_SONAME, DT_STRSZ, DT_STRTAB, DT_VERNEED, DT_VERNEEDNUM,
};
use goblin::elf::header::{EI_CLASS, EI_DATA, ELFCLASS64, ELFDATA2LSB, ELFMAG, ET_DYN, ET_EXEC};
use goblin::elf::program_header::{PT_DYNAMIC, PT_INTERP, PT_LOAD};
use goblin::elf64::{dynamic::SIZEOF_DYN, header::SIZEOF_EHDR, program_header::SIZEOF_PHDR};
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// The largest table of strings or of program headers that is believed.
const TABLE_LIMIT: u64 = 64 << 20;
/// The longest name that is believed: that of a path.
const NAME_LIMIT: usize = 4096;
/// The longest search path that is believed.
const SEARCH_PATH_LIMIT: usize = 64 << 10;
/// More needed libraries than any file has.
const NEEDED_LIMIT: usize = 4096;
/// More symbol versions than any file needs; each is read by itself.
const VERSION_LIMIT: u32 = 16 << 10;

/// What the loader reads from an ELF file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ElfFile {
    /// `e_machine`, as `goblin::elf::header::EM_*`; 0 when the file is of another word size or byte order than x86-64
    /// and aarch64, and nothing else in it was read.
    pub machine: u16,
    /// A program: it names a loader (`PT_INTERP`) and is no library that merely can be run.
    pub program: bool,
    /// `PT_INTERP`: the loader of a program.
    pub interpreter: Option<String>,
    /// `DT_SONAME`.
    pub soname: Option<String>,
    /// `DT_NEEDED`, in order.
    pub needed: Vec<String>,
    /// `DT_RPATH`, split at colons; ignored by the loader when there is a RUNPATH.
    pub rpath: Vec<String>,
    /// `DT_RUNPATH`, split at colons.
    pub runpath: Vec<String>,
    /// It names a function `PyInit_…`: an extension module, and not a library beside one.
    pub extension: bool,
    /// The highest `GLIBC_x.y` it needs.
    pub glibc: Option<GlibcVersion>,
    /// The highest `GLIBCXX_x.y.z` it needs, of libstdc++.
    pub libstdcxx: Option<LibstdcxxVersion>,
}

impl ElfFile {
    /// Reads `path`; `Ok(None)` when it is no ELF file.
    ///
    /// # Errors
    /// When the file cannot be read, or begins like an ELF file and is damaged: the message says where.
    pub fn read(path: &Path) -> std::io::Result<Option<Self>> {
        Self::of(&crate::inputs::open(path)?)
    }

    /// As [`ElfFile::read`], of a file's bytes.
    ///
    /// # Errors
    /// As [`ElfFile::read`].
    pub fn parse(bytes: &[u8]) -> std::io::Result<Option<Self>> {
        Self::of(&bytes)
    }

    /// As [`ElfFile::read`], of an open file or of bytes.
    ///
    /// # Errors
    /// As [`ElfFile::read`].
    pub(crate) fn of(source: &dyn Source) -> std::io::Result<Option<Self>> {
        let mut header = [0_u8; SIZEOF_EHDR];
        match source.fill(&mut header, 0) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        if &header[..4] != ELFMAG {
            return Ok(None);
        }
        if header[EI_CLASS] != ELFCLASS64 || header[EI_DATA] != ELFDATA2LSB {
            return Ok(Some(Self::default()));
        }
        Image::open(source, &header)?.describe().map(Some)
    }

    /// Linked to musl, whose loader shares nothing with glibc's.
    #[must_use]
    pub fn is_musl(&self) -> bool {
        self.needed
            .iter()
            .chain(&self.interpreter)
            .any(|name| name.contains("libc.musl-") || name.contains("ld-musl-"))
    }
}

/// What an image is read from, by offset.
pub(crate) trait Source {
    /// Fills `buffer` with the bytes at `offset`.
    fn fill(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<()>;
    /// The number of bytes there are.
    fn length(&self) -> std::io::Result<u64>;
}

impl Source for File {
    fn fill(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
        self.read_exact_at(buffer, offset)
    }

    fn length(&self) -> std::io::Result<u64> {
        self.metadata().map(|metadata| metadata.len())
    }
}

impl Source for &[u8] {
    fn fill(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
        let start = usize::try_from(offset).ok();
        let bytes = start.and_then(|start| self.get(start..)?.get(..buffer.len()));
        buffer.copy_from_slice(bytes.ok_or(std::io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn length(&self) -> std::io::Result<u64> {
        Ok(self.len() as u64)
    }
}

/// A 64-bit little-endian ELF file.
struct Image<'a> {
    source: &'a dyn Source,
    kind: u16,
    machine: u16,
    segments: Vec<Segment>,
}

/// Whether a table of strings holds the name of an extension module's initialisation function.
fn names_initialiser(strings: &[u8]) -> bool {
    strings
        .split(|byte| *byte == 0)
        .any(|name| name.starts_with(b"PyInit_"))
}

/// One program header, as far as it matters here.
struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    size: u64,
}

/// The entries of `PT_DYNAMIC` that point elsewhere.
#[derive(Default)]
struct Dynamic {
    strings: u64,
    strings_size: u64,
    versions: u64,
    versions_count: u64,
    soname: Option<u64>,
    needed: Vec<u64>,
    rpath: Option<u64>,
    runpath: Option<u64>,
}

impl<'a> Image<'a> {
    fn open(source: &'a dyn Source, header: &[u8; SIZEOF_EHDR]) -> std::io::Result<Self> {
        let (offset, entry_size, count) = (
            u64_at(header, 32)?,
            u16_at(header, 54)?,
            u16_at(header, 56)?,
        );
        if count > 0 && usize::from(entry_size) != SIZEOF_PHDR {
            return Err(damaged("its program headers have an odd size"));
        }
        let table = read(source, offset, u64::from(count) * SIZEOF_PHDR as u64)?;
        let segments = table
            .chunks_exact(SIZEOF_PHDR)
            .map(Segment::parse)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            source,
            kind: u16_at(header, 16)?,
            machine: u16_at(header, 18)?,
            segments,
        })
    }

    fn describe(&self) -> std::io::Result<ElfFile> {
        let mut found = ElfFile {
            machine: self.machine,
            ..ElfFile::default()
        };
        if !matches!(self.kind, ET_DYN | ET_EXEC) {
            return Ok(found);
        }
        if let Some(segment) = self.segment(PT_INTERP) {
            let bytes = read(self.source, segment.offset, segment.size)?;
            found.interpreter = Some(name_at(&bytes, 0)?);
        }
        if let Some(dynamic) = self.dynamic()? {
            let strings = read(
                self.source,
                self.offset_of(dynamic.strings)?,
                dynamic.strings_size,
            )?;
            found.soname = dynamic.soname.map(|at| name_at(&strings, at)).transpose()?;
            found.needed = dynamic
                .needed
                .iter()
                .map(|at| name_at(&strings, *at))
                .collect::<Result<_, _>>()?;
            found.rpath = search_path(&strings, dynamic.rpath)?;
            found.runpath = search_path(&strings, dynamic.runpath)?;
            found.extension = names_initialiser(&strings);
            (found.glibc, found.libstdcxx) = self.versions(&dynamic, &strings)?;
        }
        // libc.so.6 and some others are libraries that can be run: a SONAME tells them from programs.
        found.program =
            self.kind == ET_EXEC || (found.interpreter.is_some() && found.soname.is_none());
        Ok(found)
    }

    fn segment(&self, kind: u32) -> Option<&Segment> {
        self.segments.iter().find(|segment| segment.kind == kind)
    }

    fn dynamic(&self) -> std::io::Result<Option<Dynamic>> {
        let Some(segment) = self.segment(PT_DYNAMIC) else {
            return Ok(None);
        };
        let bytes = read(self.source, segment.offset, segment.size)?;
        let mut found = Dynamic::default();
        for entry in bytes.chunks_exact(SIZEOF_DYN) {
            let (tag, value) = (u64_at(entry, 0)?, u64_at(entry, 8)?);
            match tag {
                0 => break,
                DT_NEEDED if found.needed.len() == NEEDED_LIMIT => {
                    return Err(damaged("it needs too many libraries"));
                }
                DT_NEEDED => found.needed.push(value),
                DT_SONAME => found.soname = Some(value),
                DT_RPATH => found.rpath = Some(value),
                DT_RUNPATH => found.runpath = Some(value),
                DT_STRTAB => found.strings = value,
                DT_STRSZ => found.strings_size = value,
                DT_VERNEED => found.versions = value,
                DT_VERNEEDNUM => found.versions_count = value,
                _ => {}
            }
        }
        Ok((found.strings != 0).then_some(found))
    }

    /// Where the byte that is loaded to `address` lies in the file.
    fn offset_of(&self, address: u64) -> std::io::Result<u64> {
        self.segments
            .iter()
            .filter(|segment| segment.kind == PT_LOAD)
            .find(|segment| address >= segment.address && address - segment.address < segment.size)
            .and_then(|segment| segment.offset.checked_add(address - segment.address))
            .ok_or_else(|| damaged("a table lies outside of what is loaded"))
    }

    /// Walks `Elf64_Verneed` (file, versions) and its `Elf64_Vernaux` (version name): both are lists linked by
    /// relative offsets.
    fn versions(&self, dynamic: &Dynamic, strings: &[u8]) -> std::io::Result<Versions> {
        const NEED: u64 = 16;
        let mut highest = (None, None);
        if dynamic.versions == 0 {
            return Ok(highest);
        }
        let mut at = self.offset_of(dynamic.versions)?;
        let mut left = VERSION_LIMIT;
        for _ in 0..dynamic.versions_count {
            let need = read(self.source, at, NEED)?;
            let (count, first, next) = (u16_at(&need, 2)?, u32_at(&need, 8)?, u32_at(&need, 12)?);
            let mut version = at + u64::from(first);
            for _ in 0..count {
                let aux = read(self.source, version, NEED)?;
                let name = name_at(strings, u64::from(u32_at(&aux, 8)?))?;
                highest.0 = highest.0.max(glibc_version(&name));
                highest.1 = highest.1.max(libstdcxx_version(&name));
                left = left.checked_sub(1).ok_or_else(too_many_versions)?;
                match u32_at(&aux, 12)? {
                    0 => break,
                    next => version += u64::from(next),
                }
            }
            left = left.checked_sub(1).ok_or_else(too_many_versions)?;
            if next == 0 {
                break;
            }
            at += u64::from(next);
        }
        Ok(highest)
    }
}

impl Segment {
    fn parse(bytes: &[u8]) -> std::io::Result<Self> {
        Ok(Self {
            kind: u32_at(bytes, 0)?,
            offset: u64_at(bytes, 8)?,
            address: u64_at(bytes, 16)?,
            size: u64_at(bytes, 32)?,
        })
    }
}

/// Of glibc and of libstdc++.
type Versions = (Option<GlibcVersion>, Option<LibstdcxxVersion>);

/// `GLIBCXX_3.4` and `GLIBCXX_3.4.32`; not `GLIBCXX_TUNABLES`.
fn libstdcxx_version(name: &str) -> Option<LibstdcxxVersion> {
    let mut numbers = name.strip_prefix("GLIBCXX_")?.split('.');
    let mut next = || numbers.next().map(str::parse);
    Some(LibstdcxxVersion(
        next()?.ok()?,
        next()?.ok()?,
        next().transpose().ok()?.unwrap_or(0),
    ))
}

/// `GLIBC_2.17` and `GLIBC_2.2.5`; not `GLIBC_PRIVATE`.
fn glibc_version(name: &str) -> Option<GlibcVersion> {
    let mut numbers = name.strip_prefix("GLIBC_")?.split('.');
    Some(GlibcVersion(
        numbers.next()?.parse().ok()?,
        numbers.next()?.parse().ok()?,
    ))
}

fn search_path(strings: &[u8], at: Option<u64>) -> std::io::Result<Vec<String>> {
    let Some(at) = at else { return Ok(Vec::new()) };
    Ok(string_at(strings, at, SEARCH_PATH_LIMIT)?
        .split(':')
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect())
}

fn read(source: &dyn Source, offset: u64, size: u64) -> std::io::Result<Vec<u8>> {
    if size > TABLE_LIMIT {
        return Err(damaged("a table is too large"));
    }
    // Before there is room for it: a header can say anything.
    let end = offset.checked_add(size);
    if end.is_none_or(|end| source.length().is_ok_and(|length| end > length)) {
        return Err(damaged("it ends in the middle of a table"));
    }
    let mut bytes = vec![0; usize::try_from(size).map_err(|_| damaged("a table is too large"))?];
    source
        .fill(&mut bytes, offset)
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => damaged("it ends in the middle of a table"),
            _ => error,
        })?;
    Ok(bytes)
}

fn name_at(strings: &[u8], at: u64) -> std::io::Result<String> {
    string_at(strings, at, NAME_LIMIT)
}

/// The text that begins at `at`. Many names may begin in one long stretch without an end: each is bounded.
fn string_at(strings: &[u8], at: u64, limit: usize) -> std::io::Result<String> {
    let rest = usize::try_from(at).ok().and_then(|at| strings.get(at..));
    let rest = rest.ok_or_else(|| damaged("a name lies outside of its table"))?;
    let rest = rest.get(..limit).unwrap_or(rest);
    let name = rest.split(|byte| *byte == 0).next().unwrap_or_default();
    if name.len() == limit {
        return Err(damaged("a name is too long"));
    }
    Ok(String::from_utf8_lossy(name).into_owned())
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> std::io::Result<[u8; N]> {
    let slice = bytes
        .get(at..at + N)
        .ok_or_else(|| damaged("a header is cut short"))?;
    slice
        .try_into()
        .map_err(|_| damaged("a header is cut short"))
}

fn u16_at(bytes: &[u8], at: usize) -> std::io::Result<u16> {
    array_at(bytes, at).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> std::io::Result<u32> {
    array_at(bytes, at).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> std::io::Result<u64> {
    array_at(bytes, at).map(u64::from_le_bytes)
}

fn too_many_versions() -> std::io::Error {
    damaged("it needs too many symbol versions")
}

fn damaged(reason: &str) -> std::io::Error {
    std::io::Error::new(
        std::io::ErrorKind::InvalidData,
        format!("not a whole ELF file: {reason}"),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_a_real_program_and_a_real_library() {
        let program = ElfFile::read(Path::new("/proc/self/exe")).unwrap().unwrap();
        assert!(program.program);
        assert!(
            program.needed.iter().any(|name| name == "libc.so.6"),
            "{program:?}"
        );
        assert!(program.glibc >= Some(GlibcVersion(2, 2)));
        let libc = Path::new("/lib/x86_64-linux-gnu/libc.so.6");
        if libc.exists() {
            let library = ElfFile::read(libc).unwrap().unwrap();
            assert!(!library.program);
            assert_eq!(library.soname.as_deref(), Some("libc.so.6"));
        }
    }

    #[test]
    fn what_is_no_elf_file_is_none_and_a_cut_one_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for content in [
            &b""[..],
            b"\x7fEL",
            b"#!/bin/sh\nexit 0\n# and a good deal more than one header of 64 bytes",
        ] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(ElfFile::read(&path).unwrap(), None);
        }
        let whole = std::fs::read("/proc/self/exe").unwrap();
        std::fs::write(&path, &whole[..200]).unwrap();
        assert_eq!(
            ElfFile::read(&path).unwrap_err().kind(),
            std::io::ErrorKind::InvalidData
        );
    }

    #[test]
    fn no_damage_panics() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let whole = std::fs::read("/bin/true").unwrap();
        let dynamic = whole.len().saturating_sub(8192);
        for at in (0..800).chain((dynamic..whole.len()).step_by(7)) {
            for value in [0x00, 0x7f, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                std::fs::write(&path, bytes).unwrap();
                let _ = ElfFile::read(&path);
            }
        }
    }

    /// A library that is its header, two segments, `dynamic` and then `tables`, of which the first byte is at address
    /// `TABLES`.
    fn library(dynamic: &[(u64, u64)], tables: &[u8]) -> Vec<u8> {
        let length = (TABLES as usize + tables.len()) as u64;
        let mut file = b"\x7fELF\x02\x01\x01".to_vec();
        file.resize(SIZEOF_EHDR, 0);
        for (at, value) in [(16, ET_DYN), (18, 62), (54, SIZEOF_PHDR as u16), (56, 2)] {
            file[at..at + 2].copy_from_slice(&value.to_le_bytes());
        }
        file[32..40].copy_from_slice(&(SIZEOF_EHDR as u64).to_le_bytes());
        let size = (dynamic.len() * SIZEOF_DYN) as u64;
        for (kind, offset, size) in [(PT_LOAD, 0, length), (PT_DYNAMIC, DYNAMIC, size)] {
            file.extend(kind.to_le_bytes());
            file.extend([0; 4]);
            for number in [offset, offset, 0, size, size, 0] {
                file.extend(number.to_le_bytes());
            }
        }
        file.resize(DYNAMIC as usize, 0);
        for (tag, value) in dynamic {
            file.extend(tag.to_le_bytes());
            file.extend(value.to_le_bytes());
        }
        assert!(file.len() <= TABLES as usize);
        file.resize(TABLES as usize, 0);
        file.extend(tables);
        file
    }

    const DYNAMIC: u64 = 0x100;
    const TABLES: u64 = 0x11000;

    #[test]
    fn a_made_up_library_is_read() {
        let dynamic = [
            (DT_STRTAB, TABLES),
            (DT_STRSZ, 20),
            (DT_NEEDED, 1),
            (DT_SONAME, 9),
        ];
        let elf = ElfFile::parse(&library(&dynamic, b"\0liba.so\0libb.so\0..."))
            .unwrap()
            .unwrap();
        assert_eq!(
            (elf.needed[0].as_str(), elf.soname.as_deref()),
            ("liba.so", Some("libb.so"))
        );
    }

    fn refusal(dynamic: &[(u64, u64)], tables: &[u8]) -> String {
        let error = ElfFile::parse(&library(dynamic, tables)).unwrap_err();
        error.to_string()
    }

    /// Each would be a copy of everything behind it: gigabytes, from a file of a few hundred kilobytes.
    #[test]
    fn names_without_an_end_are_refused() {
        let names = vec![b'a'; 300_000];
        let mut dynamic = vec![(DT_STRTAB, TABLES), (DT_STRSZ, names.len() as u64)];
        dynamic.extend((0..4000).map(|at| (DT_NEEDED, at)));
        assert!(refusal(&dynamic, &names).contains("a name is too long"));
        let mut dynamic = vec![(DT_STRTAB, TABLES), (DT_STRSZ, 2)];
        dynamic.resize(4200, (DT_NEEDED, 1));
        assert!(refusal(&dynamic, &[0, 0]).contains("too many libraries"));
    }

    /// Lists that lie in each other: their walks grow with the square of the file.
    #[test]
    fn endless_symbol_versions_are_refused() {
        let mut record = [0_u8; 16];
        record[2..4].copy_from_slice(&u16::MAX.to_le_bytes());
        record[12] = 16;
        let mut tables = record.repeat(3000);
        tables.extend([0; 16]);
        let dynamic = [
            (DT_STRTAB, TABLES),
            (DT_STRSZ, 16),
            (DT_VERNEED, TABLES),
            (DT_VERNEEDNUM, u64::MAX),
        ];
        assert!(refusal(&dynamic, &tables).contains("too many symbol versions"));
    }

    #[test]
    fn tables_that_are_not_there_take_no_memory() {
        let dynamic = [(DT_STRTAB, TABLES), (DT_STRSZ, TABLE_LIMIT)];
        assert!(refusal(&dynamic, b"\0").contains("in the middle of a table"));
        assert!(refusal(&[(DT_STRTAB, u64::MAX)], b"\0").contains("outside of what is loaded"));
    }

    #[test]
    fn versions_of_libstdcxx() {
        let check = |name: &str, expected: Option<(u16, u16, u16)>| {
            let found = libstdcxx_version(name).map(|LibstdcxxVersion(a, b, c)| (a, b, c));
            assert_eq!(found, expected, "{name}");
        };
        check("GLIBCXX_3.4.32", Some((3, 4, 32)));
        check("GLIBCXX_3.4", Some((3, 4, 0)));
        check("GLIBCXX_TUNABLES", None);
        check("GLIBC_2.17", None);
        assert!(libstdcxx_version("GLIBCXX_3.4.9") < libstdcxx_version("GLIBCXX_3.4.10"));
    }

    #[test]
    fn versions_of_glibc() {
        assert_eq!(glibc_version("GLIBC_2.17"), Some(GlibcVersion(2, 17)));
        assert_eq!(glibc_version("GLIBC_2.2.5"), Some(GlibcVersion(2, 2)));
        assert_eq!(glibc_version("GLIBC_PRIVATE"), None);
        assert_eq!(glibc_version("CXXABI_1.3"), None);
    }
}
