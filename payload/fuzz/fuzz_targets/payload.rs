//! Any bytes at all: locating, verifying and every accessor must answer, never panic. The hashes stop most mutations at
//! `locate`, so each input is tried a second time as the index of an otherwise intact payload.
//!
//! `cargo +nightly fuzz run payload` in `payload/`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use payload::{Check, Payload};

fuzz_target!(|data: &[u8]| {
    if let Ok(payload) = Payload::locate(data) {
        call_everything(&payload);
    }
    let file = payload::fuzzing::with_index(data);
    if let Ok(payload) = Payload::locate(&file) {
        call_everything(&payload);
    }
});

fn call_everything(payload: &Payload<'_>) {
    let _ = payload.verify(1);
    let _ = payload.verify_index();
    let _ = payload.verify_structure();
    let _ = payload.verify_contents(1);
    let _ = (payload.content_hash(), payload.prefix_length(), payload.payload_length(), payload.is_empty());
    let _ = payload.program();
    for entry in payload.entries().take(100).flatten() {
        let _ = entry.verified();
        let _ = entry.copy_to(&mut std::io::sink(), Check::Hash);
        let _ = payload.find(entry.path);
    }
    for number in 0..payload.module_count().min(100) {
        if let Ok(module) = payload.module_at(number) {
            let _ = payload.module(module.name);
            let _ = payload.modules_below(module.parent()).count();
            let _ = module.preload().count();
        }
    }
}
