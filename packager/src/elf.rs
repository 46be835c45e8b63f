//! What an ELF file says about its loading: SONAME, needed libraries, search paths, symbol versions.
//!
//! Only the parts that the loader itself reads are read (program headers and what `PT_DYNAMIC` points to), by offset,
//! so that a library of a gigabyte costs as little as a small one and a file without section headers works too.

use crate::collection::GlibcVersion;
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
    /// The highest `GLIBC_x.y` it needs.
    pub glibc: Option<GlibcVersion>,
}

impl ElfFile {
    /// Reads `path`; `Ok(None)` when it is no ELF file.
    ///
    /// # Errors
    /// When the file cannot be read, or begins like an ELF file and is damaged: the message says where.
    pub fn read(path: &Path) -> std::io::Result<Option<Self>> {
        Self::of(&crate::inputs::open(path)?)
    }

    /// Reads an open file.
    ///
    /// # Errors
    /// As [`ElfFile::read`].
    pub fn of(file: &File) -> std::io::Result<Option<Self>> {
        let mut header = [0_u8; SIZEOF_EHDR];
        match file.read_exact_at(&mut header, 0) {
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
        Image::open(file, &header)?.describe().map(Some)
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

/// An open 64-bit little-endian ELF file.
struct Image<'a> {
    file: &'a File,
    kind: u16,
    machine: u16,
    segments: Vec<Segment>,
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
    fn open(file: &'a File, header: &[u8; SIZEOF_EHDR]) -> std::io::Result<Self> {
        let (offset, entry_size, count) = (
            u64_at(header, 32)?,
            u16_at(header, 54)?,
            u16_at(header, 56)?,
        );
        if count > 0 && usize::from(entry_size) != SIZEOF_PHDR {
            return Err(damaged("its program headers have an odd size"));
        }
        let table = read(file, offset, u64::from(count) * SIZEOF_PHDR as u64)?;
        let segments = table
            .chunks_exact(SIZEOF_PHDR)
            .map(Segment::parse)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            file,
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
            let bytes = read(self.file, segment.offset, segment.size)?;
            found.interpreter = Some(string_at(&bytes, 0)?);
        }
        if let Some(dynamic) = self.dynamic()? {
            let strings = read(
                self.file,
                self.offset_of(dynamic.strings)?,
                dynamic.strings_size,
            )?;
            found.soname = dynamic
                .soname
                .map(|at| string_at(&strings, at))
                .transpose()?;
            found.needed = dynamic
                .needed
                .iter()
                .map(|at| string_at(&strings, *at))
                .collect::<Result<_, _>>()?;
            found.rpath = search_path(&strings, dynamic.rpath)?;
            found.runpath = search_path(&strings, dynamic.runpath)?;
            found.glibc = self.glibc(&dynamic, &strings)?;
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
        let bytes = read(self.file, segment.offset, segment.size)?;
        let mut found = Dynamic::default();
        for entry in bytes.chunks_exact(SIZEOF_DYN) {
            let (tag, value) = (u64_at(entry, 0)?, u64_at(entry, 8)?);
            match tag {
                0 => break,
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
    fn glibc(&self, dynamic: &Dynamic, strings: &[u8]) -> std::io::Result<Option<GlibcVersion>> {
        const NEED: u64 = 16;
        let mut highest = None;
        if dynamic.versions == 0 {
            return Ok(None);
        }
        let mut at = self.offset_of(dynamic.versions)?;
        for _ in 0..dynamic.versions_count.min(4096) {
            let need = read(self.file, at, NEED)?;
            let (count, first, next) = (u16_at(&need, 2)?, u32_at(&need, 8)?, u32_at(&need, 12)?);
            let mut version = at + u64::from(first);
            for _ in 0..count {
                let aux = read(self.file, version, NEED)?;
                let name = string_at(strings, u64::from(u32_at(&aux, 8)?))?;
                highest = highest.max(glibc_version(&name));
                version += u64::from(u32_at(&aux, 12)?);
            }
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
    Ok(string_at(strings, at)?
        .split(':')
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect())
}

fn read(file: &File, offset: u64, size: u64) -> std::io::Result<Vec<u8>> {
    if size > TABLE_LIMIT {
        return Err(damaged("a table is too large"));
    }
    let mut bytes = vec![0; usize::try_from(size).map_err(|_| damaged("a table is too large"))?];
    file.read_exact_at(&mut bytes, offset)
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => damaged("it ends in the middle of a table"),
            _ => error,
        })?;
    Ok(bytes)
}

fn string_at(strings: &[u8], at: u64) -> std::io::Result<String> {
    let rest = usize::try_from(at).ok().and_then(|at| strings.get(at..));
    let rest = rest.ok_or_else(|| damaged("a name lies outside of its table"))?;
    let name = rest.split(|byte| *byte == 0).next().unwrap_or_default();
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

    #[test]
    fn versions_of_glibc() {
        assert_eq!(glibc_version("GLIBC_2.17"), Some(GlibcVersion(2, 17)));
        assert_eq!(glibc_version("GLIBC_2.2.5"), Some(GlibcVersion(2, 2)));
        assert_eq!(glibc_version("GLIBC_PRIVATE"), None);
        assert_eq!(glibc_version("CXXABI_1.3"), None);
    }
}
