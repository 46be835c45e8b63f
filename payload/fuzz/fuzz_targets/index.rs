//! Any bytes as the index of an otherwise intact payload: what a hostile packer could make, and a mutation of a whole
//! file hardly ever is, because the hashes stop it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use payload::Payload;

fuzz_target!(|index: &[u8]| {
    let file = payload::fuzzing::with_index(index);
    let Ok(payload) = Payload::locate(&file) else {
        return;
    };
    payload_fuzz::call_everything(&payload);
    if payload.verify_structure().is_ok() {
        // What passes can be looked up again under its name, and nothing else can.
        for number in 0..payload.len() as u32 {
            let entry = payload
                .entry(number)
                .expect("the structure was found sound");
            let found = payload.find(entry.path).expect("it is in order");
            assert_eq!(found.map(|entry| entry.index), Some(number));
        }
        for number in 0..payload.module_count() {
            let module = payload
                .module_at(number)
                .expect("the structure was found sound");
            let found = payload.module(module.name).expect("it is in order");
            assert_eq!(found.map(|module| module.index), Some(number));
        }
    }
});
