//! An environment for whole projects: what they require, and the distributions of tests/programs/monorepo, editable.

use super::files::{copy_tree, kept_folder, root};
use super::{Pack, Run, pythons};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const REQUIREMENTS: [&str; 3] = ["Django>=4.2,<6", "numpy>=1.24,<3", "setuptools>=64,<81"];

/// In tests/programs/monorepo: one by a `src` folder in a `.pth` file, one by setuptools' finder.
const EDITABLE: [&str; 2] = ["core", "tools"];

/// The newest interpreter's environment, and the folder that holds the monorepo.
#[derive(Debug)]
pub(crate) struct Projects {
    pub(crate) python: PathBuf,
    pub(crate) monorepo: PathBuf,
}

impl Projects {
    pub(crate) fn get() -> &'static Self {
        static MADE: OnceLock<Projects> = OnceLock::new();
        MADE.get_or_init(Self::make)
    }

    fn make() -> Self {
        let base = &pythons().last().unwrap().base;
        let folder = kept_folder().join("projects");
        let (environment, monorepo) = (folder.join("venv"), folder.join("monorepo"));
        let python = environment.join("bin/python");
        let stamp = folder.join("installed.txt");
        let wanted = format!("{}\n{}", base.display(), REQUIREMENTS.join("\n"));
        let is_made = std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted);
        std::fs::remove_dir_all(&monorepo).ok();
        copy_tree(&root().join("tests/programs/monorepo"), &monorepo);
        if !is_made {
            must(
                base,
                &["-m", "venv", "--clear", &environment.to_string_lossy()],
            );
            let install = ["-m", "pip", "install", "--quiet"];
            must(&python, &[&install[..], &REQUIREMENTS].concat());
            for name in EDITABLE {
                let project = monorepo.join(name);
                let editable = [
                    "--no-build-isolation",
                    "--editable",
                    &project.to_string_lossy(),
                ];
                must(&python, &[&install[..], &editable].concat());
            }
            std::fs::write(stamp, wanted).unwrap();
        }
        Self { python, monorepo }
    }

    /// `pack build --python …` with this environment.
    pub(crate) fn build(&self) -> Run {
        Pack::run(&["build", "--noconfirm", "--python"]).arg(&self.python)
    }
}

fn must(program: &Path, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {text}");
}
