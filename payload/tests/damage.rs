//! Every damage to a packed program is an error, and never a panic.
#![allow(clippy::unwrap_used)]

mod common;

use payload::{Check, FormatError, Payload};

/// Everything there is to call, with a damaged payload.
fn call_everything(payload: &Payload<'_>) {
    let _ = payload.program();
    for entry in payload.entries().flatten() {
        let _ = entry.verified();
        let _ = entry.copy_to(&mut std::io::sink(), Check::Size);
        let _ = payload.find(entry.path);
    }
    for number in 0..payload.module_count() {
        if let Ok(module) = payload.module_at(number) {
            let _ = payload.module(module.name);
            let _ = payload.modules_below(module.parent()).count();
            let _ = module.preload().count();
        }
    }
    let _ = payload.verify_structure();
    let _ = payload.verify_contents(1);
}

fn check(file: &[u8]) -> Result<(), FormatError> {
    let payload = Payload::locate(file)?;
    call_everything(&payload);
    payload.verify(1)
}

#[test]
fn an_intact_payload_passes() {
    let file = common::small(b"prefix");
    let payload = Payload::locate(&file).unwrap();
    payload.verify(2).unwrap();
    payload.verify_contents(2).unwrap();
    check(&file).unwrap();
}

#[test]
fn every_truncation_is_an_error() {
    let file = common::small(b"prefix");
    for length in 0..file.len() {
        assert!(
            check(&file[..length]).is_err(),
            "cut to {length} of {}",
            file.len()
        );
        assert!(
            check(&file[file.len() - length..]).is_err(),
            "{length} bytes left of {}",
            file.len()
        );
    }
}

#[test]
fn every_flipped_byte_is_an_error() {
    let mut file = common::small(b"prefix");
    for at in 0..file.len() {
        for flip in [0xff, 0x01, 0x80] {
            file[at] ^= flip;
            assert!(check(&file).is_err(), "byte {at} of {}", file.len());
            file[at] ^= flip;
        }
    }
}

#[test]
fn a_damaged_entry_is_named() {
    let mut file = common::small(b"prefix");
    let at = file
        .windows(6)
        .position(|window| window == b"print(")
        .unwrap();
    file[at] ^= 0xff;
    let error = Payload::locate(&file).unwrap().verify(1).unwrap_err();
    assert_eq!(
        error,
        FormatError::Damaged {
            entry: "app.py".into()
        }
    );
    file[at] ^= 0xff;
    file[2] ^= 0xff;
    assert_eq!(
        Payload::locate(&file).unwrap().verify(1).unwrap_err(),
        FormatError::Prefix
    );
}

#[test]
fn a_signature_may_follow() {
    let file = common::small(b"prefix");
    for length in [1, 7, 160, 10_000, 900_000] {
        let mut signed = file.clone();
        signed.resize(file.len() + length, 0x5a);
        Payload::locate(&signed).unwrap().verify(1).unwrap();
    }
}

#[test]
fn a_packed_program_inside_another_is_not_taken_for_it() {
    let inner = common::small(b"inner prefix");
    let mut writer = payload::Writer::new(Vec::new(), b"outer prefix").unwrap();
    common::add_stored(&mut writer, "tool", payload::Placement::File, &inner);
    let (mut file, summary) = writer.finish(&payload::Program::default()).unwrap();
    assert_eq!(
        Payload::locate(&file).unwrap().content_hash(),
        summary.content_hash
    );
    // Without its own footer the outer file must not pass for the inner program.
    let last = file.len() - 1;
    file[last] ^= 1;
    assert!(matches!(
        Payload::locate(&file),
        Err(FormatError::Footer(_))
    ));
    file.truncate(last);
    assert!(matches!(
        Payload::locate(&file),
        Err(FormatError::Footer(_))
    ));
}

#[test]
fn a_bare_bootloader_has_no_payload() {
    // It holds the magic, as the program that looks for it must.
    let mut file = b"\x7fELF".repeat(100);
    file.extend(b"\xB5pack\r\n\x1aend\n");
    file.extend([0; 500]);
    assert_eq!(Payload::locate(&file).unwrap_err(), FormatError::Absent);
    assert_eq!(Payload::locate(b"").unwrap_err(), FormatError::Absent);
}
