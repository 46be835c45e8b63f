//! `pack verify` and the program itself come to the same verdict about a file, and name the same part of it.

use super::damage::{DAMAGED, Subject, places};
use crate::harness::{Mode, Outcome, Pack, files_below};
use payload::{Payload, Placement};
use std::fs::{self, OpenOptions};
use std::io::Write as _;

/// Exit status of `pack verify` for a damaged file.
const FAILED: i32 = 1;

/// What both say of the file, with nothing unpacked by an earlier start.
#[derive(Debug, PartialEq)]
enum Verdict {
    Intact,
    /// The part that is named, if one is.
    Damaged(Option<String>),
}

fn verdict(subject: &Subject, what: &str) -> Verdict {
    subject.forget();
    let program = subject.run();
    let verify = Pack::run(&["verify"]).arg(&subject.path).run();
    let intact = program.status.success();
    let expected = if intact { (0, 0) } else { (DAMAGED, FAILED) };
    if (program.status.code(), verify.status.code()) != (Some(expected.0), Some(expected.1)) {
        apart(&program, &verify, what);
    }
    for said in [&program, &verify] {
        if said.stderr_text().contains("panicked") {
            said.fail(what);
        }
    }
    if named(&program) != named(&verify) {
        apart(&program, &verify, what);
    }
    if intact {
        Verdict::Intact
    } else {
        Verdict::Damaged(named(&program))
    }
}

fn intact(subject: &Subject, what: &str) -> bool {
    verdict(subject, what) == Verdict::Intact
}

fn apart(program: &Outcome, verify: &Outcome, what: &str) -> ! {
    let said = verify.stderr_text();
    program.fail(&format!(
        "{what}: the verdicts differ; `pack verify` ended with {}: {said}",
        verify.status
    ))
}

/// The entry, or the file beside the program, that is said to be damaged.
fn named(outcome: &Outcome) -> Option<String> {
    let text = outcome.stderr_text();
    let (_, rest) = text
        .split_once("the packed file `")
        .or_else(|| text.split_once("_internal/"))?;
    rest.split_once('`').map(|(name, _)| name.to_owned())
}

#[test]
fn flipped_bytes() {
    let subject = Subject::new(Mode::OneFile);
    assert!(intact(&subject, "as it was built"));
    let mut names = 0;
    for (offset, what) in places(&subject.bytes()) {
        subject.flipped(offset, || match verdict(&subject, &what) {
            Verdict::Intact => panic!("{what} is no damage"),
            Verdict::Damaged(None) => {}
            Verdict::Damaged(Some(name)) => {
                names += 1;
                // An entry's own byte: the place says which entry it is.
                if let Some((place, entry)) = what.split_once(" (")
                    && !place.starts_with("before")
                {
                    assert_eq!(Some(name.as_str()), entry.strip_suffix(')'), "{what}");
                }
            }
        });
    }
    assert!(names >= 18, "only {names} entries were named");
    assert!(intact(&subject, "as it was built, again"));
}

/// What a flipped byte of its own code does to a program is anyone's guess; that it is no intact one is not.
#[test]
fn flipped_bytes_of_the_bootloader() {
    let subject = Subject::new(Mode::OneFile);
    let length = Payload::locate(&subject.bytes()).unwrap().prefix_length();
    for offset in (0..length).step_by(length as usize / 20) {
        subject.flipped(offset, || {
            let verify = Pack::run(&["verify"]).arg(&subject.path).run();
            verify.refused(
                FAILED,
                &["the start of the file (the bootloader) is damaged"],
            );
        });
    }
}

#[test]
fn cut_and_lengthened_files() {
    let subject = Subject::new(Mode::OneFile);
    let whole = subject.bytes();
    let resized = |length: u64| {
        let file = OpenOptions::new().write(true).open(&subject.path);
        file.unwrap().set_len(length).unwrap();
    };
    let length = whole.len() as u64;
    let prefix = Payload::locate(&whole).unwrap().prefix_length();
    for cut in [prefix, prefix + 1, length / 2, length - 161, length - 1] {
        resized(cut);
        assert!(!intact(&subject, &format!("cut to {cut} of {length}")));
    }
    // A signature may follow, of up to a MiB.
    for (added, expected) in [(1, true), (5000, true), (1 << 20, true), (2 << 20, false)] {
        fs::write(&subject.path, &whole).unwrap();
        let mut file = OpenOptions::new().append(true).open(&subject.path).unwrap();
        file.write_all(&vec![0x30; added]).unwrap();
        drop(file);
        let what = format!("{added} bytes were appended");
        assert_eq!(intact(&subject, &what), expected, "{what}");
    }
}

/// Stretches in the wrong place, each of them as it was packed.
#[test]
fn exchanged_and_cleared_stretches() {
    let subject = Subject::new(Mode::OneFile);
    let whole = subject.bytes();
    let start = Payload::locate(&whole).unwrap().prefix_length() as usize;
    let (first, second) = (start..start + 4096, whole.len() / 2..whole.len() / 2 + 4096);
    let mut exchanged = whole.clone();
    exchanged[first.clone()].copy_from_slice(&whole[second.clone()]);
    exchanged[second.clone()].copy_from_slice(&whole[first]);
    let mut cleared = whole.clone();
    cleared[second].fill(0);
    for (bytes, what) in [(exchanged, "exchanged"), (cleared, "cleared")] {
        fs::write(&subject.path, bytes).unwrap();
        assert!(!intact(&subject, what));
    }
}

/// Whether a file is checked when the program asks for it.
fn waits(subject: &Subject, file: &str) -> bool {
    let bytes = subject.bytes();
    let payload = Payload::locate(&bytes).unwrap();
    payload.find(file).unwrap().unwrap().placement == Placement::Demand
}

#[test]
fn files_beside_a_program() {
    let subject = Subject::new(Mode::OneDir);
    assert!(intact(&subject, "as it was built"));
    let folder = subject.path.with_file_name("_internal");
    let files = files_below(&folder);
    let last = files.len() - 1;
    for number in [0, last / 3, last / 2, last] {
        let path = folder.join(&files[number]);
        let name = files[number].display();
        let whole = fs::read(&path).unwrap();
        let mut changed = whole.clone();
        match changed.last_mut() {
            Some(byte) => *byte ^= 1,
            None => changed.push(1),
        }
        fs::write(&path, &changed).unwrap();
        if waits(&subject, &name.to_string()) {
            // The program looks at what it asks for.
            subject.forget();
            subject.run().success();
            let verify = Pack::run(&["verify"]).arg(&subject.path).run();
            assert_eq!(named(verify.code(FAILED)), Some(name.to_string()));
        } else {
            let verdict = verdict(&subject, &format!("{name} was changed"));
            assert_eq!(verdict, Verdict::Damaged(Some(name.to_string())));
        }
        fs::write(&path, [&whole[..], b"\0"].concat()).unwrap();
        let verdict = verdict(&subject, &format!("{name} was lengthened"));
        assert_eq!(verdict, Verdict::Damaged(Some(name.to_string())));
        fs::remove_file(&path).unwrap();
        assert!(!intact(&subject, &format!("{name} was removed")));
        fs::write(&path, &whole).unwrap();
    }
    assert!(intact(&subject, "all is back"));
}
