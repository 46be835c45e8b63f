//! `unpack = "each"`: a directory for every run, gone when the run ends, however it ends.

use crate::harness::{Running, Scratch, Shelf, temporary_folder};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Says where its files are, and waits to be told to go on.
const HOLD: &str = "\
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
print(sys._MEIPASS, flush=True)
# Unlike sigwait(), it lets the interpreter handle other signals.
assert signal.sigtimedwait({signal.SIGUSR1}, 60)
";

/// Directories of runs below `temporary`.
fn runs(temporary: &Path) -> Vec<PathBuf> {
    let tops = fs::read_dir(temporary).unwrap().flatten();
    let below = tops.flat_map(|top| fs::read_dir(top.path()).unwrap().flatten());
    let names = below.map(|entry| entry.path());
    names
        .filter(|path| path.to_string_lossy().contains(".run-"))
        .collect()
}

/// What nobody waits for, but happens.
fn happens(what: &str, check: impl Fn() -> bool) {
    let begin = Instant::now();
    while !check() {
        assert!(begin.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn hold(temporary: &Path, then: &str) -> (Running, PathBuf) {
    let mut running = Shelf::each()
        .run(temporary, &format!("{HOLD}{then}"))
        .spawn();
    let folder = PathBuf::from(running.line());
    assert!(
        folder.join("data/note.txt").exists(),
        "{}",
        folder.display()
    );
    (running, folder)
}

#[test]
fn gone_when_the_program_ends() {
    let scratch = Scratch::new();
    for (statements, status) in [
        ("import shelf.parts.p00", 0),
        ("raise ValueError('uncaught')", 1),
        ("import sys; sys.exit(3)", 3),
        (
            "import atexit, sys; atexit.register(lambda: open(sys._MEIPASS + '/data/note.txt').close())",
            0,
        ),
        (
            "import threading, time; threading.Thread(target=time.sleep, args=(9,), daemon=True).start()",
            0,
        ),
    ] {
        let outcome = Shelf::each().run(scratch.path(), statements).run();
        let left = runs(scratch.path());
        outcome.listing(scratch.path()).code(status);
        assert!(left.is_empty(), "{statements}: {left:?}");
    }
}

/// A library of thousands of files takes a while to remove, whoever does it.
#[test]
fn gone_when_a_large_program_ends() {
    let scratch = Scratch::new();
    let fill =
        "import os, sys\nfor n in range(4000): open(f'{sys._MEIPASS}/data/{n}', 'w').close()";
    Shelf::each().run(scratch.path(), fill).run().success();
    assert!(runs(scratch.path()).is_empty());
}

#[test]
fn gone_soon_when_the_program_is_killed() {
    let scratch = Scratch::new();
    let exit = "import os; os._exit(4)";
    Shelf::each().run(scratch.path(), exit).run().code(4);
    happens("after os._exit", || runs(scratch.path()).is_empty());
    for (signal, number) in [("TERM", 15), ("INT", 2), ("KILL", 9)] {
        let (running, folder) = hold(scratch.path(), "");
        running.signal(signal);
        let outcome = running.finish();
        outcome.killed_by(number);
        happens(signal, || !folder.exists());
    }
}

/// Not at the next start: there may be none.
#[test]
fn gone_soon_when_it_is_killed_while_it_unpacks() {
    let settings = "[bundle]\nunpack = \"each\"\n";
    let large = vec![7; 64 << 20];
    let shelf = Shelf::build("each-large", settings, &[("large", &large)]);
    let scratch = Scratch::new();
    for _ in 0..10 {
        let mut killed = shelf.run(scratch.path(), HOLD).spawn();
        happens("it unpacks", || {
            let begun =
                |run: &PathBuf| fs::read_dir(run).is_ok_and(|mut files| files.next().is_some());
            runs(scratch.path()).iter().any(begun)
        });
        killed.signal_if_alive("KILL");
        killed.finish().killed_by(9);
        happens("all of it goes", || runs(scratch.path()).is_empty());
    }
}

/// The janitor of a run, by the file it runs.
fn janitor(program: &Path, of: u32) -> Option<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.find(|&number: &u32| {
        number != of
            && fs::read_link(format!("/proc/{number}/exe")).is_ok_and(|file| file == program)
    })
}

/// A copy of the program, so that no other test's processes run its file.
fn copy(scratch: &Scratch) -> Shelf {
    let path = scratch.join("shelf");
    fs::copy(&Shelf::each().path, &path).unwrap();
    Shelf { path }
}

#[test]
fn what_a_killed_janitor_leaves_goes_at_the_next_start() {
    let scratch = Scratch::new();
    let temporary = scratch.join("tmp");
    fs::create_dir(&temporary).unwrap();
    let program = copy(&scratch);
    let mut killed = program.run(&temporary, HOLD).spawn();
    let left = PathBuf::from(killed.line());
    let janitor = janitor(&program.path, killed.id()).unwrap();
    kill(janitor);
    // Until it is gone it may still be given the lock.
    happens("the janitor ends", || {
        !Path::new(&format!("/proc/{janitor}")).exists()
    });
    killed.signal("KILL");
    killed.finish().killed_by(9);
    assert!(left.join("data/note.txt").exists());

    let mut used = program.run(&temporary, HOLD).spawn();
    let in_use = PathBuf::from(used.line());
    assert!(!left.exists(), "the next start removes it");
    program.run(&temporary, "").run().success();
    assert!(in_use.join("data/note.txt").exists());
    assert_eq!(runs(&temporary), [in_use]);
    used.signal("USR1");
    used.finish().success();
    assert!(runs(&temporary).is_empty());
}

fn kill(process: u32) {
    let status = std::process::Command::new("kill")
        .args(["-s", "KILL", &process.to_string()])
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn two_runs_have_two_directories() {
    let scratch = Scratch::new();
    let ((first, one), (second, two)) = (hold(scratch.path(), ""), hold(scratch.path(), ""));
    assert_ne!(one, two);
    first.signal("USR1");
    first.finish().success();
    assert!(!one.exists() && two.join("data/note.txt").exists());
    second.signal("USR1");
    second.finish().success();
    assert!(runs(scratch.path()).is_empty());
}

#[test]
fn processes_of_multiprocessing() {
    for method in ["fork", "spawn", "forkserver"] {
        let temporary = temporary_folder();
        // Waits for its workers: one that is killed while it unpacks leaves that to the next start.
        let statements = format!(
            "import multiprocessing, shelf.books\n\
             context = multiprocessing.get_context({method:?})\n\
             with context.Pool(2) as pool:\n    print([number for number, _ in pool.map(shelf.books.part, range(8))])\n\
             \x20   pool.close()\n    pool.join()\n"
        );
        let outcome = Shelf::each().run(&temporary, &statements).run();
        outcome.success().stdout_is("[0, 1, 2, 3, 4, 5, 6, 7]\n");
        happens(method, || runs(&temporary).is_empty());
    }
}

/// A forked child outlives the program and goes on asking for files.
#[test]
fn stays_while_a_child_lives() {
    let scratch = Scratch::new();
    let statements = "\
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
child = os.fork()
if child:
    print(sys._MEIPASS, child, flush=True)
else:
    signal.sigwait({signal.SIGUSR1})
    import shelf.parts.p03
    print(shelf.parts.p03.number(), open(sys._MEIPASS + '/data/note.txt').read(), flush=True)
";
    let mut running = Shelf::each().run(scratch.path(), statements).spawn();
    let said = running.line();
    let (folder, child) = said.split_once(' ').unwrap();
    happens("the program ends", || {
        parent_of(child) != Some(running.id())
    });
    assert!(Path::new(folder).exists());
    // A start in between does not take it for a left-over.
    Shelf::each().run(scratch.path(), "").run().success();
    let status = std::process::Command::new("kill")
        .args(["-s", "USR1", child])
        .status();
    assert!(status.unwrap().success());
    assert_eq!(running.line(), "3 each");
    running.finish().success();
    happens("the child ended", || runs(scratch.path()).is_empty());
}

fn parent_of(process: &str) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("PPid:\t"))?;
    line.parse().ok()
}

/// Whoever waits for the end of a pipe waits for the program and for nobody else; passed descriptors are pipes too.
#[test]
fn no_descriptor_is_held_for_it() {
    let scratch = Scratch::new();
    let statements = format!(
        "{HOLD}import os; os.close(1); os.close(3); os.close(9); signal.sigwait({{signal.SIGUSR1}}); os._exit(0)"
    );
    let run = crate::harness::Run::new("/bin/sh")
        .args(&[
            "-c",
            "exec 3>&1 9>&1; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\"",
            "sh",
        ])
        .command_of(Shelf::each().run(scratch.path(), &statements));
    let mut running = run.spawn();
    let folder = PathBuf::from(running.line());
    running.signal("USR1");
    assert_eq!(
        running.line(),
        "",
        "the pipe ends while the program and its janitor live"
    );
    assert!(folder.exists() && !running.ended());
    running.signal("USR1");
    running.finish().success();
    happens("os._exit", || !folder.exists());
}

/// The janitor is nobody's child, and no signal to the program's group reaches it.
#[test]
fn no_child_that_the_program_did_not_start() {
    let scratch = Scratch::new();
    let statements = "\
import os, signal
try:
    os.wait()
except ChildProcessError:
    print('none')
print(open('/proc/self/task/%d/children' % os.getpid()).read().split(), flush=True)
os.setpgid(0, 0)
os.killpg(0, signal.SIGKILL)
";
    let outcome = Shelf::each().run(scratch.path(), statements).run();
    outcome.killed_by(9).stdout_is("none\n[]\n");
    happens("the group was killed", || runs(scratch.path()).is_empty());
}
