//! Any bytes as a native file whose foreign search paths are to go: nothing but tags of its dynamic section changes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    let Some(changed) = packager_fuzz::without_foreign_folders(file) else {
        return;
    };
    assert_eq!(changed.len(), file.len());
    assert_ne!(changed, file);
    let mut words = 0;
    let mut at = 0;
    while at < file.len() {
        if changed[at] == file[at] {
            at += 1;
        } else {
            // A tag has eight bytes, of which the first differs.
            words += 1;
            at += 8;
        }
    }
    assert!(words <= file.len() / 16);
});
