//! Any bytes as a whole file: locating, verifying and every accessor must answer, and bytes behind the footer change
//! nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use payload::Payload;

fuzz_target!(|file: &[u8]| {
    let Ok(payload) = Payload::locate(file) else {
        return;
    };
    payload_fuzz::call_everything(&payload);
    if payload.verify(1).is_ok() {
        let signed = [file, b"signature"].concat();
        let again = Payload::locate(&signed).expect("a signature may follow");
        assert_eq!(again.content_hash(), payload.content_hash());
        again.verify(1).expect("a signature may follow");
    }
});
