//! First starts under faults: many at once, killed at any moment, without room.

use crate::harness::{Case, Outcome, Run, Scratch, Shelf, arena, files_below};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Imports what waits, one after the other, and says where all of it is.
const IMPORTS: &str = "\
import sys
import shelf.books, front.one, front.two, ssl, sqlite3, ctypes, decimal
for number in range(16):
    assert shelf.books.part(number)[0] == number
print(sys._MEIPASS)
";

/// As the shelf, with several MB of data that do not compress.
fn heavy() -> &'static Shelf {
    static BUILT: OnceLock<Shelf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let noise: Vec<u8> = random(7).take(3 << 17).flat_map(u64::to_le_bytes).collect();
        let small: Vec<(String, Vec<u8>)> = (0..100)
            .map(|number| {
                (
                    format!("small-{number}"),
                    noise[number * 100..][..5000].to_vec(),
                )
            })
            .collect();
        let mut data: Vec<(&str, &[u8])> = small
            .iter()
            .map(|(name, bytes)| (name.as_str(), &bytes[..]))
            .collect();
        data.extend([("large-1", &noise[..]), ("large-2", &noise[9..])]);
        Shelf::build("heavy", "", &data)
    })
}

/// The same numbers in every run.
fn random(seed: u64) -> impl Iterator<Item = u64> {
    let next = |state: &u64| {
        let mut state = *state;
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Some(state)
    };
    std::iter::successors(Some(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1), next)
}

fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = files_below(folder).into_iter();
    files
        .map(|file| (file.clone(), fs::read(folder.join(file)).unwrap()))
        .collect()
}

/// Runs the imports and returns what is unpacked then, and how long that took.
fn complete(temporary: &Path) -> (BTreeMap<PathBuf, Vec<u8>>, Duration) {
    let begin = Instant::now();
    let outcome = heavy().run(temporary, IMPORTS).run();
    let took = begin.elapsed();
    outcome.success().stderr_is("");
    (contents(Path::new(outcome.stdout_text().trim_end())), took)
}

/// All use the same files: what one wrote, no other wrote again, also what they ask for while they run.
#[test]
fn fifty_at_once() {
    let statements = format!(
        "{IMPORTS}\
import os
files = [shelf.books.part(number)[1] for number in range(16)] + [sys._MEIPASS + '/data/large-1']
for file in files:
    status = os.stat(file)
    print(file, status.st_ino, status.st_ctime_ns)
"
    );
    let scratch = Scratch::new();
    let starts: Vec<_> = (0..50)
        .map(|_| heavy().run(scratch.path(), &statements).spawn())
        .collect();
    let outcomes = starts
        .into_iter()
        .map(|start| start.finish().listing(scratch.path()));
    let said: Vec<String> = outcomes
        .map(|outcome| outcome.success().stderr_is("").stdout_text())
        .collect();
    assert_eq!(said[0].lines().count(), 18, "{}", said[0]);
    for other in &said {
        assert_eq!(*other, said[0]);
    }
}

/// At any moment of a first start; the next one works, and has every file as it was packed.
#[test]
fn killed_at_any_moment() {
    let scratch = Scratch::new();
    let temporary = |name: &str| {
        let folder = scratch.join(name);
        fs::create_dir(&folder).unwrap();
        folder
    };
    let (expected, took) = complete(&temporary("whole"));
    let mut delays = random(20).map(|number| took.mul_f64((number % 1000) as f64 / 1000.0));
    for round in 0..40 {
        let folder = temporary(&round.to_string());
        // What one killed start left, the next one finds, and is killed, too.
        for delay in delays.by_ref().take(5) {
            let mut killed = heavy().run(&folder, IMPORTS).spawn();
            std::thread::sleep(delay);
            killed.signal_if_alive("KILL");
            killed.finish();
        }
        let (found, _) = complete(&folder);
        assert!(
            found == expected,
            "round {round}: {:?}",
            different(&found, &expected)
        );
        let top = fs::read_dir(&folder)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        let beside = fs::read_dir(top).unwrap().flatten();
        let names: Vec<_> = beside.map(|entry| entry.file_name()).collect();
        assert!(names.len() <= 4, "{names:?}");
        fs::remove_dir_all(folder).unwrap();
    }
}

fn different<'a>(
    found: &'a BTreeMap<PathBuf, Vec<u8>>,
    expected: &'a BTreeMap<PathBuf, Vec<u8>>,
) -> Vec<&'a PathBuf> {
    let names = found.keys().chain(expected.keys());
    names
        .filter(|name| found.get(*name) != expected.get(*name))
        .collect()
}

/// While it imports one extension module after the other.
#[test]
fn killed_while_it_asks_for_files() {
    let scratch = Scratch::new();
    let (expected, _) = complete(scratch.path());
    let parts = |folder: &Path| {
        let parts = files_below(folder)
            .into_iter()
            .map(|file| folder.join(file));
        parts
            .filter(|file| file.to_string_lossy().contains("/parts/"))
            .collect::<Vec<_>>()
    };
    let folder = heavy()
        .run(scratch.path(), "import sys; print(sys._MEIPASS)")
        .run();
    let folder = PathBuf::from(folder.success().stdout_text().trim_end());
    let announced = format!("print('start', flush=True)\n{IMPORTS}");
    for (round, number) in random(30).take(60).enumerate() {
        for part in parts(&folder) {
            match round % 3 {
                0 => fs::remove_file(part).unwrap(),
                1 => fs::write(part, "other").unwrap(),
                _ => {}
            }
        }
        let mut killed = heavy().run(scratch.path(), &announced).spawn();
        assert_eq!(killed.line(), "start");
        std::thread::sleep(Duration::from_micros(number % 20_000));
        killed.signal_if_alive("KILL");
        killed.finish();
        for part in parts(&folder) {
            // Whole, or still what it was.
            let content = fs::read(&part).unwrap();
            let name = part.strip_prefix(&folder).unwrap();
            assert!(
                content == expected[name] || content == b"other",
                "{}",
                part.display()
            );
        }
        if round % 6 == 5 {
            assert!(complete(scratch.path()).0 == expected, "round {round}");
        }
    }
}

/// A machine with one small place, which is given room later.
fn with_little_room(limit: &str, more: &str) {
    let script = format!(
        "set -e
        mount -t tmpfs none /mnt; mkdir /mnt/small; cp \"$1\" /mnt/program
        mount -t tmpfs -o mode=1777,{limit} none /mnt/small
        mount --bind /mnt/small /tmp; mount --bind /mnt/small /var/tmp; cd /
        for start in 1 2; do
            status=0; env -i TMPDIR=/mnt/small /mnt/program \"$2\" || status=$?
            echo $status
            [ -z \"$(find /mnt/small -type f)\" ] || find /mnt/small -type f
        done
        mount -o remount,{more} /mnt/small
        for start in 1 2; do env -i TMPDIR=/mnt/small /mnt/program \"$2\"; done"
    );
    let Some(run) = arena(&script) else { return };
    let outcome = run
        .arg(&heavy().path)
        .arg("import shelf.parts.p01; print(shelf.parts.p01.number())")
        .run();
    outcome
        .success()
        .stdout_is("102\n102\n1\n1\n")
        .stderr_has("error: found no directory to unpack into; tried\n  /mnt/small/pack-0: No space left on device")
        .stderr_has("\n  /tmp/pack-0: No space left on device")
        .stderr_has("\n  /var/tmp/pack-0: No space left on device")
        .stderr_has("\nhint: name a directory it can use in the environment variable PACK_TMPDIR");
}

#[test]
fn a_full_disk_and_room_again() {
    with_little_room("size=4m", "size=100m");
}

#[test]
fn no_inodes_and_more_again() {
    with_little_room("nr_inodes=40", "nr_inodes=4000");
}

/// The room ends at any point, the record's last byte among them: what was unpacked in vain is removed.
#[test]
fn however_little_room_there_is() {
    let script = "set -e
        mount -t tmpfs none /mnt; mkdir /mnt/small; cp \"$1\" /mnt/program; cd /
        mount -t tmpfs none /tmp; mount -t tmpfs none /var/tmp
        for inodes in $(seq 1 12) $(seq 20 20 400); do
            mount -t tmpfs -o nr_inodes=$inodes none /mnt/small
            env -i TMPDIR=/mnt/small /mnt/program \"$2\"
            umount /mnt/small
        done";
    let Some(run) = arena(script) else { return };
    let statements = "import os, sys, shelf.parts.p01\n\
        chosen = sys._MEIPASS.startswith('/mnt/small')\n\
        left = [names for _, _, names in os.walk('/mnt/small') if names]\n\
        assert chosen or not left, left\n\
        print(chosen)";
    let outcome = run.arg(&heavy().path).arg(statements).run();
    outcome.success().stderr_is("");
    let text = outcome.stdout_text();
    let chosen: Vec<&str> = text.lines().collect();
    assert!(
        chosen.contains(&"False") && chosen.ends_with(&["True"]),
        "{text}"
    );
    assert!(chosen.is_sorted(), "{text}");
}

#[test]
fn places_that_are_missing() {
    let script = "set -e
        mount -t tmpfs none /mnt; cp \"$1\" /mnt/program; cd /
        mount -t tmpfs none /tmp; mount -t tmpfs none /var/tmp
        env -i TMPDIR=/mnt/nowhere HOME=/mnt/nobody /mnt/program \"$2\"
        mount -t tmpfs -o noexec none /tmp
        env -i TMPDIR= /mnt/program \"$2\"
        mount -t tmpfs -o ro none /var/tmp
        touch /mnt/file; mkdir -m 777 /mnt/home
        env -i TMPDIR=/mnt/file HOME=/mnt/nobody PACK_TMPDIR=relative XDG_CACHE_HOME=/mnt/home /mnt/program \"$2\"";
    let Some(run) = arena(script) else { return };
    let run = run
        .arg(&heavy().path)
        .arg("import sys; print(sys._MEIPASS.rpartition('/')[0])");
    run.run()
        .code(102)
        .stdout_is("/tmp/pack-0\n/var/tmp/pack-0\n")
        .stderr_has("program: error: found no directory to unpack into; tried")
        .stderr_has("\n  /mnt/file/pack-0: Not a directory")
        .stderr_has("\n  /tmp/pack-0: its file system is mounted noexec")
        .stderr_has("\n  /var/tmp/pack-0: Read-only file system")
        .stderr_has("\n  /mnt/home/pack: others may replace it")
        .stderr_has("\nhint: ");
}

/// A start that takes long says so on a terminal, and nowhere else. Long it becomes by being stopped.
#[test]
fn progress_is_for_terminals() {
    for terminal in [true, false] {
        let shown = (0..20).find_map(|_| stopped_start(terminal));
        let text = shown.expect("a first start that could be stopped while it unpacks");
        assert_eq!(
            text.contains("shelf: preparing the first start, "),
            terminal,
            "{text:?}"
        );
        if terminal {
            // The line is the program's again.
            assert!(text.contains("%\r\x1b[Kdone"), "{text:?}");
        } else {
            assert_eq!(text, "done\n");
        }
    }
}

/// What a first start that was stopped for more than a second shows; `None` when it was done before it could be stopped.
fn stopped_start(terminal: bool) -> Option<String> {
    let scratch = Scratch::new();
    let number = scratch.join("number");
    let start = "echo $$ >number; exec \"$PROGRAM\" 'print(\"done\")' 2>&1";
    let run = if terminal {
        let terminal = "import pty, sys; pty.spawn(['/bin/sh', '-c', sys.argv[1]])";
        Run::new(&Case::any().python.base).args(&["-c", terminal, start])
    } else {
        Run::new("/bin/sh").args(&["-c", start])
    };
    let running = run
        .cwd(scratch.path())
        .env("PROGRAM", &heavy().path)
        .env("SHELL", "/bin/sh")
        .env("TMPDIR", scratch.path())
        .spawn();
    let data = || {
        let files = files_below(scratch.path());
        files
            .iter()
            .any(|file| file.to_string_lossy().contains("/data/"))
    };
    let begin = Instant::now();
    while !data() && begin.elapsed() < Duration::from_secs(20) {}
    let process = fs::read_to_string(number).unwrap();
    let signal = |name: &str| {
        let kill = std::process::Command::new("kill")
            .args(["-s", name, process.trim()])
            .output();
        kill.unwrap().status.success()
    };
    let stopped = signal("STOP");
    let files = files_below(scratch.path());
    let is_done = files
        .iter()
        .any(|file| file.to_string_lossy().ends_with(".record"));
    if stopped && !is_done {
        std::thread::sleep(Duration::from_millis(1100));
    }
    signal("CONT");
    let outcome = running.finish();
    outcome.success();
    (stopped && !is_done).then(|| outcome.stdout_text())
}

/// What the first start has read of the executable is given back: a server would keep it for ever otherwise.
#[test]
fn a_first_start_needs_no_more_memory_than_a_later_one() {
    let scratch = Scratch::new();
    let shelf = heavy();
    let megabytes = |outcome: Outcome| -> u64 {
        let text = outcome.success().stdout_text();
        let value = text.trim().strip_suffix(" kB").unwrap();
        value.trim().parse::<u64>().unwrap() >> 10
    };
    let ask = "for line in open('/proc/self/status'):\n    if line.startswith('RssFile:'): print(line[8:])";
    let [first, later] = [(); 2].map(|()| megabytes(shelf.run(scratch.path(), ask).run()));
    let size = fs::metadata(&shelf.path).unwrap().len() >> 20;
    assert!(size > 15, "{size} MB");
    assert!(
        first < later + size / 3,
        "{first} MB of files in memory, later {later}; the program has {size}"
    );
}
