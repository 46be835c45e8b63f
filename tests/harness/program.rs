//! Packed programs, each built once for all tests that use it.

use super::{Case, Mode, Outcome, Run, root, runs_folder, temporary_folder};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A packed program.
#[derive(Debug)]
pub(crate) struct Program {
    /// The executable.
    pub(crate) path: PathBuf,
    /// What to move when the program moves: the executable, or the folder of a one-folder program.
    pub(crate) moved: PathBuf,
    /// TMPDIR of its runs: one for each program, or a test of one would remove what another uses.
    temporary: PathBuf,
    /// The case it was packed for.
    pub(crate) case: Case,
}

type Shared = Arc<OnceLock<&'static Program>>;

impl Program {
    /// The program in `folder` of the repository, packed with `options`; its pack.toml says the rest.
    pub(crate) fn packed(folder: &str, options: &[&str], case: Case) -> &'static Self {
        static PROGRAMS: Mutex<Option<HashMap<String, Shared>>> = Mutex::new(None);
        let key = format!(
            "{}-{}-{:?}-{}",
            folder.replace('/', "."),
            case.python.name(),
            case.mode,
            options.join("")
        );
        let shared = {
            let mut programs = PROGRAMS.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(
                programs
                    .get_or_insert_default()
                    .entry(key.clone())
                    .or_default(),
            )
        };
        shared.get_or_init(|| Box::leak(Box::new(Self::build(folder, options, case, &key))))
    }

    fn build(folder: &str, options: &[&str], case: Case, key: &str) -> Self {
        let plain: String = key
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || ".-".contains(*c))
            .collect();
        let home = runs_folder().join("programs").join(plain);
        fs::create_dir_all(&home).unwrap();
        let dist = home.join("dist");
        Pack::build(case)
            .args(options)
            .arg("--distpath")
            .arg(&dist)
            .cwd(root().join(folder))
            .run()
            .success();
        Self::at(&dist, case)
    }

    /// The program that a build left in `dist`.
    pub(crate) fn at(dist: &Path, case: Case) -> Self {
        let mut made: Vec<PathBuf> = fs::read_dir(dist)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert_eq!(
            made.len(),
            1,
            "a build leaves one thing in its output folder, but there are {made:?}"
        );
        let moved = made.remove(0);
        let path = match case.mode {
            Mode::OneFile => moved.clone(),
            Mode::OneDir => moved.join(moved.file_name().unwrap()),
        };
        let temporary = temporary_folder();
        Self {
            path,
            moved,
            temporary,
            case,
        }
    }

    /// A run of it in an environment that holds nothing but TMPDIR.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.run_at(&self.path).args(arguments)
    }

    /// A run of it by another path.
    pub(crate) fn run_at(&self, path: &Path) -> Run {
        Run::new(path).env("TMPDIR", &self.temporary)
    }

    /// Where [`Program::run`] unpacks.
    pub(crate) fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Copies it (with its folder) into `folder` and returns the path of the copy's executable.
    pub(crate) fn copy_to(&self, folder: &Path) -> PathBuf {
        fs::create_dir_all(folder).unwrap();
        let copy = folder.join(self.moved.file_name().unwrap());
        if self.moved.is_dir() {
            super::copy_tree(&self.moved, &copy);
        } else {
            fs::copy(&self.moved, &copy).unwrap();
        }
        match self.case.mode {
            Mode::OneFile => copy,
            Mode::OneDir => copy.join(copy.file_name().unwrap()),
        }
    }
}

/// Runs of `pack` itself.
pub(crate) struct Pack;

impl Pack {
    /// `pack COMMAND…` in an environment with what it needs to find its kits and to keep its cache to this run.
    pub(crate) fn run(arguments: &[&str]) -> Run {
        Run::new(env!("CARGO_BIN_EXE_pack"))
            .args(arguments)
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", runs_folder())
            .env("PACK_KITS", Self::kits())
            .seconds(300)
    }

    /// The folder of kits that it uses.
    pub(crate) fn kits() -> PathBuf {
        std::env::var_os("PACK_KITS").map_or_else(kits_beside, PathBuf::from)
    }

    /// `pack build --python … --onefile`, or as the case says.
    pub(crate) fn build(case: Case) -> Run {
        Self::run(&["build", "--noconfirm", case.mode.option(), "--python"])
            .arg(case.python.with_flask())
    }

    /// Builds a script of a test and returns the program.
    pub(crate) fn script(script: &Path, options: &[&str], case: Case) -> Program {
        let home = script.parent().unwrap().join("built");
        let outcome = Self::build_script(script, options, case)
            .arg("--distpath")
            .arg(home.join("dist"))
            .run();
        outcome.success();
        Program::at(&home.join("dist"), case)
    }

    /// `pack build SCRIPT OPTIONS…`.
    pub(crate) fn build_script(script: &Path, options: &[&str], case: Case) -> Run {
        Self::build(case)
            .arg(script)
            .args(options)
            .cwd(script.parent().unwrap())
    }
}

fn kits_beside() -> PathBuf {
    let kits = Path::new(env!("CARGO_BIN_EXE_pack"))
        .ancestors()
        .nth(2)
        .unwrap()
        .join("kits");
    assert!(
        kits.exists(),
        "no kits in {}: run `cargo xtask test`, or `cargo xtask kits` first",
        kits.display()
    );
    kits
}

impl Outcome {
    /// The build's refusal: status `code`, each of `words` in stderr, and no panic.
    pub(crate) fn refused(&self, code: i32, words: &[impl AsRef<str>]) -> &Self {
        self.code(code);
        for word in words {
            self.stderr_has(word.as_ref());
        }
        if self.stderr_text().contains("panicked") {
            self.fail("it panicked");
        }
        self
    }
}
