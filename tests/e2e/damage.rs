//! Damaged files: a clear error with a status of its own, and not a line of the application runs.

use crate::harness::{Case, Mode, Outcome, Program, Run, Scratch, arena, files_below, pythons};
use payload::Payload;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// Exit status of a program without an intact payload.
pub(super) const DAMAGED: i32 = 101;

/// samples/hello: any output of it on stdout is application code that ran.
fn hello(mode: Mode) -> &'static Program {
    let python = pythons().last().unwrap();
    Program::packed("samples/hello", &["hello.py"], Case { python, mode })
}

/// A copy of hello with a TMPDIR of its own.
pub(super) struct Subject {
    pub(super) scratch: Scratch,
    pub(super) path: PathBuf,
    file: File,
}

impl Subject {
    pub(super) fn new(mode: Mode) -> Self {
        let scratch = Scratch::new();
        let path = hello(mode).copy_to(&scratch.join("program"));
        fs::create_dir(scratch.join("tmp")).unwrap();
        let file = OpenOptions::new().read(true).open(&path).unwrap();
        Self {
            scratch,
            path,
            file,
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        (&self.file).seek(SeekFrom::Start(0)).unwrap();
        (&self.file).read_to_end(&mut bytes).unwrap();
        bytes
    }

    pub(super) fn run(&self) -> Outcome {
        Run::new(&self.path)
            .env("TMPDIR", self.scratch.join("tmp"))
            .run()
            .listing(self.scratch.join("program"))
    }

    /// Forgets what was unpacked.
    pub(super) fn forget(&self) {
        fs::remove_dir_all(self.scratch.join("tmp")).unwrap();
        fs::create_dir(self.scratch.join("tmp")).unwrap();
    }

    /// With one bit of the byte at `offset` turned, calls `check`; then the file is as before.
    pub(super) fn flipped(&self, offset: u64, check: impl FnOnce()) {
        let mut byte = [0];
        self.file.read_exact_at(&mut byte, offset).unwrap();
        self.poke(offset, byte[0] ^ 0x10);
        check();
        self.poke(offset, byte[0]);
    }

    fn poke(&self, offset: u64, byte: u8) {
        let mut file = OpenOptions::new().write(true).open(&self.path).unwrap();
        file.seek(SeekFrom::Start(offset)).unwrap();
        file.write_all(&[byte]).unwrap();
    }
}

fn refused(outcome: &Outcome, what: &str) {
    if !outcome.stdout.is_empty() {
        outcome.fail(&format!("{what}: the application ran"));
    }
    if outcome.status.code() != Some(DAMAGED) {
        outcome.fail(&format!("{what}: expected exit code {DAMAGED}"));
    }
    if !outcome.stderr_text().contains("error: ") || outcome.stderr_text().contains("panicked") {
        outcome.fail(&format!("{what}: expected an error that explains itself"));
    }
}

/// A kind of entry, and what recognises one by its path.
type Kind = (&'static str, fn(&str) -> bool);

/// Offsets of every kind of place in a payload, each with its name.
pub(super) fn places(bytes: &[u8]) -> Vec<(u64, String)> {
    let payload = Payload::locate(bytes).unwrap();
    let mut places = Vec::new();
    let kinds: [Kind; 6] = [
        ("bytecode of a module", |path| {
            path == ".pack/code/os.marshal"
        }),
        ("bytecode of the script", |path| {
            path.starts_with(".pack/code/[script]")
        }),
        ("libpython", |path| path.contains("libpython")),
        ("the runtime", |path| path.ends_with("libpack_runtime.so")),
        ("source of a module", |path| {
            path.starts_with("lib/python3.") && path.ends_with(".py")
        }),
        ("the script", |path| path == "hello.py"),
    ];
    for (kind, is_kind) in kinds {
        let found = payload
            .entries()
            .map(Result::unwrap)
            .find(|entry| is_kind(entry.path));
        let entry = found.unwrap_or_else(|| panic!("there is no entry that is {kind}"));
        let start = entry.stored().as_ptr().addr() - bytes.as_ptr().addr();
        let length = entry.stored().len();
        for (where_, at) in [
            ("before", start - 3),
            ("first", start),
            ("middle", start + length / 2),
            ("last", start + length - 1),
        ] {
            places.push((
                at as u64,
                format!("{where_} byte of {kind} ({})", entry.path),
            ));
        }
    }
    let start = payload.prefix_length() as usize;
    let last = bytes.len();
    places.extend(
        (start..last)
            .step_by((last - start) / 40)
            .map(|at| (at as u64, format!("payload byte {}", at - start))),
    );
    // The index lies behind all entries; after it, the central directory names it once more.
    let name = payload::INDEX_NAME.as_bytes();
    let named: Vec<usize> = (start..last - name.len())
        .filter(|&at| bytes[at..].starts_with(name))
        .collect();
    let [.., index, directory] = named[..] else {
        panic!("the index is named {} times", named.len())
    };
    let middle = usize::midpoint(index, directory);
    for (what, at) in [
        ("header", index - 10),
        ("start", index + 40),
        ("middle", middle),
    ] {
        places.push((at as u64, format!("{what} of the index")));
    }
    places.push((directory as u64 - 20, "central directory".to_owned()));
    // The central directory's end, the end record and the footer in it.
    places.extend(
        (last - 400..last)
            .step_by(9)
            .map(|at| (at as u64, format!("byte {} from the end", last - at))),
    );
    places.push((last as u64 - 1, "the last byte".to_owned()));
    places
}

#[test]
fn flipped_byte_at_first_start() {
    let subject = Subject::new(Mode::OneFile);
    subject.run().success().stdout_is("Hello, world!\n");
    for (offset, what) in places(&subject.bytes()) {
        subject.forget();
        subject.flipped(offset, || refused(&subject.run(), &what));
    }
    subject.run().success().stdout_is("Hello, world!\n");
}

#[test]
fn flipped_byte_at_later_start() {
    let subject = Subject::new(Mode::OneFile);
    subject.run().success().stdout_is("Hello, world!\n");
    for (offset, what) in places(&subject.bytes()) {
        subject.flipped(offset, || refused(&subject.run(), &what));
    }
    subject.run().success().stdout_is("Hello, world!\n");
}

/// The bootloader itself. Its first instructions check it, so no Python runs and the program says what is wrong, or the
/// kernel refuses it. What remains is what the kernel itself breaks on, the file's headers, and those first
/// instructions.
#[test]
fn flipped_byte_in_the_bootloader() {
    let subject = Subject::new(Mode::OneFile);
    let bytes = subject.bytes();
    let length = Payload::locate(&bytes).unwrap().prefix_length();
    let beginnings = beginnings(&bytes);
    let in_beginnings = |offset: &u64| beginnings.iter().any(|part| part.contains(offset));
    // The same places in every run: a simple generator with a fixed seed.
    let places = std::iter::successors(Some(0x2545_f491_4f6c_dd1d_u64), |state| {
        Some(state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1))
    });
    let offsets = places.map(|state| (state >> 16) % length).take(1000);
    let mut untold = Vec::new();
    for offset in offsets.chain((0..64).step_by(7)) {
        subject.flipped(offset, || {
            let outcome = run_damaged(&subject, offset);
            if !is_told(&outcome) {
                if !in_beginnings(&offset) {
                    outcome.fail(&format!("byte {offset} of the bootloader: it was not told"));
                }
                untold.push(offset);
            }
        });
    }
    assert!(untold.len() <= 8, "untold: {untold:?}");
}

/// What runs or is read before anything is checked: the headers that tell the kernel what to load, and the first stage.
fn beginnings(bytes: &[u8]) -> [std::ops::Range<u64>; 2] {
    let elf = goblin::elf::Elf::parse(bytes).unwrap();
    let stage = elf
        .section_headers
        .iter()
        .find(|section| elf.shdr_strtab.get_at(section.sh_name) == Some(".pack.stage"))
        .unwrap();
    let headers = 0..elf.header.e_phoff + 56 * u64::from(elf.header.e_phnum);
    [headers, stage.sh_offset..stage.sh_offset + stage.sh_size]
}

/// A bootloader whose dynamic linker the system does not have says so: musl systems, and glibc in another place.
#[test]
fn no_dynamic_linker() {
    let subject = Subject::new(Mode::OneFile);
    let Some(run) = arena("exec chroot \"$1\" /hello") else {
        return;
    };
    let outcome = run.arg(subject.path.parent().unwrap()).run();
    outcome
        .code(103)
        .stderr_has("hello: error: this system has no usable dynamic linker");
}

fn run_damaged(subject: &Subject, offset: u64) -> Outcome {
    // Through the shell, which turns a refused exec into 126 instead of an error of ours.
    let outcome = Run::new("/bin/sh")
        .args(&["-c", "ulimit -c 0; exec \"$0\""])
        .arg(&subject.path)
        .env("TMPDIR", subject.scratch.join("tmp"))
        .run();
    if outcome.stdout_text().contains("Hello") || outcome.status.success() {
        outcome.fail(&format!(
            "byte {offset} of the bootloader: the application ran"
        ));
    }
    outcome
}

/// Whether somebody says what is wrong: the program with its status, the shell or the dynamic linker with theirs.
fn is_told(outcome: &Outcome) -> bool {
    let status = outcome.status.code();
    let stderr = outcome.stderr_text();
    match status {
        // The byte may be one of the message.
        Some(DAMAGED) => {
            (stderr.contains("error: ") || stderr.contains("is damaged"))
                && !stderr.contains("panicked")
        }
        Some(1 | 126 | 127) => !stderr.is_empty(),
        _ => false,
    }
}

#[test]
fn truncated_file() {
    let subject = Subject::new(Mode::OneFile);
    let whole = subject.bytes();
    let payload = Payload::locate(&whole).unwrap();
    let (prefix, length) = (payload.prefix_length(), whole.len() as u64);
    let cuts = [
        prefix,
        prefix + 1,
        prefix + 100,
        length / 4,
        length / 2,
        length * 9 / 10,
        length - 1000,
        length - 100,
        length - 20,
        length - 1,
    ];
    let anywhere = (1..32).map(|part| prefix + (length - prefix) * part / 32);
    for cut in cuts.into_iter().chain(anywhere) {
        subject.forget();
        let copy = subject.scratch.join("cut");
        fs::copy(&subject.path, &copy).unwrap();
        OpenOptions::new()
            .write(true)
            .open(&copy)
            .unwrap()
            .set_len(cut)
            .unwrap();
        let outcome = Run::new(&copy)
            .env("TMPDIR", subject.scratch.join("tmp"))
            .run();
        refused(&outcome, &format!("cut to {cut} of {length} bytes"));
        assert!(
            files_below(&subject.scratch.join("tmp")).is_empty(),
            "something was unpacked"
        );
    }
}

/// Bytes after the end are no damage: a code signature comes there.
#[test]
fn appended_bytes_are_a_signature() {
    let subject = Subject::new(Mode::OneFile);
    let mut file = OpenOptions::new().append(true).open(&subject.path).unwrap();
    file.write_all(&[0x30; 5000]).unwrap();
    drop(file);
    subject.run().success().stdout_is("Hello, world!\n");
}

/// Files that an earlier start unpacked are put right before anything is loaded from them.
#[test]
fn damaged_unpacked_files() {
    let subject = Subject::new(Mode::OneFile);
    subject.run().success();
    let unpacked = files_below(&subject.scratch.join("tmp"));
    let chosen = |end: &str| {
        let path = unpacked
            .iter()
            .find(|path| path.to_string_lossy().ends_with(end));
        subject
            .scratch
            .join("tmp")
            .join(path.unwrap_or_else(|| panic!("{end} is not among {unpacked:?}")))
    };
    for end in ["libpack_runtime.so", "hello.py"] {
        let path = chosen(end);
        let before = fs::read(&path).unwrap();
        flip_quietly(&path);
        subject
            .run()
            .success()
            .stdout_is("Hello, world!\n")
            .stderr_is("");
        assert!(
            fs::read(&path).unwrap() == before,
            "{end} was not put right"
        );
        fs::remove_file(&path).unwrap();
        subject
            .run()
            .success()
            .stdout_is("Hello, world!\n")
            .stderr_is("");
        assert!(fs::read(&path).unwrap() == before, "{end} was not put back");
    }
}

/// Turns a bit in the middle of a file and sets its times back.
fn flip_quietly(path: &Path) {
    let times = fs::metadata(path).unwrap().modified().unwrap();
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(times)
        .unwrap();
}

/// The files beside a one-folder program are checked like those of one file.
#[test]
fn damaged_folder() {
    let subject = Subject::new(Mode::OneDir);
    subject.run().success().stdout_is("Hello, world!\n");
    let folder = subject.path.parent().unwrap().to_path_buf();
    for end in ["libpack_runtime.so", "hello.py"] {
        let files = files_below(&folder);
        let path = folder.join(
            files
                .iter()
                .find(|path| path.to_string_lossy().ends_with(end))
                .unwrap(),
        );
        let whole = fs::read(&path).unwrap();
        for first_start in [false, true] {
            if first_start {
                subject.forget();
            }
            flip_quietly(&path);
            let outcome = subject.run();
            refused(&outcome, &format!("a flipped byte in {end}"));
            outcome.stderr_has(end);
            fs::write(&path, &whole).unwrap();
            subject.run().success().stdout_is("Hello, world!\n");
        }
        fs::remove_file(&path).unwrap();
        let outcome = subject.run();
        refused(&outcome, &format!("{end} removed"));
        outcome.stderr_has(end);
        fs::write(&path, &whole).unwrap();
    }
    let length = subject.bytes().len() as u64;
    for offset in [length / 3, length / 2, length - 1] {
        subject.flipped(offset, || {
            refused(&subject.run(), &format!("byte {offset} of the executable"));
        });
    }
}
