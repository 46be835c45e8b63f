//! Records of the index, from what was added.

use super::{Added, NewModule};
use crate::index::{ENTRY_LENGTH, EntryRecord, MODULE_LENGTH, ModuleRecord, NONE, Text};
use crate::{ArchivePath, WriteError};
use std::collections::HashMap;

pub(super) fn entry_record(
    entry: &Added,
    strings: &mut Strings,
) -> Result<[u8; ENTRY_LENGTH], WriteError> {
    let mut out = Vec::with_capacity(ENTRY_LENGTH);
    EntryRecord {
        path: strings.add(&entry.path)?,
        mode: entry.mode,
        method: entry.method.code(),
        placement: entry.placement.code(),
        data_offset: entry.data_offset,
        stored_length: entry.stored_length,
        size: entry.digest.size,
        sha256: &entry.digest.sha256,
    }
    .encode(&mut out);
    out.try_into()
        .map_err(|_| WriteError::TooLarge("an entry's record has the wrong length"))
}

pub(super) fn module_record(
    module: &NewModule,
    numbers: &HashMap<&str, u32>,
    strings: &mut Strings,
) -> Result<[u8; MODULE_LENGTH], WriteError> {
    if !module.file.is_empty() {
        ArchivePath::new(module.file.as_str())?;
    }
    let number = |entry: &Option<String>| match entry {
        None => Ok(NONE),
        Some(entry) => {
            numbers
                .get(entry.as_str())
                .copied()
                .ok_or_else(|| WriteError::UnknownEntry {
                    module: module.name.clone(),
                    entry: entry.clone(),
                })
        }
    };
    let mut out = Vec::with_capacity(MODULE_LENGTH);
    ModuleRecord {
        name: strings.add(&module.name)?,
        file: strings.add(&module.file)?,
        preload: strings.add(&module.preload.join("\n"))?,
        needs: strings.add(&module.needs.join("\n"))?,
        code: number(&module.code)?,
        source: number(&module.source)?,
        package: module.package,
        extension: module.extension,
    }
    .encode(&mut out);
    out.try_into()
        .map_err(|_| WriteError::TooLarge("a module's record has the wrong length"))
}

/// The string pool; what is there already is not added again.
#[derive(Default)]
pub(super) struct Strings {
    pub(super) pool: Vec<u8>,
    known: HashMap<String, Text>,
}

impl Strings {
    fn add(&mut self, text: &str) -> Result<Text, WriteError> {
        if let Some(known) = self.known.get(text) {
            return Ok(*known);
        }
        let too_large = || WriteError::TooLarge("all names together are longer than 4 GiB");
        let added = Text {
            offset: u32::try_from(self.pool.len()).map_err(|_| too_large())?,
            length: u32::try_from(text.len()).map_err(|_| too_large())?,
        };
        self.pool.extend_from_slice(text.as_bytes());
        self.known.insert(text.to_owned(), added);
        Ok(added)
    }
}
