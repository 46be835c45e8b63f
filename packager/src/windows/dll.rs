//! What a PE file says about its loading, and what CPython's own library says about itself.

use crate::elf::ElfFile;
use goblin::pe::PE;
use goblin::pe::options::ParseOptions;
use std::io;
use std::path::Path;

/// `IMAGE_FILE_MACHINE_AMD64`
pub const AMD64: u16 = 0x8664;
/// `IMAGE_FILE_DLL`
const DLL: u16 = 0x2000;
/// More built-in modules than any CPython has.
const MAX_BUILTINS: usize = 1000;

/// A library or program for Windows.
#[derive(Debug, Clone, Default)]
pub struct Dll {
    /// `IMAGE_FILE_MACHINE_*`
    pub machine: u16,
    /// No library, but a program.
    pub program: bool,
    /// Names of the libraries that it needs, when it is loaded or later.
    pub needed: Vec<String>,
    /// It exports a function `PyInit_…`.
    pub extension: bool,
    /// The first three numbers of its version resource.
    pub version: Option<(u16, u16, u16)>,
    /// Of CPython's library: the modules in it.
    pub builtin_modules: Vec<String>,
}

impl Dll {
    /// Reads `path`; `Ok(None)` when it is no PE file.
    ///
    /// # Errors
    /// When the file cannot be read, or begins like a PE file and is damaged.
    pub fn read(path: &Path) -> io::Result<Option<Self>> {
        Self::parse(&crate::inputs::read(path)?)
    }

    /// As [`Dll::read`], of a file's bytes.
    ///
    /// # Errors
    /// When they begin like a PE file and are damaged.
    pub fn parse(bytes: &[u8]) -> io::Result<Option<Self>> {
        if !bytes.starts_with(b"MZ") {
            return Ok(None);
        }
        let mut options = ParseOptions::default();
        options.parse_attribute_certificates = false;
        options.parse_tls_data = false;
        options.parse_resources = false;
        let pe = PE::parse_with_opts(bytes, &options)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
        let names = pe.exports.iter().filter_map(|export| export.name);
        let mut needed: Vec<String> = Vec::new();
        for name in pe
            .libraries
            .iter()
            .map(|name| (*name).to_owned())
            .chain(delayed(&pe, bytes))
        {
            if !needed.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
                needed.push(name);
            }
        }
        Ok(Some(Self {
            machine: pe.header.coff_header.machine,
            program: pe.header.coff_header.characteristics & DLL == 0,
            needed,
            extension: names.clone().any(|name| name.starts_with("PyInit_")),
            version: version(bytes),
            builtin_modules: builtin_modules(&pe, bytes).unwrap_or_default(),
        }))
    }
}

/// In the terms of the closure over libraries: a library is looked for in the folder of the one that needs it first.
impl From<Dll> for ElfFile {
    fn from(dll: Dll) -> Self {
        Self {
            machine: dll.machine,
            program: dll.program,
            needed: dll.needed,
            runpath: vec!["$ORIGIN".into()],
            extension: dll.extension,
            ..Self::default()
        }
    }
}

/// The libraries that are loaded when a function of theirs is called first.
fn delayed(pe: &PE<'_>, bytes: &[u8]) -> Vec<String> {
    let image = Image { pe, bytes };
    let tables = pe
        .header
        .optional_header
        .map(|header| header.data_directories);
    let table = tables.and_then(|tables| tables.get_delay_import_descriptor().copied());
    let mut names = Vec::new();
    let Some(table) = table else { return names };
    // `IMAGE_DELAYLOAD_DESCRIPTOR`: eight words, of which the second is the name's address. One of zeroes is the last.
    for at in (0..MAX_BUILTINS as u32).map_while(|row| table.virtual_address.checked_add(row * 32))
    {
        let Some(name) = image.word(at.wrapping_add(4)).filter(|name| *name != 0) else {
            break;
        };
        names.extend(image.text(name));
    }
    names
}

/// `VS_FIXEDFILEINFO`, which its signature marks: there is one in a file.
fn version(bytes: &[u8]) -> Option<(u16, u16, u16)> {
    const SIGNATURE: [u8; 8] = [0xbd, 0x04, 0xef, 0xfe, 0, 0, 1, 0];
    let at = memchr::memmem::find(bytes, &SIGNATURE)?;
    let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let (high, low) = (word(at + 8)?, word(at + 12)?);
    Some(((high >> 16) as u16, high as u16, (low >> 16) as u16))
}

/// What `PyImport_Inittab` points to: pairs of a name and a function, up to one without a name.
fn builtin_modules(pe: &PE<'_>, bytes: &[u8]) -> Option<Vec<String>> {
    let image = Image { pe, bytes };
    let table = pe
        .exports
        .iter()
        .find(|export| export.name == Some("PyImport_Inittab"))?;
    let mut at = image.pointer(u32::try_from(table.rva).ok()?)?;
    let mut names = Vec::new();
    while names.len() < MAX_BUILTINS {
        match image.pointer(at) {
            Some(name) => names.push(image.text(name)?),
            None => break,
        }
        at = at.checked_add(16)?;
    }
    names.sort();
    Some(names)
}

/// A file by the addresses that it has in memory, relative to its base.
struct Image<'a> {
    pe: &'a PE<'a>,
    bytes: &'a [u8],
}

impl<'a> Image<'a> {
    fn at(&self, address: u32) -> Option<&'a [u8]> {
        let section = self.pe.sections.iter().find(|section| {
            let size = section.virtual_size.max(section.size_of_raw_data);
            (section.virtual_address..section.virtual_address.saturating_add(size))
                .contains(&address)
        })?;
        let within = address - section.virtual_address;
        let in_file = section.size_of_raw_data.checked_sub(within)?;
        let start = section.pointer_to_raw_data.checked_add(within)? as usize;
        self.bytes.get(start..start.checked_add(in_file as usize)?)
    }

    fn word(&self, address: u32) -> Option<u32> {
        Some(u32::from_le_bytes(*self.at(address)?.first_chunk()?))
    }

    /// The address that the pointer at `address` has; `None` for a null pointer and one that leads outside.
    fn pointer(&self, address: u32) -> Option<u32> {
        let pointer = u64::from_le_bytes(*self.at(address)?.first_chunk()?);
        u32::try_from(pointer.checked_sub(self.pe.image_base)?).ok()
    }

    fn text(&self, address: u32) -> Option<String> {
        let bytes = self.at(address)?;
        let end = memchr::memchr(0, bytes.get(..bytes.len().min(512))?)?;
        std::str::from_utf8(&bytes[..end]).ok().map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_no_pe_file_is_none_and_what_is_damaged_is_an_error() {
        assert!(Dll::parse(b"\x7fELF").unwrap().is_none());
        assert!(Dll::parse(b"").unwrap().is_none());
        for length in [2, 64, 4096] {
            let mut bytes = b"MZ".to_vec();
            bytes.resize(length, 0xff);
            assert!(Dll::parse(&bytes).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn versions_are_read_from_the_resource() {
        let mut bytes = vec![7; 5];
        for word in [0xfeef_04bd_u32, 0x1_0000, 0x0003_000b, (9150 << 16) | 1013] {
            bytes.extend(word.to_le_bytes());
        }
        assert_eq!(version(&bytes), Some((3, 11, 9150)));
        assert_eq!(version(&bytes[..12]), None);
    }
}
