//! Any bytes as an entry's content, under any announced size: decompression stays within what was announced, and its ways
//! agree with each other.
#![no_main]

use libfuzzer_sys::fuzz_target;
use payload::{Check, ContentDigest, Method, NewEntry, Payload, Placement, Program, Writer};
use std::io::Write;

fuzz_target!(|data: &[u8]| {
    let Some((size, stored)) = data.split_first_chunk::<4>() else {
        return;
    };
    let announced = u64::from(u32::from_le_bytes(*size));
    let file = packed(stored, announced);
    let payload = Payload::locate(&file).expect("it was just written");
    payload.verify(1).expect("every byte is as it was written");
    let _ = payload.verify_contents(1);
    let entry = payload
        .find("entry")
        .expect("it is sound")
        .expect("it was added");

    // In memory, only as much as the compressed bytes can possibly be worth.
    let whole = (announced <= 64 << 20).then(|| entry.content());
    let mut copied = Counted::default();
    let result = entry.copy_to(&mut copied, Check::Size);
    assert!(copied.bytes <= announced, "more than was announced");
    match (whole, result) {
        (Some(Ok(content)), Ok(size)) => {
            assert_eq!(content.len() as u64, announced);
            assert_eq!((size, copied.bytes), (announced, announced));
            assert_eq!(copied.content.as_slice(), &*content);
        }
        (Some(Ok(_)), Err(error)) => panic!("only in one piece: {error}"),
        (Some(Err(error)), Ok(_)) => panic!("only in many pieces: {error}"),
        (_, result) => drop(result),
    }
});

/// A payload whose only entry has `stored` in place of frames.
fn packed(stored: &[u8], announced: u64) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), b"prefix").expect("a vector takes everything");
    let entry = NewEntry {
        path: "entry",
        mode: 0o644,
        method: Method::Zstd,
        placement: Placement::File,
        digest: ContentDigest {
            size: announced,
            ..ContentDigest::of(stored)
        },
    };
    writer
        .add(&entry, stored)
        .expect("a vector takes everything");
    let (file, _) = writer
        .finish(&Program::default())
        .expect("one entry cannot collide");
    file
}

/// Counts what is written to it and keeps the first part.
#[derive(Default)]
struct Counted {
    bytes: u64,
    content: Vec<u8>,
}

impl Write for Counted {
    fn write(&mut self, piece: &[u8]) -> std::io::Result<usize> {
        self.bytes += piece.len() as u64;
        if self.bytes <= 64 << 20 {
            self.content.extend_from_slice(piece);
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
