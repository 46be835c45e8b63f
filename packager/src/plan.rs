//! The build plan: every choice made, every path absolute. What `configure` produces and every later stage reads.

use crate::brand::resource::Rule;
use crate::collection::GlibcVersion;
use crate::development::Development;
use crate::icon::Choice;
use payload::Wsgi;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Everything a build needs to know, with nothing left to guess.
#[derive(Debug, Clone)]
pub struct BuildPlan {
    /// The executable's name, without a suffix.
    pub name: String,
    /// The application's version, if it has one.
    pub version: Option<String>,
    /// `app.id`: key of the unpack directory, AppUserModelID, desktop file id.
    pub id: String,
    /// The folder that relative paths of settings are taken from: that of pack.toml, else that of the script.
    pub root: PathBuf,
    /// What runs when the program is started without naming a command.
    pub entry: Entry,
    /// Further entry points, by the word that selects them (`./guestbook manage migrate`), in the order of their names.
    pub commands: Vec<(String, Entry)>,
    /// The target interpreter's executable.
    pub python: PathBuf,
    /// Why that interpreter was chosen, for the summary.
    pub python_reason: String,
    /// Folders searched for modules before the interpreter's own path, first the application's.
    pub paths: Vec<PathBuf>,
    /// What to put in beyond what the imports reach.
    pub include: Include,
    /// What to leave out.
    pub exclude: Exclude,
    /// Scripts run before the entry point, in this order.
    pub runtime_hooks: Vec<PathBuf>,
    /// One file or a folder.
    pub mode: BundleMode,
    /// How the program unpacks what must be files.
    pub unpack: UnpackPolicy,
    /// Parent of the unpack directory that the program tries first, if one was named.
    pub runtime_tmpdir: Option<PathBuf>,
    /// Bytecode optimisation level, 0 to 2.
    pub optimize: u8,
    /// zstd level, 1 to 22.
    pub compression: i32,
    /// The build fails when the result needs a later glibc.
    pub max_glibc: Option<GlibcVersion>,
    /// Started without a console (Windows).
    pub windowed: bool,
    /// The window that shows an unhandled error shows its traceback (Windows, without a console).
    pub windowed_traceback: bool,
    /// Who signs the executable (Windows).
    pub signing: Option<Signing>,
    /// How the executable looks and what it says of itself (Windows).
    pub brand: Brand,
    /// Where the result goes.
    pub dist_dir: PathBuf,
    /// Name of the folder beside a one-folder executable that holds its files.
    pub contents_directory: String,
    /// Target triple of the kit.
    pub target: String,
    /// Folders with the distributions for the target, where they are not those of the interpreter.
    pub site_packages: Vec<PathBuf>,
    /// A file that says which distributions to install for the program, in the place of the interpreter's own.
    pub requirements: Option<PathBuf>,
    /// Where compiled and compressed entries are kept between builds; `None` with `--no-cache`.
    pub cache_dir: Option<PathBuf>,
    /// Throw the cache away first (`--clean`).
    pub clean: bool,
    /// Replace a one-folder output without asking (`--noconfirm`).
    pub noconfirm: bool,
}

impl BuildPlan {
    /// The executable's name on disk.
    #[must_use]
    pub fn file_name(&self) -> String {
        if crate::layout::is_windows(&self.target) {
            format!("{}.exe", self.name)
        } else {
            self.name.clone()
        }
    }

    /// Whether the program is a server, or has a command that is one.
    #[must_use]
    pub fn serves(&self) -> bool {
        let commands = self.commands.iter().map(|(_, entry)| entry);
        let mut entries = std::iter::once(&self.entry).chain(commands);
        entries.any(|entry| matches!(entry, Entry::Wsgi(_)))
    }

    /// What the build makes: the executable, or the folder that it lies in.
    #[must_use]
    pub fn output(&self) -> PathBuf {
        match self.mode {
            BundleMode::OneFile => self.dist_dir.join(self.file_name()),
            BundleMode::OneDir => self.dist_dir.join(&self.name),
        }
    }
}

/// `[windows]`, and what `[app]` says for people to read: how a Windows executable looks and what it says of itself.
#[derive(Debug, Clone, Default)]
pub struct Brand {
    /// Explorer shows the first.
    pub icons: Vec<IconFile>,
    /// The name that people read; `name` where there is none.
    pub title: Option<String>,
    /// What the program is.
    pub description: Option<String>,
    /// Who made it.
    pub company: Option<String>,
    /// Who has the rights.
    pub copyright: Option<String>,
    /// Version information in place of what follows from the settings.
    pub version_file: Option<PathBuf>,
    /// A manifest in place of the usual one.
    pub manifest: Option<ManifestSource>,
    /// Asks for an administrator's rights.
    pub uac_admin: bool,
    /// Works windows of programs with more rights.
    pub uac_uiaccess: bool,
    /// Further resources: each rule, and its file's path.
    pub resources: Vec<(Rule, PathBuf)>,
}

/// `[sign]`: by whose key an executable is signed. The password is in no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signing {
    /// A PKCS #12 file, or with `key` the certificate.
    pub certificate: PathBuf,
    /// The key, where it is in a file of its own.
    pub key: Option<PathBuf>,
    /// A file that holds the key's password.
    pub password_file: Option<PathBuf>,
    /// Who vouches for the time: the URL of an RFC 3161 service.
    pub timestamp: Option<String>,
    /// When it is said to be signed, in seconds since 1970; `None` for now.
    pub time: Option<u64>,
}

/// A file that an icon is taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IconFile {
    /// An .ico, .png, .svg or Windows executable.
    pub path: PathBuf,
    /// Which of an executable's icons.
    pub choice: Choice,
}

/// Where a manifest is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManifestSource {
    /// A file.
    File(PathBuf),
    /// It was given as such.
    Text(String),
}

/// What a program runs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "a plan has a handful of them")]
pub enum Entry {
    /// A script, as of `python app.py`.
    Script(PathBuf),
    /// A module, as of `python -m package.module`.
    Module(String),
    /// A callable, as of a console script: `sys.exit(package.module.function())`.
    Function {
        /// Dotted module name.
        module: String,
        /// Dotted attribute path in it.
        function: String,
    },
    /// A WSGI application, served by the host.
    Wsgi(Wsgi),
}

/// `[include]`: what to put in beyond what the imports reach.
#[derive(Debug, Clone, Default)]
pub struct Include {
    /// `--add-data SRC:DEST`.
    pub data: Vec<DataRule>,
    /// `--add-binary SRC:DEST`.
    pub binaries: Vec<DataRule>,
    /// `--hidden-import`: dotted module names.
    pub modules: Vec<String>,
    /// `--collect-submodules`: dotted package names.
    pub submodules: Vec<String>,
    /// `--collect-all`, `--collect-data`, `--collect-binaries`, `--copy-metadata`, `[include] distributions`: names of
    /// distributions or top-level packages taken whole.
    pub distributions: Vec<String>,
    /// `--additional-hooks-dir`: folders of PyInstaller hooks.
    pub hooks: Vec<PathBuf>,
    /// `--keep`: what serves developers of libraries and goes in nevertheless.
    pub development: BTreeSet<Development>,
    /// `--stdlib whole`: also what of the standard library nothing in the bundle can want.
    pub whole_stdlib: bool,
}

/// One `SRC:DEST` rule. `source` may name a file, a folder (its contents go under `dest`) or a glob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataRule {
    /// Absolute; may hold `*`, `?` and `[…]` in its last components.
    pub source: PathBuf,
    /// Folder in the bundle, `/`-separated, `.` for its root.
    pub dest: String,
}

/// `[exclude]`: what to leave out.
#[derive(Debug, Clone, Default)]
pub struct Exclude {
    /// Dotted module names; their submodules go too.
    pub modules: Vec<String>,
    /// Distribution names.
    pub distributions: Vec<String>,
    /// SONAMEs of libraries left to the target.
    pub libraries: Vec<String>,
    /// `--slim`: traces; what of distributions none of them has used, and no import reaches, is left out.
    pub slim: Vec<PathBuf>,
}

/// One file or a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BundleMode {
    /// One executable with everything inside.
    OneFile,
    /// An executable with its files in a folder beside it.
    OneDir,
}

/// How a one-file program unpacks what must be files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnpackPolicy {
    /// Once, into a private directory that later runs use again.
    Reuse,
    /// Into a fresh directory for each run, removed at its end.
    Each,
}
