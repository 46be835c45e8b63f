//! Putting other resources into an executable.
//!
//! Where the resources are in a section of their own with nothing behind it but the relocations, it is made as large as
//! it must be: nothing refers to the place of the relocations but the header. Otherwise (an executable without resources,
//! or one with code or data behind them) a section is added at the end. Whatever else is in the file keeps its address
//! in memory; offsets into the file that the headers know of are set right.

use super::bytes::{align, put, slice, u32_at};
use super::headers::{SECTION, directory};
use super::{Headers, PeError, Resources, Section, with_checksum};

/// Readable, initialised data.
const DATA: u32 = 0x4000_0040;
const INITIALISED: u32 = 0x40;
const NAME: &[u8; 8] = b".rsrc\0\0\0";

/// An executable with other resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The file, its checksum right.
    pub file: Vec<u8>,
    /// It was signed; the signature would no longer hold and was left out.
    pub unsigned: bool,
}

/// `file` with `resources` in place of those it has, and `subsystem` ([`CONSOLE`](super::CONSOLE), [`WINDOWED`](super::WINDOWED)) if one is named.
///
/// # Errors
/// When it is no Windows executable, or cannot be changed without harm.
pub fn with_resources(
    file: &[u8],
    resources: &Resources,
    subsystem: Option<u16>,
) -> Result<Edited, PeError> {
    let headers = Headers::parse(file)?;
    let mut image = Image::split(file, headers)?;
    image.replace(resources)?;
    let mut edited = image.assemble(file)?;
    if let Some(subsystem) = subsystem {
        let field = image.headers.optional + 68;
        put(&mut edited, field, &subsystem.to_le_bytes());
    }
    Ok(Edited {
        file: with_checksum(edited)?,
        unsigned: image.unsigned,
    })
}

/// An executable in parts.
struct Image {
    headers: Headers,
    parts: Vec<Part>,
    /// What is behind all sections, without a signature.
    overlay: Vec<u8>,
    overlay_offset: usize,
    unsigned: bool,
    /// A section was added.
    added: bool,
    directory: (u32, u32),
}

/// A section and its content.
struct Part {
    section: Section,
    /// Offset of its content before.
    before: usize,
    content: Vec<u8>,
}

impl Image {
    fn split(file: &[u8], headers: Headers) -> Result<Self, PeError> {
        let mut order: Vec<usize> = (0..headers.sections.len())
            .filter(|&index| headers.sections[index].size > 0)
            .collect();
        order.sort_by_key(|&index| headers.sections[index].offset);
        let mut end = headers.size_of_headers as usize;
        if file.len() < end {
            return Err(PeError::truncated("sections", end as u64));
        }
        for &index in &order {
            let section = &headers.sections[index];
            if section.range().start < end || !section.offset.is_multiple_of(headers.file_alignment)
            {
                let why = format!("`{}` overlaps another or is not aligned", section.name);
                return Err(PeError::invalid("section table", why));
            }
            end = section.range().end;
            if end > file.len() {
                return Err(PeError::truncated("last section's end", end as u64));
            }
        }
        let parts = headers.sections.iter().map(|section| Part {
            section: section.clone(),
            before: section.range().start,
            content: match section.size {
                0 => Vec::new(),
                _ => file[section.range()].to_vec(),
            },
        });
        let (overlay, unsigned) = overlay(file, &headers, end)?;
        Ok(Self {
            parts: parts.collect(),
            headers,
            overlay,
            overlay_offset: end,
            unsigned,
            added: false,
            directory: (0, 0),
        })
    }

    /// Puts the resources where they go, in memory.
    fn replace(&mut self, resources: &Resources) -> Result<(), PeError> {
        if self.headers.directories.len() <= directory::RESOURCES {
            return Err(PeError::NoRoom("its header has no place for resources"));
        }
        let index = match self.own_section() {
            Some(index) => index,
            None => self.add_section()?,
        };
        let address = self.parts[index].section.address;
        let mut content = resources.encode(address)?;
        let size = u32::try_from(content.len()).map_err(|_| TOO_LARGE)?;
        self.directory = (address, size);
        let in_file = align(size, self.headers.file_alignment).ok_or(TOO_LARGE)?;
        content.resize(in_file as usize, 0);
        let part = &mut self.parts[index];
        part.content = content;
        part.section.virtual_size = size;
        self.move_relocations(index)
    }

    /// The section that holds the resources and nothing else, if it can grow.
    fn own_section(&self) -> Option<usize> {
        let (address, _) = self.headers.directory(directory::RESOURCES)?;
        let index = self
            .parts
            .iter()
            .position(|part| part.section.address == address)?;
        let holds_other = self.headers.directories.iter().enumerate().any(|(i, at)| {
            let here = self.parts[index].section.address..self.parts[index].section.end();
            // The certificates' is no address.
            !matches!(i, directory::RESOURCES | directory::CERTIFICATES) && here.contains(&at.0)
        });
        let behind = |part: &&Part| part.section.address > address;
        let movable = self
            .parts
            .iter()
            .filter(behind)
            .all(|part| self.is_relocations(&part.section));
        (movable && !holds_other).then_some(index)
    }

    fn is_relocations(&self, section: &Section) -> bool {
        let relocations = self.headers.directory(directory::RELOCATIONS);
        relocations.is_some_and(|(address, _)| address == section.address)
    }

    fn add_section(&mut self) -> Result<usize, PeError> {
        let end = self.parts.iter().map(|part| part.section.end()).max();
        let end = end.unwrap_or(self.headers.size_of_headers);
        let section = Section {
            name: ".rsrc".into(),
            virtual_size: 0,
            address: align(end, self.headers.section_alignment).ok_or(TOO_LARGE)?,
            size: 0,
            offset: 0,
            characteristics: DATA,
        };
        self.added = true;
        self.parts.push(Part {
            section,
            before: usize::MAX,
            content: Vec::new(),
        });
        Ok(self.parts.len() - 1)
    }

    fn move_relocations(&mut self, resources: usize) -> Result<(), PeError> {
        let alignment = self.headers.section_alignment;
        let address = self.parts[resources].section.address;
        let mut end = self.parts[resources].section.end();
        for part in &mut self.parts {
            if part.section.address > address {
                part.section.address = align(end, alignment).ok_or(TOO_LARGE)?;
                end = part.section.end();
            }
        }
        Ok(())
    }

    /// The file.
    fn assemble(&mut self, file: &[u8]) -> Result<Vec<u8>, PeError> {
        let mut out = self.header_bytes(file)?;
        let mut order: Vec<usize> = (0..self.parts.len())
            .filter(|&index| !self.parts[index].content.is_empty())
            .collect();
        order.sort_by_key(|&index| self.parts[index].before);
        let alignment = self.headers.file_alignment as usize;
        for index in order {
            out.resize(out.len().next_multiple_of(alignment), 0);
            let part = &mut self.parts[index];
            part.section.offset = u32::try_from(out.len()).map_err(|_| TOO_LARGE)?;
            part.section.size = u32::try_from(part.content.len()).map_err(|_| TOO_LARGE)?;
            out.extend(&part.content);
        }
        let overlay = out.len();
        out.extend(&self.overlay);
        if u32::try_from(out.len()).is_err() {
            return Err(TOO_LARGE);
        }
        self.write_sections(&mut out);
        self.write_directories(&mut out);
        self.write_offsets(file, &mut out, overlay);
        Ok(out)
    }

    /// The headers, as long as they must be to hold all sections.
    fn header_bytes(&mut self, file: &[u8]) -> Result<Vec<u8>, PeError> {
        let length = self.headers.size_of_headers as usize;
        let mut out = file.get(..length).unwrap_or(file).to_vec();
        let end = self.headers.table + SECTION * self.headers.sections.len();
        if self.added {
            let bound = self.headers.directory_entry(directory::BOUND_IMPORTS);
            // Where the headers' rest is used, then by bound imports: a hint that Windows does without.
            if out
                .get(end..)
                .is_none_or(|rest| rest.iter().any(|byte| *byte != 0))
            {
                let Some(_) = self.headers.directory(directory::BOUND_IMPORTS) else {
                    return Err(PeError::NoRoom(
                        "there is something behind its section table, and no room for another section",
                    ));
                };
                put(&mut out, bound, &[0; 8]);
                out.truncate(end);
            }
            let needed = (end + SECTION).max(length);
            out.resize(
                needed.next_multiple_of(self.headers.file_alignment as usize),
                0,
            );
            let first = self.headers.sections.iter().map(|section| section.address);
            if first.min().is_some_and(|first| out.len() > first as usize) {
                return Err(PeError::NoRoom(
                    "its headers have no room for another section",
                ));
            }
        }
        Ok(out)
    }

    fn write_sections(&self, out: &mut [u8]) {
        for (index, part) in self.parts.iter().enumerate() {
            let at = self.headers.table + SECTION * index;
            if index >= self.headers.sections.len() {
                put(out, at, NAME);
                put(out, at + 36, &part.section.characteristics.to_le_bytes());
            }
            let section = &part.section;
            let offset = if section.size == 0 { 0 } else { section.offset };
            let words = [section.virtual_size, section.address, section.size, offset];
            for (index, word) in words.into_iter().enumerate() {
                put(out, at + 8 + 4 * index, &word.to_le_bytes());
            }
        }
        let count = u16::try_from(self.parts.len()).unwrap_or(u16::MAX);
        put(out, self.headers.coff + 2, &count.to_le_bytes());
    }

    fn write_directories(&self, out: &mut [u8]) {
        let optional = self.headers.optional;
        let mut long = |at, value: u32| put(out, at, &value.to_le_bytes());
        let entry = |index| self.headers.directory_entry(index);
        long(entry(directory::RESOURCES), self.directory.0);
        long(entry(directory::RESOURCES) + 4, self.directory.1);
        if self.headers.directories.len() > directory::CERTIFICATES {
            long(entry(directory::CERTIFICATES), 0);
            long(entry(directory::CERTIFICATES) + 4, 0);
        }
        let moved = self.headers.directory(directory::RELOCATIONS);
        let moved = moved.and_then(|(address, _)| {
            let before = &self.headers.sections;
            let index = before.iter().position(|s| s.address == address)?;
            Some(self.parts[index].section.address)
        });
        if let Some(address) = moved {
            long(entry(directory::RELOCATIONS), address);
        }
        let sections = || self.parts.iter().map(|part| &part.section);
        let initialised = sections().filter(|s| s.characteristics & INITIALISED != 0);
        long(
            optional + 8,
            initialised.map(|s| s.size).fold(0, u32::saturating_add),
        );
        let end = sections().map(Section::end).max().unwrap_or_default();
        let alignment = self.headers.section_alignment;
        long(optional + 56, align(end, alignment).unwrap_or(end));
        if self.added {
            let first = sections().filter(|section| section.size > 0);
            let first = first.map(|section| section.offset).min();
            long(optional + 60, first.unwrap_or(self.headers.size_of_headers));
        }
    }

    /// Sets right what says where something is in the file: the symbols' table, and debug information.
    fn write_offsets(&self, file: &[u8], out: &mut [u8], overlay: usize) {
        let moved = |offset: usize| {
            let part = self
                .parts
                .iter()
                .find(|part| part.before <= offset && offset - part.before < part.content.len());
            match part {
                Some(part) => Some(part.section.offset as usize + (offset - part.before)),
                None => Some(offset.checked_sub(self.overlay_offset)? + overlay),
            }
        };
        let mut correct = |at: usize| {
            let offset = u32_at(out, at).filter(|offset| *offset != 0);
            let offset = offset.and_then(|offset| u32::try_from(moved(offset as usize)?).ok());
            if let Some(offset) = offset {
                put(out, at, &offset.to_le_bytes());
            }
        };
        correct(self.headers.coff + 8);
        let Some((address, size)) = self.headers.directory(directory::DEBUG) else {
            return;
        };
        let holds = |part: &&Part| {
            let section = &part.section;
            section.address <= address && address - section.address < section.size
        };
        if let Some(part) = self.parts.iter().find(holds)
            && slice(file, part.before, part.content.len()).is_some()
        {
            let start = (part.section.offset + (address - part.section.address)) as usize;
            for index in 0..(size / 28).min(64) as usize {
                correct(start + 28 * index + 24);
            }
        }
    }
}

const TOO_LARGE: PeError = PeError::NoRoom("the result would be larger than 4 GB");

/// What is behind all sections, without a signature; and whether there was one.
fn overlay(file: &[u8], headers: &Headers, end: usize) -> Result<(Vec<u8>, bool), PeError> {
    let behind = &file[end..];
    let Some((offset, size)) = headers.directory(directory::CERTIFICATES) else {
        return Ok((behind.to_vec(), false));
    };
    let from = (offset as usize).checked_sub(end);
    let to = from.and_then(|from| from.checked_add(size as usize));
    let (Some(from), Some(to)) = (from, to.filter(|to| *to <= behind.len())) else {
        let why = "it is not behind the sections";
        return Err(PeError::invalid("signature", why));
    };
    let mut overlay = behind[..from].to_vec();
    // Zeros that only put the signature on a multiple of 8.
    if overlay.len() < 8 && overlay.iter().all(|byte| *byte == 0) {
        overlay.clear();
    }
    overlay.extend(&behind[to..]);
    Ok((overlay, true))
}
