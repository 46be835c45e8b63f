//! Any bytes as a Windows executable: its resources are read or refused, and those that are read can be put in again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use packager_fuzz::pe::{Headers, Resources, checksum, with_resources};

fuzz_target!(|file: &[u8]| {
    let Ok(resources) = Resources::parse(file) else {
        return;
    };
    let Ok(edited) = with_resources(file, &resources, None) else {
        return;
    };
    assert_eq!(Resources::parse(&edited.file).as_ref(), Ok(&resources));
    let field = Headers::parse(&edited.file).expect("it was read").checksum_offset();
    let stored = edited.file[field..].first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
    assert_eq!(stored, checksum(&edited.file).ok());
    // Once more makes no other resources; not with the same bytes, as an offset that leads nowhere is moved along each
    // time, and only while there is room, where a section is added each time.
    if let Ok(again) = with_resources(&edited.file, &resources, None) {
        assert_eq!(Resources::parse(&again.file).as_ref(), Ok(&resources));
    }
});
