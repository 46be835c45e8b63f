//! The headers of a Windows executable: where its parts are.

use super::PeError;
use super::bytes::{slice, u16_at, u32_at};
use std::ops::Range;

/// Bytes of a section's header.
pub(super) const SECTION: usize = 40;
/// No linker makes more sections; the loader takes at most 96.
const MAX_SECTIONS: usize = 96;

/// A program with a console.
pub const CONSOLE: u16 = 3;
/// A program with windows.
pub const WINDOWED: u16 = 2;

/// Entries of the table of directories.
pub(super) mod directory {
    pub(crate) const RESOURCES: usize = 2;
    pub(crate) const CERTIFICATES: usize = 4;
    pub(crate) const RELOCATIONS: usize = 5;
    pub(crate) const DEBUG: usize = 6;
    pub(crate) const BOUND_IMPORTS: usize = 11;
}

/// What the headers say.
#[derive(Debug, Clone)]
pub struct Headers {
    /// The processor, as `IMAGE_FILE_MACHINE_*`.
    pub machine: u16,
    /// For 64-bit Windows.
    pub is_64: bool,
    /// `IMAGE_SUBSYSTEM_*`: 3 has a console, 2 has none.
    pub subsystem: u16,
    /// In the order of their headers.
    pub sections: Vec<Section>,
    /// Offset of the COFF header.
    pub(super) coff: usize,
    /// Offset of the optional header.
    pub(super) optional: usize,
    /// Offset of the first section's header.
    pub(super) table: usize,
    pub(super) section_alignment: u32,
    pub(super) file_alignment: u32,
    pub(super) size_of_headers: u32,
    /// Address and size of each.
    pub(super) directories: Vec<(u32, u32)>,
}

/// One section.
#[derive(Debug, Clone)]
pub struct Section {
    /// Its name, as far as it is in the header.
    pub name: String,
    /// Size in memory.
    pub virtual_size: u32,
    /// Address in memory.
    pub address: u32,
    /// Bytes in the file.
    pub size: u32,
    /// Offset in the file.
    pub offset: u32,
    /// `IMAGE_SCN_*`.
    pub characteristics: u32,
}

impl Section {
    /// Where its content is in the file.
    pub(super) fn range(&self) -> Range<usize> {
        let start = self.offset as usize;
        start..start.saturating_add(self.size as usize)
    }

    /// The address behind it in memory.
    pub(super) fn end(&self) -> u32 {
        let size = if self.virtual_size == 0 {
            self.size
        } else {
            self.virtual_size
        };
        self.address.saturating_add(size)
    }
}

impl Headers {
    /// Reads them.
    ///
    /// # Errors
    /// When `file` is no Windows executable, or its headers cannot be.
    pub fn parse(file: &[u8]) -> Result<Self, PeError> {
        if !super::is_pe(file) {
            return Err(PeError::NotPe("it does not begin with `MZ`"));
        }
        let pe = u32_at(file, 0x3c).ok_or_else(|| PeError::truncated("header", 0x3c_u64))?;
        let pe = pe as usize;
        if slice(file, pe, 4) != Some(b"PE\0\0") {
            return Err(PeError::NotPe("it is a program for DOS"));
        }
        let coff = pe + 4;
        let optional = coff + 20;
        let short = |offset| {
            u16_at(file, offset).ok_or_else(|| PeError::truncated("header", offset as u64))
        };
        let long = |offset| {
            u32_at(file, offset).ok_or_else(|| PeError::truncated("header", offset as u64))
        };
        let is_64 = match short(optional)? {
            0x10b => false,
            0x20b => true,
            other => {
                let why = format!("its kind is {other:#x}, and 0x10b or 0x20b is known");
                return Err(PeError::invalid("optional header", why));
            }
        };
        let tables = optional + if is_64 { 112 } else { 96 };
        let table = optional + usize::from(short(coff + 16)?);
        let count = long(tables - 4)?.min(16);
        let directories = (0..count as usize)
            .map(|index| Ok((long(tables + 8 * index)?, long(tables + 8 * index + 4)?)))
            .collect::<Result<Vec<_>, PeError>>()?;
        if tables + 8 * directories.len() > table {
            return Err(PeError::invalid("optional header", "it is too short"));
        }
        let headers = Self {
            machine: short(coff)?,
            is_64,
            subsystem: short(optional + 68)?,
            sections: sections(file, table, short(coff + 2)?.into())?,
            coff,
            optional,
            table,
            section_alignment: long(optional + 32)?,
            file_alignment: long(optional + 36)?,
            size_of_headers: long(optional + 60)?,
            directories,
        };
        headers.check()?;
        Ok(headers)
    }

    fn check(&self) -> Result<(), PeError> {
        for (what, alignment) in [
            ("file alignment", self.file_alignment),
            ("section alignment", self.section_alignment),
        ] {
            if !alignment.is_power_of_two() || alignment > 1 << 16 {
                let why = format!("{alignment} is no power of two up to 65536");
                return Err(PeError::invalid(what, why));
            }
        }
        let end = self.table + SECTION * self.sections.len();
        if (self.size_of_headers as usize) < end {
            let why = format!("they end at {end:#x}, behind the size they name");
            return Err(PeError::invalid("headers", why));
        }
        Ok(())
    }

    /// Address and size of a directory that is there.
    pub(super) fn directory(&self, index: usize) -> Option<(u32, u32)> {
        self.directories
            .get(index)
            .copied()
            .filter(|&(address, size)| address != 0 && size != 0)
    }

    /// Offset of a directory's entry in the optional header.
    pub(super) fn directory_entry(&self, index: usize) -> usize {
        self.optional + if self.is_64 { 112 } else { 96 } + 8 * index
    }

    /// Offset of the 4 bytes that hold the checksum.
    #[must_use]
    pub fn checksum_offset(&self) -> usize {
        self.optional + 64
    }

    /// What is in the file of the memory from `address` to the end of its section.
    #[must_use]
    pub fn memory<'a>(&self, file: &'a [u8], address: u32) -> Option<&'a [u8]> {
        let holds = |section: &&Section| {
            section.address <= address && address - section.address < section.size
        };
        let section = self.sections.iter().find(holds)?;
        let content = slice(file, section.offset as usize, section.size as usize)?;
        content.get((address - section.address) as usize..)
    }
}

fn sections(file: &[u8], table: usize, count: usize) -> Result<Vec<Section>, PeError> {
    if count > MAX_SECTIONS {
        let why = format!("it has {count} entries, and {MAX_SECTIONS} are the most");
        return Err(PeError::invalid("section table", why));
    }
    let section = |index| {
        let at = table + SECTION * index;
        let header = slice(file, at, SECTION)
            .ok_or_else(|| PeError::truncated("section table", at as u64))?;
        let long = |at| u32_at(header, at).unwrap_or_default();
        let name = header.split(|byte| *byte == 0).next().unwrap_or_default();
        Ok(Section {
            name: String::from_utf8_lossy(&name[..name.len().min(8)]).into_owned(),
            virtual_size: long(8),
            address: long(12),
            size: long(16),
            offset: long(20),
            characteristics: long(36),
        })
    };
    (0..count).map(section).collect()
}
