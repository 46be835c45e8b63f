//! An interpreter without a shared libpython (Debian's python3 without its libpython package) is packed as its program.

use crate::harness::{
    Mode, Outcome, Pack, Run, Scratch, is_root, mount_namespace, root, temporary_folder,
};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

const DEBIAN: &str = "/usr/bin/python3";

/// Takes the libpython packages' files out of sight, in this run's own view of the file system.
const HIDE_LIBPYTHON: &str = r#"
    set -e
    libraries=$(dirname "$(ls /usr/lib/*/libc.so.6 | head -n 1)")
    mkdir -p "$1/upper" "$1/work"
    mount -t overlay overlay -o "lowerdir=$libraries,upperdir=$1/upper,workdir=$1/work" "$libraries"
    rm -f "$libraries"/libpython3*.so*
    shift
    exec "$@""#;

struct Packed {
    scratch: Scratch,
    program: PathBuf,
    temporary: PathBuf,
}

impl Packed {
    /// tests/programs/NAME packed with an interpreter that has no shared library; `None` where that cannot be arranged.
    fn new(name: &str, options: &[&str], mode: Mode) -> Option<Self> {
        if !is_root() || !is_static(Path::new(DEBIAN)) {
            eprintln!(
                "skipped: needs root, and a {DEBIAN} that is linked statically as Debian's is"
            );
            return None;
        }
        let scratch = Scratch::new();
        let folder = root().join("tests/programs").join(name);
        let build =
            Pack::run(&["build", "--noconfirm", mode.option(), "--python", DEBIAN]).args(options);
        let dist = scratch.join("dist");
        let run = mount_namespace(HIDE_LIBPYTHON)
            .seconds(300)
            .arg(scratch.join("overlay"))
            .command_of(build);
        run.arg("--distpath").arg(&dist).cwd(folder).run().success();
        let made = fs::read_dir(&dist).unwrap().next().unwrap().unwrap().path();
        let program = match mode {
            Mode::OneFile => made,
            Mode::OneDir => made.join(made.file_name().unwrap()),
        };
        Some(Self {
            scratch,
            program,
            temporary: temporary_folder(),
        })
    }

    fn start(&self, arguments: &[&str]) -> Run {
        Run::new(&self.program)
            .args(arguments)
            .env("TMPDIR", &self.temporary)
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        self.start(arguments).run()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        self.run(arguments).json()
    }
}

/// Does the interpreter do without a shared libpython?
fn is_static(python: &Path) -> bool {
    let bytes = fs::read(python).unwrap_or_default();
    let elf = goblin::elf::Elf::parse(&bytes);
    elf.is_ok_and(|elf| {
        !elf.libraries
            .iter()
            .any(|name| name.starts_with("libpython"))
    })
}

#[test]
fn same_contract() {
    for mode in [Mode::OneFile, Mode::OneDir] {
        let Some(packed) = Packed::new("probe", &[], mode) else {
            return;
        };
        let facts = packed.json(&["facts"]);
        let bundle = facts["meipass"].as_str().unwrap();
        assert_eq!(
            (&facts["frozen"], &facts["executable"], &facts["argv0"]),
            (&json!(true), &json!(packed.program), &json!(packed.program))
        );
        assert_eq!(facts["prefixes"], json!([bundle, bundle, bundle, bundle]));
        assert_eq!(facts["main_file"], json!(format!("{bundle}/probe.py")));
        assert_eq!(
            facts["leaf_file"],
            json!(format!("{bundle}/shapes/deep/leaf.py"))
        );
        assert!(
            facts["stdlib_module_file"]
                .as_str()
                .unwrap()
                .starts_with(bundle),
            "{facts}"
        );
        assert_eq!(
            facts["flags"],
            json!({"isolated": 1, "ignore_environment": 1, "no_user_site": 1})
        );
        packed.run(&["exit", "3"]).code(3);
        packed
            .run(&["exit", "a text"])
            .code(1)
            .stderr_is("a text\n");
        packed
            .run(&["fail"])
            .code(1)
            .stderr_has("shapes/faulty.py\", line 5, in fail")
            .stderr_has("# the line a traceback shows");
        packed.run(&["sources"]).success();
        packed.run(&["resources"]).success();
        packed.run(&["names"]).success();
        packed
            .run(&["at-exit"])
            .success()
            .stdout_is("main ends\nthread\nregistered second\nregistered first\n");
        let seen = packed.json(&["argv", "", "a b", "é"]);
        assert_eq!(
            seen["argv"].as_array().unwrap()[2..],
            [json!(""), json!("612062"), json!("c3a9")]
        );
    }
}

#[test]
fn children_and_signals() {
    let Some(packed) = Packed::new("probe", &[], Mode::OneFile) else {
        return;
    };
    let seen = packed.json(&["system-program"]);
    let foreign = seen["environment"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|text| {
            let text = text.as_str().unwrap();
            !text.starts_with("TMPDIR=") && !text.starts_with("LC_CTYPE=")
        });
    assert_eq!(foreign.count(), 0, "{seen}");
    fs::create_dir(packed.scratch.join("scratch")).unwrap();
    let seen = packed
        .start(&["as-python"])
        .env("SCRATCH", packed.scratch.join("scratch"))
        .run()
        .json();
    assert_eq!(
        (&seen["code"]["status"], &seen["code"]["stdout"]),
        (&json!(4), &json!("['-c', 'a', '-b'] __main__\n")),
        "{seen}"
    );
    let mut running = packed.start(&["wait"]).spawn();
    assert_eq!(running.line(), "ready");
    running.signal("INT");
    running
        .finish()
        .code(5)
        .stdout_is("ready\nKeyboardInterrupt\n");
    let mut running = packed.start(&["wait-unprepared"]).spawn();
    assert_eq!(running.line(), "ready");
    running.signal("INT");
    running.finish().killed_by(2);
}

#[test]
fn multiprocessing() {
    let Some(packed) = Packed::new("workers", &["workers.py"], Mode::OneFile) else {
        return;
    };
    for method in ["spawn", "fork", "forkserver"] {
        let seen = packed.json(&[method]);
        assert_eq!(
            seen["pool"]["tickets"],
            json!([0, 2, 4, 6, 8]),
            "{method}: {seen}"
        );
        assert_eq!(
            seen["process"]["answer"][4],
            json!(packed.program),
            "{method}: {seen}"
        );
    }
}

/// The interpreter is started anew under the limit, as `python` is.
#[test]
fn little_stack() {
    let Some(packed) = Packed::new("edges", &["edges.py"], Mode::OneFile) else {
        return;
    };
    for action in ["facts", "recurse"] {
        for _ in ["first", "later"] {
            Run::new("/bin/sh")
                .args(&["-c", "ulimit -s 64 && exec \"$@\"", "sh"])
                .command_of(packed.start(&[action]))
                .run()
                .success();
        }
    }
}
