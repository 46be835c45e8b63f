//! The packager's readers of native files and icons, compiled by themselves: all of `packager`, with its parser of Python,
//! takes minutes under a sanitizer.

#[path = "../../src/collection.rs"]
pub mod collection;
#[path = "../../src/development.rs"]
pub mod development;
#[path = "../../src/elf.rs"]
pub mod elf;
#[path = "../../src/icon/mod.rs"]
pub mod icon;
#[path = "../../src/pe/mod.rs"]
pub mod pe;
#[path = "../../src/stack.rs"]
mod stack;
#[path = "../../src/write/rpath.rs"]
mod rpath;
#[path = "../../src/write/strip.rs"]
pub mod strip;

/// Files are opened as they are here: nobody asks for what was looked at.
#[allow(clippy::disallowed_methods, reason = "no part of a build")]
mod inputs {
    pub(crate) fn open(path: &std::path::Path) -> std::io::Result<std::fs::File> {
        std::fs::File::open(path)
    }
}

/// `file` without search paths that lead out of a bundle.
#[must_use]
pub fn without_foreign_folders(file: &[u8]) -> Option<Vec<u8>> {
    rpath::without_foreign_folders(file)
}
