//! Any bytes as a chunked body.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| runtime_fuzz::chunked(input));
