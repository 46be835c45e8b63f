//! Any bytes as a request: read or refused, and what is read is what others read.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| runtime_fuzz::request(input));
