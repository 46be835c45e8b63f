//! Arguments arrive as they were given, byte for byte.

use crate::harness::{Case, bytes};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

on_every_python!(both: arguments);

fn arguments(case: &Case) {
    let given: Vec<OsString> = [
        &b"foo \"bar\""[..],
        b"",
        b"it's",
        b"a\\b\\",
        b"$HOME `id` *",
        b"-c",
        b"-m",
        b"--help",
        b"--version",
        b"-",
        b"--",
        "é ß 漢 🪶".as_bytes(),
        b"not UTF-8: \xff\xfe\xc3(",
        b"two\nlines\tand a tab",
        &[b'x'; 100_000],
    ]
    .map(bytes)
    .into();
    let program = case.probe();
    let answer = program.run(&["argv"]).args(&given).run().json();
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let mut expected = vec![hex(program.path.as_os_str().as_bytes()), hex(b"argv")];
    expected.extend(given.iter().map(|argument| hex(argument.as_bytes())));
    assert_eq!(answer["argv"], serde_json::json!(expected));
}
