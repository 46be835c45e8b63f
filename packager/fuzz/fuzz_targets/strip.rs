//! Any bytes as a native file to be stripped: what is loaded stays as it is, and the result is smaller, is read as before
//! and has nothing left to take.
#![no_main]

use libfuzzer_sys::fuzz_target;
use packager_fuzz::elf::ElfFile;
use packager_fuzz::strip::stripped;

/// What stripping changes: where the section table is, its length and the number of its names.
const CHANGED: [std::ops::Range<usize>; 2] = [40..48, 60..64];

fuzz_target!(|file: &[u8]| {
    let Some(smaller) = stripped(file) else {
        return;
    };
    assert!(smaller.len() < file.len());
    assert!(stripped(&smaller).is_none_or(|again| again.len() < smaller.len()));
    let loaded = loaded_end(file);
    let same = |at: &usize| {
        CHANGED.iter().any(|changed| changed.contains(at)) || smaller[*at] == file[*at]
    };
    assert!(
        (0..loaded).all(|at| same(&at)),
        "something that is loaded changed"
    );
    // Tables that lie within the header itself may name what was changed in it.
    if let (Ok(before), Ok(after)) = (ElfFile::parse(file), ElfFile::parse(&smaller)) {
        let (before, after) = (before.expect("it is ELF"), after.expect("it is ELF"));
        assert_eq!(
            (before.machine, before.program),
            (after.machine, after.program)
        );
    }
});

/// Where the last loaded byte ends, by goblin.
fn loaded_end(file: &[u8]) -> usize {
    use goblin::elf::program_header::PT_LOAD;
    let header = goblin::elf::Elf::parse_header(file).expect("what was stripped has a header");
    let table = &file[header.e_phoff as usize..];
    let segments = table.chunks_exact(56).take(header.e_phnum.into());
    let ends = segments.filter_map(|segment| {
        let word = |at: usize| u64::from_le_bytes(segment[at..at + 8].try_into().unwrap());
        let kind = u32::from_le_bytes(segment[..4].try_into().unwrap());
        (kind == PT_LOAD).then(|| (word(8) + word(32)) as usize)
    });
    ends.max().expect("what was stripped is loaded")
}
