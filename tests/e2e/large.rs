//! Files that are larger than what packer and program may hold in memory.

use crate::harness::{Case, Mode, Outcome, Pack, Program, Run, Scratch, pythons};
use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

const MIB: u64 = 1 << 20;
/// What each process may have as memory of its own, mapped files aside (`RLIMIT_DATA`), in MiB: less than the files here.
const ALLOWED: u64 = 256;

/// Says how large the file beside it is, and what its first, middle and last bytes are.
const SCRIPT: &str = "\
import os, sys
path = os.path.join(sys._MEIPASS, 'data', 'large.bin')
size = os.path.getsize(path)
with open(path, 'rb') as file:
    said = []
    for at in (0, size // 2, size - 8):
        file.seek(at)
        said.append(file.read(8).decode())
print(size, *said)
";

/// What the script says of a file of `size` bytes from [`marked`].
fn said(size: u64) -> String {
    format!("{size} thefirst themidst the last\n")
}

/// Writes a file of `size` bytes: holes, or what does not compress, with marks at its start, in its middle and at its end.
fn marked(path: &Path, size: u64, holes: bool) {
    let file = File::create_new(path).unwrap();
    file.set_len(size).unwrap();
    if !holes {
        // Longer than what is compressed at a time, so that no repetition is seen.
        let mut state = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        })
        .take(2 << 20)
        .flatten()
        .collect();
        for at in (0..size).step_by(noise.len()) {
            let length = usize::try_from((size - at).min(noise.len() as u64)).unwrap();
            file.write_all_at(&noise[..length], at).unwrap();
        }
    }
    for (mark, at) in [
        (b"thefirst", 0),
        (b"themidst", size / 2),
        (b"the last", size - 8),
    ] {
        file.write_all_at(mark, at).unwrap();
    }
}

/// `run`, with [`ALLOWED`] memory.
fn limited(run: Run) -> Run {
    let script = format!("ulimit -c 0; ulimit -d {}; exec \"$@\"", ALLOWED * 1024);
    Run::new("/bin/sh")
        .args(&["-c", &script, "sh"])
        .env("PATH", "/usr/bin:/bin")
        .command_of(run)
        .seconds(600)
}

/// Packs the script with a file of `size` bytes, runs the result twice, verifies it and takes it apart, all with less memory
/// than the file has bytes. Returns the size of the executable.
fn pack_and_run(size: u64, holes: bool, mode: Mode) -> u64 {
    let scratch = Scratch::new();
    let script = scratch.write("big.py", SCRIPT);
    marked(&scratch.join("large.bin"), size, holes);
    let case = Case {
        python: pythons().last().unwrap(),
        mode,
    };
    let build = Pack::build_script(&script, &["--add-data", "large.bin:data"], case);
    let dist = scratch.join("dist");
    // From the folder of the script, as `build_script` has it.
    limited(build.arg("--distpath").arg(&dist))
        .cwd(scratch.path())
        .run()
        .success();
    let program = Program::at(&dist, case);
    for start in ["first", "second"] {
        let outcome = limited(program.run(&[])).run();
        if outcome.stdout_text() != said(size) {
            outcome.fail(&format!("the {start} start"));
        }
        outcome.success();
    }
    let unpacked = scratch.join("extracted");
    let run = |command: &str, arguments: &[&Path]| -> Outcome {
        let mut run = Pack::run(&[command]);
        for argument in arguments {
            run = run.arg(argument);
        }
        limited(run).run()
    };
    run("verify", &[&program.path]).success();
    run("extract", &[&program.path, &unpacked]).success();
    assert_eq!(
        fs::metadata(unpacked.join("data/large.bin")).unwrap().len(),
        size
    );
    let executable = fs::metadata(&program.path).unwrap().size();
    fs::remove_dir_all(program.temporary()).unwrap();
    executable
}

#[test]
fn file_with_holes() {
    let size = pack_and_run(300 * MIB, true, Mode::OneFile);
    assert!(size < 100 * MIB, "{size} bytes");
}

#[test]
fn file_that_does_not_compress() {
    let size = pack_and_run(300 * MIB, false, Mode::OneFile);
    assert!(size > 300 * MIB, "{size} bytes");
}

#[test]
fn file_beside_a_program() {
    let size = pack_and_run(300 * MIB, true, Mode::OneDir);
    assert!(size < 100 * MIB, "{size} bytes");
}

/// Entries, offsets and files of more than 32 bits. They take gigabytes of the disk, and minutes.
mod long {
    use super::*;

    fn is_wanted() -> bool {
        let wanted = std::env::var_os("PACK_LONG").is_some();
        if !wanted {
            eprintln!("left out: only `cargo xtask ci --long` (PACK_LONG=1) runs this");
        }
        wanted
    }

    #[test]
    fn five_gib_with_holes() {
        if is_wanted() {
            let size = pack_and_run(5 << 30, true, Mode::OneFile);
            assert!(size < 100 * MIB, "{size} bytes");
        }
    }

    #[test]
    fn five_gib_that_do_not_compress() {
        if is_wanted() {
            let size = pack_and_run(5 << 30, false, Mode::OneFile);
            assert!(size > 5 << 30, "{size} bytes");
        }
    }
}
