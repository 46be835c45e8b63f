//! What happens to unpacked files between and during runs: tmp cleaners, programs that write beside their own files,
//! and whatever stands in the place of a file. Nothing is used but what was packed.

use crate::harness::{PARTS, Run, Scratch, Shelf, copy_tree, files_below, shared_library};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

/// Asks for everything that there is, and says where.
const EVERYTHING: &str = "\
import os, sys
import shelf.books, front.one, front.two
for number in range(16):
    assert shelf.books.part(number)[0] == number
for _ in os.walk(sys._MEIPASS):
    pass
print(sys._MEIPASS)
";

/// A directory with every file of the program, and what they hold.
struct Unpacked {
    scratch: Scratch,
    folder: PathBuf,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = files_below(folder).into_iter();
    files
        .map(|file| (file.clone(), fs::read(folder.join(file)).unwrap()))
        .collect()
}

impl Unpacked {
    fn new() -> Self {
        let scratch = Scratch::new();
        let outcome = Shelf::reused().run(scratch.path(), EVERYTHING).run();
        let folder = PathBuf::from(outcome.success().stdout_text().trim_end());
        let files = contents(&folder);
        assert!(files.len() > 30 + PARTS, "{:?}", files.keys());
        Self {
            scratch,
            folder,
            files,
        }
    }

    fn run(&self, statements: &str) -> Run {
        Shelf::reused().run(self.scratch.path(), statements)
    }

    /// After a run that asks for everything, all is as it was.
    fn check(&self, what: &str) {
        let outcome = self.run(EVERYTHING).run();
        outcome.success().stderr_is("");
        let now = contents(&self.folder);
        for (file, content) in &self.files {
            assert!(now.get(file) == Some(content), "{what}: {}", file.display());
        }
    }

    /// One of each kind: there from the start, extension module, source, data of a package, metadata.
    fn kinds(&self) -> Vec<PathBuf> {
        let find = |end: &str| {
            let found = self
                .files
                .keys()
                .find(|file| file.to_string_lossy().contains(end));
            self.folder.join(found.unwrap_or_else(|| panic!("{end}")))
        };
        [
            "libpack_runtime",
            "data/note.txt",
            "parts/p03",
            "shelf/books.py",
            "deep/list.txt",
            "RECORD",
        ]
        .map(find)
        .into()
    }
}

#[test]
fn a_cleaner_takes_files() {
    let unpacked = Unpacked::new();
    for kept in 0..3 {
        for file in unpacked.files.keys().skip(kept).step_by(3) {
            fs::remove_file(unpacked.folder.join(file)).unwrap();
        }
        unpacked.check("every third");
    }
    for file in unpacked.files.keys() {
        fs::remove_file(unpacked.folder.join(file)).unwrap();
    }
    unpacked.check("all files, their folders left");
    // Cleaners take empty folders, too, and the files beside the directory.
    fs::remove_dir_all(unpacked.folder.join("shelf")).unwrap();
    fs::remove_dir_all(unpacked.folder.join("lib")).unwrap();
    unpacked.check("folders");
    for beside in fs::read_dir(unpacked.folder.parent().unwrap())
        .unwrap()
        .flatten()
    {
        if beside.path() != unpacked.folder {
            fs::remove_file(beside.path()).unwrap();
        }
    }
    unpacked.check("what lies beside it");
    fs::remove_dir_all(&unpacked.folder).unwrap();
    unpacked.check("all of it");
}

/// A program under way keeps what it has imported, and gets what it asks for, folders that are gone included.
#[test]
fn a_cleaner_takes_files_of_a_running_program() {
    let unpacked = Unpacked::new();
    let statements = "\
import shutil, sys
import shelf.parts.p01, shelf.books, ssl
shutil.rmtree(sys._MEIPASS + '/shelf')
shutil.rmtree(sys._MEIPASS + '/lib')
import shelf.parts.p01, shelf.deep.inner
assert shelf.parts.p01.number() == 1
assert shelf.books.part(2)[0] == 2
import sqlite3, ctypes, decimal
print(open(sys._MEIPASS + '/shelf/deep/list.txt').read())
try:
    shelf.books.fail('x')
except ValueError:
    import traceback
    print([line for line in traceback.format_exc().splitlines() if '# the line' in line][0].strip())
";
    let outcome = unpacked.run(statements).run();
    outcome
        .success()
        .stdout_is("a list\nraise ValueError(reason)  # the line a traceback shows\n");
    unpacked.check("the next start");
}

/// systemd-tmpfiles passes over directories that somebody has locked.
#[test]
fn a_running_program_holds_a_lock() {
    let unpacked = Unpacked::new();
    let flock = || {
        let run = Run::new("/usr/bin/flock")
            .args(&["-n", "-x"])
            .arg(&unpacked.folder);
        run.arg("/bin/true").run().status.code()
    };
    assert_eq!(flock(), Some(0));
    let hold = "\
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
print('ready', flush=True)
signal.sigwait({signal.SIGUSR1})
";
    let mut running = unpacked.run(hold).spawn();
    assert_eq!(running.line(), "ready");
    assert_eq!(flock(), Some(1));
    running.signal("USR1");
    running.finish().success();
    assert_eq!(flock(), Some(0));
}

#[test]
fn what_a_program_adds_stays() {
    let unpacked = Unpacked::new();
    let add = "\
import os, sys
for name in ('added.txt', 'shelf/added.txt', 'shelf/deep/added/more.txt', 'lib/added.txt'):
    path = os.path.join(sys._MEIPASS, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, 'w').write(name)
os.remove(sys._MEIPASS + '/data/note.txt')
";
    unpacked.run(add).run().success();
    unpacked.check("after files were added");
    for name in [
        "added.txt",
        "shelf/added.txt",
        "shelf/deep/added/more.txt",
        "lib/added.txt",
    ] {
        let added = fs::read(unpacked.folder.join(name)).unwrap();
        assert_eq!(added, name.as_bytes());
    }
}

/// A way to put something else into a file's place.
type Change = (&'static str, fn(&Path, &Path));

const CHANGES: [Change; 8] = [
    ("written to", |file, _| {
        let times = fs::metadata(file).unwrap().modified().unwrap();
        let mut bytes = fs::read(file).unwrap();
        bytes[0] ^= 1;
        fs::write(file, bytes).unwrap();
        let opened = fs::File::options().write(true).open(file).unwrap();
        opened.set_modified(times).unwrap();
    }),
    ("replaced", |file, _| {
        fs::write(file.with_extension("new"), "other").unwrap();
        fs::rename(file.with_extension("new"), file).unwrap();
    }),
    ("cut off", |file, _| fs::write(file, "").unwrap()),
    ("without rights", |file, _| {
        fs::set_permissions(file, fs::Permissions::from_mode(0o0)).unwrap();
    }),
    ("a link to nothing", |file, _| {
        fs::remove_file(file).unwrap();
        symlink("/nonexistent", file).unwrap();
    }),
    ("a link to another file", |file, elsewhere| {
        fs::write(elsewhere, "other").unwrap();
        fs::remove_file(file).unwrap();
        symlink(elsewhere, file).unwrap();
    }),
    ("a link to the same file elsewhere", |file, elsewhere| {
        fs::rename(file, elsewhere).unwrap();
        symlink(elsewhere, file).unwrap();
    }),
    ("a folder", |file, _| {
        fs::remove_file(file).unwrap();
        fs::create_dir(file).unwrap();
        fs::write(file.join("x"), "x").unwrap();
    }),
];

#[test]
fn whatever_stands_in_the_place_of_a_file() {
    let unpacked = Unpacked::new();
    for (what, change) in CHANGES {
        for (number, file) in unpacked.kinds().into_iter().enumerate() {
            change(&file, &unpacked.scratch.join(format!("elsewhere-{number}")));
        }
        unpacked.check(what);
        for file in unpacked.kinds() {
            let status = fs::symlink_metadata(&file).unwrap();
            assert!(
                status.is_file() && status.permissions().mode() & 0o700 >= 0o600,
                "{what}: {}",
                file.display()
            );
        }
    }
}

/// The library that stands in the place of an extension module says so when it is loaded.
#[test]
fn another_extension_module_is_not_loaded() {
    let unpacked = Unpacked::new();
    let [_, _, part, ..] = &unpacked.kinds()[..] else {
        panic!()
    };
    let source = unpacked.scratch.write(
        "evil.c",
        "#include <unistd.h>\n__attribute__((constructor)) static void run(void) { write(2, \"evil\\n\", 5); _exit(66); }\n",
    );
    let evil = unpacked.scratch.join("evil.so");
    shared_library("cc".as_ref(), &source, &evil);
    fs::copy(&evil, part).unwrap();
    unpacked.check("copied over it");
    fs::remove_file(part).unwrap();
    symlink(&evil, part).unwrap();
    unpacked.check("linked in its place");
    // The folder that it lies in leads to another one.
    let folder = part.parent().unwrap();
    let elsewhere = unpacked.scratch.join("parts");
    fs::create_dir(&elsewhere).unwrap();
    fs::copy(&evil, elsewhere.join(part.file_name().unwrap())).unwrap();
    fs::remove_dir_all(folder).unwrap();
    symlink(&elsewhere, folder).unwrap();
    unpacked.check("in a folder in the place of its folder");
    assert!(fs::symlink_metadata(folder).unwrap().is_dir());
    let there = fs::read(elsewhere.join(part.file_name().unwrap())).unwrap();
    assert!(
        there == fs::read(&evil).unwrap(),
        "nothing is written elsewhere"
    );
    assert_eq!(files_below(&elsewhere).len(), 1);
}

/// Beside the executable nothing is put right, and nothing is used that is not what was packed: what a start needs not, when
/// it is asked for, whether an earlier run found it right or not.
#[test]
fn files_beside_the_executable_are_checked_when_they_are_used() {
    let scratch = Scratch::new();
    let installed = scratch.join("installed");
    copy_tree(Shelf::beside().path.parent().unwrap(), &installed);
    let shelf = Shelf {
        path: installed.join(Shelf::beside().path.file_name().unwrap()),
    };
    for (end, ask) in [
        ("parts/p03", "import shelf.parts.p03"),
        ("shelf/books.py", "open(sys._MEIPASS + '/shelf/books.py')"),
        (
            "deep/list.txt",
            "import shelf.deep.inner; open(sys._MEIPASS + '/shelf/deep/list.txt')",
        ),
        (
            "RECORD",
            "import importlib.metadata as m; m.distribution('shelf').files",
        ),
    ] {
        let ask = format!("import sys\nprint('runs')\n{ask}");
        let files = files_below(&installed);
        let mut found = files.iter().filter(|file| {
            let file = file.to_string_lossy();
            file.contains(end) && (end != "RECORD" || file.contains("shelf-"))
        });
        let file = installed.join(found.next().unwrap_or_else(|| panic!("{end}")));
        let whole = fs::read(&file).unwrap();
        let known = scratch.join(format!("known-{}", whole.len()));
        let new = scratch.join(format!("new-{}", whole.len()));
        fs::create_dir(&known).unwrap();
        fs::create_dir(&new).unwrap();
        shelf.run(&known, &ask).run().success();
        let mut changed = whole.clone();
        changed[whole.len() / 2] ^= 1;
        fs::write(&file, &changed).unwrap();
        for temporary in [&known, &new] {
            shelf.run(temporary, "print('runs')").run().success();
            let outcome = shelf.run(temporary, &ask).run();
            outcome
                .code(1)
                .stdout_is("runs\n")
                .stderr_has(end)
                .stderr_has("is damaged");
        }
        assert!(fs::read(&file).unwrap() == changed, "{end}");
        fs::write(&file, whole).unwrap();
        shelf.run(&known, &ask).run().success();
    }
}
