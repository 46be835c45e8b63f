//! Any bytes as a native file: reading what its loader would must answer, with what a path could hold.
#![no_main]

use libfuzzer_sys::fuzz_target;
use packager_fuzz::elf::ElfFile;

fuzz_target!(|file: &[u8]| {
    if let Ok(Some(elf)) = ElfFile::parse(file) {
        let _ = elf.is_musl();
        let names = elf.needed.iter().chain(&elf.soname).chain(&elf.interpreter);
        // A byte that is no UTF-8 becomes a character of three.
        assert!(
            names
                .into_iter()
                .all(|name| name.len() < 3 * 4096 && !name.contains('\0'))
        );
        assert!(elf.needed.len() <= 4096);
    }
});
