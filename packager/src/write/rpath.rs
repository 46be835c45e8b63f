//! Search paths that lead out of the bundle, taken out of the interpreter's own libraries.
//!
//! A Python built from source names the folder that it was installed to (`/home/…/.pyenv/versions/…/lib`) in the RPATH of
//! its library and extension modules. On another machine the dynamic linker would look there first, for the C library's
//! parts too: slow, and whoever may make that folder decides what is loaded. The bundle needs it for nothing, as what the
//! linker does not find by itself is loaded before (see `collect::native`).

use super::strip::{u16_at, u32_at, u64_at};
use std::ops::Range;

const PROGRAM_HEADER: usize = 56;
const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const DYNAMIC: usize = 16;
/// The longest search path that is believed.
const TEXT_LIMIT: usize = 64 << 10;
const DT_STRTAB: u64 = 5;
const DT_RPATH: u64 = 15;
const DT_RUNPATH: u64 = 29;
/// `DT_LOOS`: of a range that the linker passes over unless it knows the value.
const DT_IGNORED: u64 = 0x6000_000d;

/// `file` with its RPATH and RUNPATH ignored where they name nothing but absolute folders; `None` when there are none such,
/// or the file is no ELF library of 64 bits and little-endian.
pub(super) fn without_foreign_folders(file: &[u8]) -> Option<Vec<u8>> {
    let elf = Elf::parse(file)?;
    let tags: Vec<usize> = elf.foreign_tags()?;
    if tags.is_empty() {
        return None;
    }
    let mut out = file.to_vec();
    for at in tags {
        out.get_mut(at..at.checked_add(8)?)?
            .copy_from_slice(&DT_IGNORED.to_le_bytes());
    }
    Some(out)
}

struct Elf<'a> {
    file: &'a [u8],
    /// Kind, offset in the file, address, bytes in the file.
    segments: Vec<(u32, u64, u64, u64)>,
}

impl<'a> Elf<'a> {
    fn parse(file: &'a [u8]) -> Option<Self> {
        if !file.starts_with(b"\x7fELF\x02\x01\x01") || u16_at(file, 54)? as usize != PROGRAM_HEADER
        {
            return None;
        }
        let start = usize::try_from(u64_at(file, 32)?).ok()?;
        let length = usize::from(u16_at(file, 56)?) * PROGRAM_HEADER;
        let table = file.get(start..start.checked_add(length)?)?;
        let segments = table
            .chunks_exact(PROGRAM_HEADER)
            .map(|header| {
                Some((
                    u32_at(header, 0)?,
                    u64_at(header, 8)?,
                    u64_at(header, 16)?,
                    u64_at(header, 32)?,
                ))
            })
            .collect::<Option<_>>()?;
        Some(Self { file, segments })
    }

    /// Where the tags of entries lie that name absolute folders alone.
    fn foreign_tags(&self) -> Option<Vec<usize>> {
        let dynamic = self
            .segments
            .iter()
            .find(|(kind, ..)| *kind == PT_DYNAMIC)?;
        let range = self.range(dynamic.1, dynamic.3)?;
        let entries: Vec<(usize, u64, u64)> = range
            .step_by(DYNAMIC)
            .map_while(|at| Some((at, u64_at(self.file, at)?, u64_at(self.file, at + 8)?)))
            .take_while(|(_, tag, _)| *tag != 0)
            .collect();
        let strings = entries.iter().find(|(_, tag, _)| *tag == DT_STRTAB)?.2;
        let strings = self.offset_of(strings)?;
        let is_foreign = |(_, tag, value): &&(usize, u64, u64)| {
            matches!(*tag, DT_RPATH | DT_RUNPATH)
                && strings
                    .checked_add(*value)
                    .and_then(|at| self.text(at))
                    .is_some_and(|path| {
                        path.split(|byte| *byte == b':')
                            .all(|folder| folder.starts_with(b"/"))
                    })
        };
        let foreign = entries.iter().filter(is_foreign);
        Some(foreign.map(|(at, ..)| *at).collect())
    }

    fn offset_of(&self, address: u64) -> Option<u64> {
        let (_, offset, start, _) = self.segments.iter().find(|(kind, _, start, size)| {
            *kind == PT_LOAD && address >= *start && address - start < *size
        })?;
        offset.checked_add(address - start)
    }

    fn text(&self, at: u64) -> Option<&'a [u8]> {
        let rest = self.file.get(usize::try_from(at).ok()?..)?;
        // Many tags may name one long stretch without an end.
        let rest = rest.get(..TEXT_LIMIT).unwrap_or(rest);
        rest.split(|byte| *byte == 0).next()
    }

    fn range(&self, start: u64, length: u64) -> Option<Range<usize>> {
        let start = usize::try_from(start).ok()?;
        let end = start.checked_add(usize::try_from(length).ok()?)?;
        (end <= self.file.len()).then_some(start..end)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::print_stderr)]
    use super::*;
    use crate::elf::ElfFile;
    use std::process::Command;

    /// A library with this RPATH, and what the reader of this crate says of it after the change.
    fn check(rpath: &str, kept: bool) {
        let folder = tempfile::tempdir().unwrap();
        let (source, library) = (folder.path().join("a.c"), folder.path().join("liba.so"));
        std::fs::write(&source, "int a(void) { return 1; }").unwrap();
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .args([&library, &source])
            .arg(format!("-Wl,-rpath,{rpath}"))
            .status();
        if !compiled.is_ok_and(|status| status.success()) {
            // There is no C compiler: nothing to try it on.
            return;
        }
        let before = std::fs::read(&library).unwrap();
        let after = without_foreign_folders(&before);
        assert_eq!(after.is_none(), kept, "{rpath}");
        if let Some(after) = after {
            assert_eq!(after.len(), before.len());
            assert!(without_foreign_folders(&after).is_none());
            std::fs::write(&library, after).unwrap();
        }
        let elf = ElfFile::read(&library).unwrap().unwrap();
        let paths = elf.rpath.len() + elf.runpath.len();
        assert_eq!(paths > 0, kept, "{rpath}");
    }

    #[test]
    fn absolute_folders_go_and_the_bundles_own_stay() {
        check("/home/somebody/lib", false);
        check("/a:/b", false);
        check("$ORIGIN/../lib", true);
        check("/a:$ORIGIN", true);
    }

    #[test]
    fn what_is_damaged_is_left_alone() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        for length in (0..4096).step_by(7) {
            let _ = without_foreign_folders(&own[..length]);
        }
        assert!(without_foreign_folders(b"no library").is_none());
    }
}
