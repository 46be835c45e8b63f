//! Native files without their debug symbols and symbol tables: what `strip` would take, done here so that packing needs
//! no binutils.
//!
//! Only sections that no program loads are dropped, and only where they lie behind everything that is loaded, as all
//! linkers place them. Nothing that is loaded moves or changes. A file in which anything is unusual is left alone.

use std::ops::Range;

const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;
const SECTION_HEADER: usize = 64;
const PT_LOAD: u32 = 1;
const SHT_NULL: u32 = 0;
const SHT_NOBITS: u32 = 8;
const SHF_ALLOC: u64 = 2;
const ET_EXEC: u16 = 2;
const ET_DYN: u16 = 3;
/// Bytes between and behind sections that alignment explains.
const SLACK: u64 = 64;

/// `file` without its debug symbols; `None` when there are none, or it is better left alone.
#[must_use]
pub fn stripped(file: &[u8]) -> Option<Vec<u8>> {
    let elf = Elf::parse(file)?;
    let loaded = elf.loaded_end()?;
    let kept = elf.kept(loaded)?;
    // What would be lost must be known: sections that are not loaded, their headers, alignment.
    if elf.end()?.saturating_add(SLACK) < file.len() as u64 {
        return None;
    }
    let out = elf.write(loaded, &kept)?;
    (out.len() < file.len()).then_some(out)
}

/// An ELF file of 64 bits and little-endian, its tables in bounds.
struct Elf<'a> {
    file: &'a [u8],
    sections: Vec<Section>,
    sections_at: u64,
    names: usize,
}

#[derive(Debug, Clone, Copy)]
struct Section {
    kind: u32,
    flags: u64,
    offset: u64,
    size: u64,
    link: u32,
}

impl<'a> Elf<'a> {
    fn parse(file: &'a [u8]) -> Option<Self> {
        let header = file.get(..HEADER)?;
        let usual = header.starts_with(b"\x7fELF\x02\x01\x01")
            && matches!(u16_at(header, 16)?, ET_EXEC | ET_DYN)
            && u16_at(header, 52)? as usize == HEADER
            && u16_at(header, 54)? as usize == PROGRAM_HEADER
            && u16_at(header, 58)? as usize == SECTION_HEADER
            // Tables within the header would change with it.
            && u64_at(header, 32)? >= HEADER as u64;
        if !usual {
            return None;
        }
        let sections_at = u64_at(header, 40)?;
        let count = usize::from(u16_at(header, 60)?);
        let names = usize::from(u16_at(header, 62)?);
        let table = file.get(range(sections_at, (count * SECTION_HEADER) as u64)?)?;
        let sections = table
            .chunks_exact(SECTION_HEADER)
            .map(Section::parse)
            .collect::<Option<Vec<_>>>()?;
        (names < sections.len()).then_some(Self {
            file,
            sections,
            sections_at,
            names,
        })
    }

    /// Where the last byte that is loaded ends; every segment of any kind lies before it.
    fn loaded_end(&self) -> Option<u64> {
        let count = u64::from(u16_at(self.file, 56)?);
        let table = self.file.get(range(
            u64_at(self.file, 32)?,
            count * PROGRAM_HEADER as u64,
        )?)?;
        let ends = |header: &[u8]| {
            Some((
                u32_at(header, 0)?,
                u64_at(header, 8)?.checked_add(u64_at(header, 32)?)?,
            ))
        };
        let ends = table
            .chunks_exact(PROGRAM_HEADER)
            .map(ends)
            .collect::<Option<Vec<_>>>()?;
        let loaded = ends
            .iter()
            .filter(|(kind, _)| *kind == PT_LOAD)
            .map(|(_, end)| *end)
            .max()?;
        let fits = loaded >= HEADER as u64
            && loaded <= self.sections_at
            && loaded <= self.file.len() as u64
            && ends.iter().all(|(_, end)| *end <= loaded);
        fits.then_some(loaded)
    }

    /// The sections that stay, besides the names': all those that are loaded. They must come first in the table, so
    /// that the numbers by which symbols and headers refer to them stay right.
    fn kept(&self, loaded: u64) -> Option<Range<usize>> {
        let stays = |section: &Section| section.kind == SHT_NULL || section.flags & SHF_ALLOC != 0;
        let count = self
            .sections
            .iter()
            .take_while(|section| stays(section))
            .count();
        let (kept, dropped) = self.sections.split_at_checked(count)?;
        let inside = |section: &Section| {
            section.kind == SHT_NULL
                || section.kind == SHT_NOBITS
                || section.end().is_some_and(|end| end <= loaded)
        };
        let usual = count > 1
            && count < usize::from(u16::MAX) - 1
            && kept
                .iter()
                .all(|section| inside(section) && (section.link as usize) < count)
            && dropped
                .iter()
                .all(|section| section.flags & SHF_ALLOC == 0 && section.offset >= loaded);
        (usual && self.names >= count).then_some(0..count)
    }

    /// Where the last known byte of the file ends.
    fn end(&self) -> Option<u64> {
        let table = self.sections_at + (self.sections.len() * SECTION_HEADER) as u64;
        let sections = self
            .sections
            .iter()
            .filter(|section| section.kind != SHT_NOBITS);
        let ends = sections.map(Section::end).collect::<Option<Vec<_>>>()?;
        Some(ends.into_iter().max()?.max(table))
    }

    fn write(&self, loaded: u64, kept: &Range<usize>) -> Option<Vec<u8>> {
        let table = self.file.get(range(
            self.sections_at,
            (self.sections.len() * SECTION_HEADER) as u64,
        )?)?;
        let names = self.sections.get(self.names)?;
        let name_bytes = self.file.get(range(names.offset, names.size)?)?;

        let mut out = self.file.get(..usize::try_from(loaded).ok()?)?.to_vec();
        let names_at = out.len() as u64;
        out.extend(name_bytes);
        out.resize(out.len().next_multiple_of(8), 0);
        let table_at = out.len() as u64;
        out.extend(table.get(..kept.end * SECTION_HEADER)?);
        let mut header = table
            .get(self.names * SECTION_HEADER..(self.names + 1) * SECTION_HEADER)?
            .to_vec();
        header
            .get_mut(24..32)?
            .copy_from_slice(&names_at.to_le_bytes());
        out.extend(header);

        out.get_mut(40..48)?
            .copy_from_slice(&table_at.to_le_bytes());
        out.get_mut(60..62)?
            .copy_from_slice(&u16::try_from(kept.end + 1).ok()?.to_le_bytes());
        out.get_mut(62..64)?
            .copy_from_slice(&u16::try_from(kept.end).ok()?.to_le_bytes());
        Some(out)
    }
}

impl Section {
    fn parse(header: &[u8]) -> Option<Self> {
        Some(Self {
            kind: u32_at(header, 4)?,
            flags: u64_at(header, 8)?,
            offset: u64_at(header, 24)?,
            size: u64_at(header, 32)?,
            link: u32_at(header, 40)?,
        })
    }

    fn end(&self) -> Option<u64> {
        self.offset.checked_add(self.size)
    }
}

fn range(offset: u64, length: u64) -> Option<Range<usize>> {
    let start = usize::try_from(offset).ok()?;
    Some(start..start.checked_add(usize::try_from(length).ok()?)?)
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    #[test]
    fn every_libpython_and_extension_module_still_loads() {
        for (_, python) in crate::testing::pythons() {
            let facts = crate::facts::InterpreterFacts::ask(&python).unwrap();
            let folder = tempfile::tempdir().unwrap();
            let library = facts.libpython.clone().unwrap();
            let before = std::fs::read(&library).unwrap();
            let after = stripped(&before).unwrap();
            assert!(
                after.len() < before.len() / 2,
                "{} of {}",
                after.len(),
                before.len()
            );
            assert!(stripped(&after).is_none_or(|again| again.len() <= after.len()));
            std::fs::write(folder.path().join(library.file_name().unwrap()), &after).unwrap();

            for module in std::fs::read_dir(facts.dynload.as_ref().unwrap())
                .unwrap()
                .map(Result::unwrap)
            {
                let bytes = std::fs::read(module.path()).unwrap();
                if let Some(stripped) = stripped(&bytes) {
                    std::fs::write(folder.path().join(module.file_name()), stripped).unwrap();
                }
            }
            let load = "import sys, os, importlib.machinery as m, importlib.util as u\n\
                for name in sorted(os.listdir(sys.argv[1])):\n  \
                  if name.startswith(('libpython', '_test', '_xx', 'xx')): continue\n  \
                  path = os.path.join(sys.argv[1], name)\n  \
                  spec = u.spec_from_file_location(name.split('.')[0], path)\n  \
                  try: spec.loader.exec_module(u.module_from_spec(spec))\n  \
                  except ImportError as e:\n    \
                    if 'ELF' in str(e) or 'section' in str(e): raise\n\
                print('ok', 'libpython' in open('/proc/self/maps').read() and sys.argv[1] in open('/proc/self/maps').read())";
            let output = Command::new(&python)
                .args(["-I", "-S", "-c", load])
                .arg(folder.path())
                .env("LD_LIBRARY_PATH", folder.path())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(
                said.contains("ok True"),
                "{said}{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }

    #[test]
    fn a_program_still_runs_and_tools_still_read_it() {
        let own = std::fs::read("/proc/self/exe").unwrap();
        let after = stripped(&own).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        std::fs::write(&path, after).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(
            Command::new(&path)
                .arg("--list")
                .output()
                .unwrap()
                .status
                .success()
        );
        if let Ok(output) = Command::new("readelf")
            .args(["-a", "-W"])
            .arg(&path)
            .output()
        {
            assert!(output.status.success());
            let complaints = String::from_utf8_lossy(&output.stderr);
            assert!(!complaints.contains("Error"), "{complaints}");
        }
    }

    /// A section behind everything that ends where numbers do.
    #[test]
    fn a_section_without_end_is_left_alone() {
        let mut own = std::fs::read("/proc/self/exe").unwrap();
        let table = u64_at(&own, 40).unwrap() as usize;
        let names = usize::from(u16_at(&own, 62).unwrap());
        let section = table + (names - 1) * SECTION_HEADER;
        let offset = u64_at(&own, section + 24).unwrap();
        own[section + 32..section + 40].copy_from_slice(&(u64::MAX - offset - 1).to_le_bytes());
        let _ = stripped(&own);
    }

    #[test]
    fn what_is_unusual_is_left_alone() {
        let own = std::fs::read("/proc/self/exe").unwrap();
        assert!(stripped(b"").is_none());
        assert!(stripped(&own[..1000]).is_none());
        assert!(stripped(&[&own[..], &[1; 1000]].concat()).is_none());
        let mut other = own.clone();
        other[4] = 1;
        assert!(stripped(&other).is_none());
        // Whatever stands in the headers: no panic.
        for at in 0..HEADER {
            for value in [0, 1, 0x40, 0xff] {
                let mut damaged = own.clone();
                damaged[at] = value;
                let _ = stripped(&damaged);
            }
        }
    }
}
