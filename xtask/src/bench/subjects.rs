//! What is packed and started.

use crate::setup;
use std::path::PathBuf;

/// A program to pack with both packers and to start in every way.
pub(super) struct Subject {
    pub(super) name: &'static str,
    /// What it stands for, as a phrase.
    pub(super) about: &'static str,
    /// Below the workspace.
    folder: &'static str,
    pub(super) script: &'static str,
    pub(super) arguments: &'static [&'static str],
    /// `--add-data` for both packers.
    data: &'static [&'static str],
    /// What its environment has beside HOME, TMPDIR and PATH.
    pub(super) variables: &'static [(&'static str, &'static str)],
    /// Debian's packages with the system libraries that it may miss.
    pub(super) system: &'static [&'static str],
    pub(super) rounds: u32,
    /// The source that is edited between two builds, below `folder`, for the subjects whose builds are measured.
    pub(super) edited: Option<&'static str>,
    pub(super) floor: Floor,
}

/// The least that a Python costs: without `site`, and without looking around.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Floor {
    /// `python -I -S -c pass`.
    Nothing,
    /// `python -I -S SCRIPT`: what needs only the standard library.
    Script,
}

const PROGRAMS: &str = "xtask/src/bench/programs";
const SMALL: u32 = 15;
const LARGE: u32 = 7;

pub(super) const SUBJECTS: [Subject; 5] = [
    Subject {
        name: "hello",
        about: "prints a line and imports nothing of its own: `samples/hello`",
        folder: "samples/hello",
        script: "hello.py",
        edited: Some("hello.py"),
        ..PLAIN
    },
    Subject {
        name: "imports",
        about: "imports `asyncio`, `http.client`, `json`, `logging` and `argparse`",
        script: "imports.py",
        floor: Floor::Script,
        ..PLAIN
    },
    // The guestbook's second command: it imports Flask, opens the database and ends, where the server would stay.
    Subject {
        name: "flask",
        about: "makes a Flask application and reads its database: `manage.py list` of `samples/guestbook`",
        folder: "samples/guestbook",
        script: "manage.py",
        arguments: &["list"],
        data: &[
            "guestbook/templates:guestbook/templates",
            "guestbook/static:guestbook/static",
            "assets:assets",
        ],
        edited: Some("guestbook/__init__.py"),
        ..PLAIN
    },
    Subject {
        name: "pandas",
        about: "makes a small sum by group with numpy and pandas",
        script: "frame.py",
        rounds: LARGE,
        ..PLAIN
    },
    Subject {
        name: "PyQt6",
        about: "opens a window with a label, off screen, and closes it at once",
        script: "window.py",
        variables: &[("QT_QPA_PLATFORM", "offscreen")],
        system: &[
            "libegl1",
            "libgl1",
            "libxkbcommon0",
            "libdbus-1-3",
            "libfontconfig1",
            "libglib2.0-0",
        ],
        rounds: LARGE,
        ..PLAIN
    },
];

const PLAIN: Subject = Subject {
    name: "",
    about: "",
    folder: PROGRAMS,
    script: "",
    arguments: &[],
    data: &[],
    variables: &[],
    system: &[],
    rounds: SMALL,
    edited: None,
    floor: Floor::Nothing,
};

impl Subject {
    /// The folder with its sources.
    pub(super) fn sources(&self) -> PathBuf {
        setup::root().join(self.folder)
    }

    /// `--add-data` options for sources at `folder`.
    pub(super) fn data(&self, folder: &std::path::Path) -> Vec<String> {
        let rules = self
            .data
            .iter()
            .map(|rule| format!("{}/{rule}", folder.display()));
        rules
            .flat_map(|rule| ["--add-data".to_owned(), rule])
            .collect()
    }
}

/// A way to start a subject.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// Nothing unpacked yet.
    PackFirst,
    PackLater,
    /// With a folder beside the executable; nothing checked yet.
    FolderFirst,
    FolderLater,
    /// The least that a Python costs.
    Floor,
    /// Unpacked, as during development.
    Python,
    OneFolder,
    /// Nothing of it in the temporary directory; it unpacks at every start.
    OneFileFirst,
    OneFileLater,
}

impl Way {
    pub(super) const ALL: [Self; 9] = [
        Self::PackFirst,
        Self::PackLater,
        Self::FolderFirst,
        Self::FolderLater,
        Self::Floor,
        Self::Python,
        Self::OneFolder,
        Self::OneFileFirst,
        Self::OneFileLater,
    ];

    /// What tables call it.
    pub(super) fn label(self, subject: &Subject) -> String {
        let Subject { script, .. } = subject;
        match self {
            Self::PackFirst => "pack, first start".to_owned(),
            Self::PackLater => "pack, later start".to_owned(),
            Self::FolderFirst => "pack one folder, first start".to_owned(),
            Self::FolderLater => "pack one folder, later start".to_owned(),
            Self::Floor if subject.floor == Floor::Script => format!("`python -I -S {script}`"),
            Self::Floor => "`python -I -S -c pass`".to_owned(),
            Self::Python => format!("`python {script}`"),
            Self::OneFolder => "PyInstaller one folder".to_owned(),
            Self::OneFileFirst => "PyInstaller one file, first start".to_owned(),
            Self::OneFileLater => "PyInstaller one file, later start".to_owned(),
        }
    }

    /// Whether each start finds an empty temporary directory.
    pub(super) fn is_first(self) -> bool {
        matches!(
            self,
            Self::PackFirst | Self::FolderFirst | Self::OneFileFirst
        )
    }
}
