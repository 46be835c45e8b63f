//! Any bytes as a footer, with its checksum and without: finding one must answer, and one that is found lies inside the
//! file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use payload::Payload;

fuzz_target!(|data: &[u8]| {
    locate(data);
    locate(&payload::fuzzing::with_footer(data));
});

fn locate(file: &[u8]) {
    if let Ok(payload) = Payload::locate(file) {
        let end = payload.prefix_length() + payload.payload_length();
        assert!(end <= file.len() as u64);
        payload_fuzz::call_everything(&payload);
    }
}
