//! From a collection to destinations: sorted, without collisions.
//!
//! Rules:
//! - Two files with one destination are one when their contents are the same, and an error otherwise.
//! - A destination cannot be a file and the folder of another.
//! - Destinations that differ in nothing but case are an error for targets whose file systems ignore case (Windows,
//!   macOS), and two files elsewhere: Linux distributions of packages with such files exist.
//! - Of two modules with one name the first is taken, as Python's path would; the second is a warning when it has another
//!   file.

use crate::collection::{CollectedModule, Collection, FileRole, FileSource, ModuleCode};
use crate::facts::InterpreterFacts;
use crate::inputs;
use crate::kit::Kit;
use crate::plan::BuildPlan;
use payload::ArchivePath;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::Metadata;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// The runtime library's place in bundles for `target`.
#[must_use]
pub fn runtime(target: &str) -> &'static str {
    if is_windows(target) {
        "lib/pack_runtime.dll"
    } else {
        "lib/libpack_runtime.so"
    }
}

/// Every file and module of a bundle, in the order of destinations and names.
#[derive(Debug, Default)]
pub struct Layout<'a> {
    /// By destination.
    pub files: BTreeMap<String, PlacedFile<'a>>,
    /// By name.
    pub modules: BTreeMap<String, PlacedModule<'a>>,
    /// What the reader should know.
    pub warnings: Vec<String>,
}

/// One file.
#[derive(Debug, Clone)]
pub struct PlacedFile<'a> {
    /// Its bytes.
    pub content: Content<'a>,
    /// What it is for.
    pub role: FileRole,
    /// Has its executable bits.
    pub executable: bool,
    /// Of the interpreter: shared by all applications.
    pub interpreter: bool,
    /// Debug symbols may go: no checksum of a distribution holds for it.
    pub strip: bool,
    /// It can wait until the program asks for it.
    pub on_demand: bool,
}

/// Where bytes come from.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    /// A file of this machine.
    Path(&'a Path),
    /// They are here.
    Bytes(&'a [u8]),
}

/// One module.
#[derive(Debug, Clone)]
pub struct PlacedModule<'a> {
    /// An `__init__`.
    pub package: bool,
    /// `__file__`, relative to `sys._MEIPASS`.
    pub dest: String,
    /// What the importer loads.
    pub code: PlacedCode<'a>,
    /// Files that are written before it is executed, where they wait for that.
    pub needs: &'a [ArchivePath],
    /// Its bytecode is stored for speed.
    pub reached: bool,
}

/// What the importer loads.
#[derive(Debug, Clone)]
pub enum PlacedCode<'a> {
    /// Compile this.
    Source(Content<'a>),
    /// Take this `.pyc`.
    Bytecode(&'a Path),
    /// A shared library at `dest`, after these.
    Extension(&'a [ArchivePath]),
}

/// Why files cannot be laid out.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// Two files want one place.
    #[error("`{dest}` would come from two files with different contents: {first} and {second}")]
    Collision {
        /// The place.
        dest: String,
        /// One file.
        first: String,
        /// The other.
        second: String,
    },
    /// A file is where a folder must be.
    #[error("`{file}` ({first}) is a file, and `{below}` ({second}) needs a folder of that name")]
    FileAndFolder {
        /// The file.
        file: String,
        /// What lies below it.
        below: String,
        /// Source of the file.
        first: String,
        /// Source of what lies below.
        second: String,
    },
    /// Names that the target takes for one.
    #[error("`{first}` and `{second}` are one file on the target, which ignores case in names")]
    Case {
        /// One destination.
        first: String,
        /// The other.
        second: String,
    },
    /// A name that is none on the target.
    #[error("{file} cannot be packed for Windows")]
    Windows {
        /// The source.
        file: String,
        /// Why not.
        source: payload::PathError,
    },
    /// A file of the kit has a name that cannot be.
    #[error(transparent)]
    Name(#[from] payload::PathError),
    /// A file cannot be read to be compared.
    #[error("could not read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Content, and for a file what it was before it was read.
pub type Whole<'a> = (Cow<'a, [u8]>, Option<Metadata>);

impl Content<'_> {
    /// The bytes.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self) -> Result<Cow<'_, [u8]>, (PathBuf, io::Error)> {
        self.read_whole().map(|(content, _)| content)
    }

    /// The bytes, and for a file what it was before it was read.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read_whole(&self) -> Result<Whole<'_>, (PathBuf, io::Error)> {
        match self {
            Self::Bytes(bytes) => Ok((Cow::Borrowed(bytes), None)),
            Self::Path(path) => inputs::read_with_metadata(path)
                .map(|(content, metadata)| (Cow::Owned(content), Some(metadata)))
                .map_err(|error| (path.to_path_buf(), error)),
        }
    }

    /// Whether both have the same bytes; a file is read a piece at a time.
    fn is_same(&self, other: &Self) -> Result<bool, (PathBuf, io::Error)> {
        let (mut one, mut two) = (self.open()?, other.open()?);
        loop {
            let piece = one.fill_buf().map_err(|error| self.unreadable(error))?;
            let with = two.fill_buf().map_err(|error| other.unreadable(error))?;
            let length = piece.len().min(with.len());
            if length == 0 {
                return Ok(piece.len() == with.len());
            }
            if piece.get(..length) != with.get(..length) {
                return Ok(false);
            }
            one.consume(length);
            two.consume(length);
        }
    }

    fn open(&self) -> Result<Box<dyn BufRead + '_>, (PathBuf, io::Error)> {
        match self {
            Self::Bytes(bytes) => Ok(Box::new(*bytes)),
            Self::Path(path) => match inputs::open(path) {
                Ok(file) => Ok(Box::new(BufReader::new(file))),
                Err(error) => Err(self.unreadable(error)),
            },
        }
    }

    fn unreadable(&self, error: io::Error) -> (PathBuf, io::Error) {
        match self {
            Self::Bytes(_) => (PathBuf::new(), error),
            Self::Path(path) => (path.to_path_buf(), error),
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Bytes(_) => "made by pack".to_owned(),
            Self::Path(path) => format!("`{}`", path.display()),
        }
    }
}

/// Lays out `collection`, and the parts of `kit` that go into every bundle.
///
/// # Errors
/// When destinations collide.
pub fn arrange<'a>(
    plan: &BuildPlan,
    facts: &InterpreterFacts,
    collection: &'a Collection,
    kit: &'a Kit,
) -> Result<Layout<'a>, LayoutError> {
    let mut layout = Layout::default();
    for file in &collection.files {
        let mut placed = placed_file(facts, file);
        placed.on_demand = collection.on_demand.contains(&file.dest);
        layout.add_file(file.dest.as_str(), placed)?;
    }
    for module in &collection.modules {
        layout.add_module(&module.name, placed_module(module));
    }
    layout.add_kit(plan, facts, kit)?;
    layout.check_folders()?;
    if ignores_case(&plan.target) {
        layout.check_case()?;
    }
    if is_windows(&plan.target) {
        layout.check_windows()?;
    }
    Ok(layout)
}

/// Whether file systems of `target` take names that differ in case for one.
#[must_use]
pub fn ignores_case(target: &str) -> bool {
    is_windows(target) || target.contains("apple")
}

/// Whether programs for `target` run on Windows.
#[must_use]
pub fn is_windows(target: &str) -> bool {
    target.contains("windows")
}

/// `lib/python3.11`, where the standard library is in a bundle.
#[must_use]
pub fn stdlib(facts: &InterpreterFacts) -> String {
    let thread = if facts.free_threaded { "t" } else { "" };
    format!("lib/python{}.{}{thread}", facts.version.0, facts.version.1)
}

fn placed_file<'a>(
    facts: &InterpreterFacts,
    file: &'a crate::collection::CollectedFile,
) -> PlacedFile<'a> {
    let content = match &file.source {
        FileSource::Path(path) => Content::Path(path),
        FileSource::Bytes(bytes) => Content::Bytes(bytes),
    };
    // Distributions lie at the root; `lib` is the interpreter's and the system's.
    let interpreter = file.dest.as_str().starts_with("lib/") && !is_installed(facts, content);
    PlacedFile {
        content,
        role: file.role,
        executable: file.executable,
        interpreter,
        strip: interpreter && matches!(file.role, FileRole::Native | FileRole::Program),
        on_demand: false,
    }
}

fn is_installed(facts: &InterpreterFacts, content: Content<'_>) -> bool {
    matches!(content, Content::Path(path) if facts.site_packages.iter().any(|folder| path.starts_with(folder)))
}

fn placed_module(module: &CollectedModule) -> PlacedModule<'_> {
    PlacedModule {
        package: module.package,
        dest: module.dest.as_str().to_owned(),
        code: match &module.code {
            ModuleCode::Source(path) => PlacedCode::Source(Content::Path(path)),
            ModuleCode::Text(text) => PlacedCode::Source(Content::Bytes(text.as_bytes())),
            ModuleCode::Bytecode(path) => PlacedCode::Bytecode(path),
            ModuleCode::Extension { preload } => PlacedCode::Extension(preload),
        },
        needs: &module.needs,
        reached: module.reached,
    }
}

impl<'a> Layout<'a> {
    fn add_file(&mut self, dest: &str, file: PlacedFile<'a>) -> Result<(), LayoutError> {
        let Some(there) = self.files.get_mut(dest) else {
            self.files.insert(dest.to_owned(), file);
            return Ok(());
        };
        let read = |(path, source)| LayoutError::Read { path, source };
        if !there.content.is_same(&file.content).map_err(read)? {
            return Err(LayoutError::Collision {
                dest: dest.to_owned(),
                first: there.content.describe(),
                second: file.content.describe(),
            });
        }
        there.executable |= file.executable;
        there.strip &= file.strip;
        there.on_demand &= file.on_demand;
        Ok(())
    }

    fn add_module(&mut self, name: &str, module: PlacedModule<'a>) {
        match self.modules.get(name) {
            None => {
                self.modules.insert(name.to_owned(), module);
            }
            Some(first) if first.dest == module.dest => {}
            Some(first) => {
                self.warnings.push(format!(
                    "`{name}` is there twice: `{}` hides `{}`",
                    first.dest, module.dest
                ));
            }
        }
    }

    fn add_kit(
        &mut self,
        plan: &BuildPlan,
        facts: &InterpreterFacts,
        kit: &'a Kit,
    ) -> Result<(), LayoutError> {
        let file = |content, role| PlacedFile {
            content,
            role,
            executable: false,
            interpreter: true,
            strip: false,
            on_demand: false,
        };
        let library = match plan.serves() {
            true => &kit.runtime,
            false => &kit.serverless,
        };
        self.add_file(
            runtime(&kit.triple),
            file(Content::Bytes(library), FileRole::Native),
        )?;
        for (path, text) in &kit.python {
            let content = Content::Bytes(text);
            let dest = ArchivePath::new(format!("{}/{path}", stdlib(facts)))?;
            self.add_file(dest.as_str(), file(content, FileRole::StdlibSource))?;
            let name = path.trim_end_matches(".py").replace('/', ".");
            let package = name.strip_suffix(".__init__");
            let module = PlacedModule {
                package: package.is_some(),
                dest: dest.as_str().to_owned(),
                code: PlacedCode::Source(content),
                needs: &[],
                reached: true,
            };
            self.add_module(package.unwrap_or(&name), module);
        }
        Ok(())
    }

    fn check_folders(&self) -> Result<(), LayoutError> {
        let mut seen = HashSet::new();
        for (dest, file) in &self.files {
            for folder in dest.match_indices('/').map(|(at, _)| &dest[..at]).rev() {
                if !seen.insert(folder) {
                    break;
                }
                if let Some(other) = self.files.get(folder) {
                    return Err(LayoutError::FileAndFolder {
                        file: folder.to_owned(),
                        below: dest.clone(),
                        first: other.content.describe(),
                        second: file.content.describe(),
                    });
                }
            }
        }
        Ok(())
    }

    fn check_windows(&self) -> Result<(), LayoutError> {
        for (dest, file) in &self.files {
            ArchivePath::new(dest.as_str())
                .and_then(|path| path.check_windows())
                .map_err(|error| LayoutError::Windows {
                    file: file.content.describe(),
                    source: error,
                })?;
        }
        Ok(())
    }

    fn check_case(&self) -> Result<(), LayoutError> {
        let mut seen = HashMap::new();
        for dest in self.files.keys() {
            if let Some(first) = seen.insert(dest.to_lowercase(), dest) {
                return Err(LayoutError::Case {
                    first: first.clone(),
                    second: dest.clone(),
                });
            }
        }
        Ok(())
    }
}
