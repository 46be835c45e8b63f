//! Windows as a target of any host: its interpreters and libraries are read as files, and nothing of them is run.

pub mod dll;
mod host;
mod installation;
pub mod system;

use crate::facts::InterpreterFacts;
use crate::installed::named_by_pth;
use crate::plan::BuildPlan;
use installation::{Installation, Modules};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The oldest CPython that is packed for Windows, and the youngest whose start is known.
const VERSIONS: std::ops::RangeInclusive<u8> = 9..=15;

/// Why a Windows interpreter cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum WindowsError {
    /// There is no `python3X.dll`.
    #[error("`{}` holds no CPython for Windows: there is no `python3X.dll` in it", path.display())]
    NoPython {
        /// The file or folder.
        path: PathBuf,
    },
    /// Something of it is missing.
    #[error("the CPython in `{}` has no {what}", path.display())]
    Incomplete {
        /// The folder.
        path: PathBuf,
        /// What.
        what: &'static str,
    },
    /// A file of it cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is for another processor.
    #[error("`{}` is for another processor than the target", path.display())]
    Processor {
        /// The library.
        path: PathBuf,
    },
    /// Its version is not served.
    #[error("`{}` is Python {}.{}, and CPython 3.{} to 3.{} can be packed for Windows",
        path.display(), version.0, version.1, VERSIONS.start(), VERSIONS.end())]
    Version {
        /// The library.
        path: PathBuf,
        /// Major and minor.
        version: (u8, u8),
    },
}

impl WindowsError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoPython { .. } | Self::Incomplete { .. } | Self::Processor { .. } => {
                Some(HOW.to_owned())
            }
            Self::Read { .. } | Self::Version { .. } => None,
        }
    }
}

/// Where interpreters for Windows come from.
pub const HOW: &str = "`pack python add VERSION` has uv fetch one, and `--python VERSION` takes it then; or name an embeddable package of python.org (python-3.X.Y-embed-amd64.zip or its folder), the folder of an \
    installation, or that of an unpacked python-build-standalone archive with `--python`";

/// The version of the interpreter at `path`.
///
/// # Errors
/// When it is none that can be packed.
pub fn identify(path: &Path) -> Result<(u8, u8, u8), WindowsError> {
    let installation = Installation::open(path, None)?;
    let library = library(&installation)?;
    version(&installation, &library)
}

/// Reads the facts of the interpreter that `plan` names.
///
/// # Errors
/// When it is none.
pub fn facts(plan: &BuildPlan) -> Result<InterpreterFacts, WindowsError> {
    let installation = Installation::open(&plan.python, plan.cache_dir.as_deref())?;
    let library = library(&installation)?;
    let version = version(&installation, &library)?;
    let host = host::find((version.0, version.1));
    // Another one compiles for another pre-release of the same version.
    let host = host.filter(|host| {
        let own = installation.magic.as_ref();
        own.is_none_or(|magic| *magic == host.magic_number)
    });
    let (compiler, magic_number) = match host {
        Some(host) => (Some(host.executable), host.magic_number),
        // Where it is not known, no bytecode is taken for its own.
        None => (None, installation.magic.clone().unwrap_or_default()),
    };
    let builtin = library.builtin_modules;
    if builtin.is_empty() {
        return Err(WindowsError::Incomplete {
            path: installation.library.clone(),
            what: "table of built-in modules",
        });
    }
    let mut stdlib_modules: BTreeSet<String> = builtin.iter().cloned().collect();
    stdlib_modules.extend(installation.names());
    let sites = plan.site_packages.clone();
    let further = sites.iter().flat_map(|site| named_by_pth(site));
    let text = format!("{}.{}.{}", version.0, version.1, version.2);
    Ok(InterpreterFacts {
        uncompiled: compiler.is_none(),
        executable: compiler.unwrap_or_else(|| installation.folder.join("python.exe")),
        base_executable: installation.library.clone(),
        implementation: "cpython".into(),
        version,
        version_text: format!("{text} (Windows, x86-64)"),
        cache_tag: format!("cpython-{}{}", version.0, version.1),
        soabi: String::new(),
        extension_suffixes: vec![
            format!(".cp{}{}-win_amd64.pyd", version.0, version.1),
            ".pyd".into(),
        ],
        magic_number,
        free_threaded: false,
        libpython: Some(installation.library.clone()),
        sys_path: [&installation.stdlib, &installation.extensions]
            .into_iter()
            .chain(&sites)
            .cloned()
            .chain(further.collect::<Vec<_>>())
            .collect(),
        stdlib: installation.stdlib.clone(),
        dynload: Some(installation.extensions.clone()),
        prefix: installation.folder.clone(),
        base_prefix: installation.folder.clone(),
        site_packages: sites,
        builtin_modules: builtin,
        stdlib_modules: stdlib_modules.into_iter().collect(),
        markers: markers(&text),
        multiarch: String::new(),
        editable: BTreeMap::new(),
        archives: Vec::new(),
        unpacked: installation.unpacked.map(Arc::new).into_iter().collect(),
    })
}

/// CPython's own library, for the right processor.
fn library(installation: &Installation) -> Result<dll::Dll, WindowsError> {
    dll::Dll::read(&installation.library)
        .map_err(|source| WindowsError::Read {
            path: installation.library.clone(),
            source,
        })?
        .filter(|library| library.machine == dll::AMD64)
        .ok_or_else(|| WindowsError::Processor {
            path: installation.library.clone(),
        })
}

/// Of the library's version resource; its name is a check.
fn version(installation: &Installation, library: &dll::Dll) -> Result<(u8, u8, u8), WindowsError> {
    let path = || installation.library.clone();
    let Some((major, minor, field)) = library.version else {
        return Err(WindowsError::Incomplete {
            path: path(),
            what: "version",
        });
    };
    let small = |number: u16| u8::try_from(number).unwrap_or(u8::MAX);
    // `PC/python_ver_rc.h`: micro * 1000 + level * 10 + serial.
    let version = (small(major), small(minor), small(field / 1000));
    if version.0 != 3 || !VERSIONS.contains(&version.1) || installation.minor != version.1 {
        return Err(WindowsError::Version {
            path: path(),
            version: (version.0, version.1),
        });
    }
    Ok(version)
}

/// PEP 508's, as this interpreter would give them on Windows 10.
fn markers(version: &str) -> BTreeMap<String, String> {
    let short = version.rsplit_once('.').map_or(version, |(short, _)| short);
    [
        ("implementation_name", "cpython"),
        ("implementation_version", version),
        ("os_name", "nt"),
        ("platform_machine", "AMD64"),
        ("platform_python_implementation", "CPython"),
        ("platform_release", "10"),
        ("platform_system", "Windows"),
        ("platform_version", "10.0.19045"),
        ("python_full_version", version),
        ("python_version", short),
        ("sys_platform", "win32"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

impl Installation {
    /// Top-level modules of the standard library that are files.
    fn names(&self) -> Vec<String> {
        let stem = |path: &Path| {
            let name = path.file_name()?.to_str()?;
            let stem = name.split('.').next()?;
            let is_module = [".py", ".pyc", ".pyd"]
                .iter()
                .any(|end| name.ends_with(end));
            let is_package = crate::inputs::is_folder(path) && !name.contains('.');
            let is_name =
                crate::discover::is_identifier(stem) && stem != "__pycache__" && stem != "test";
            ((is_module || is_package) && is_name).then(|| stem.to_owned())
        };
        let mut names = Vec::new();
        for folder in [&self.stdlib, &self.extensions] {
            // The interpreter's own folder holds folders of other things.
            let only_files = self.modules == Modules::Zipped && folder == &self.extensions;
            for entry in crate::inputs::entries(folder).unwrap_or_default() {
                let path = entry.path();
                if !(only_files && crate::inputs::is_folder(&path)) {
                    names.extend(stem(&path));
                }
            }
        }
        names
    }
}
