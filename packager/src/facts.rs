//! What is asked of the target interpreter, once per build.

use crate::installed::named_by_pth;
use crate::requirements::Staged;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// Facts about the target interpreter, as it reported them itself.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct InterpreterFacts {
    /// `sys.executable`, absolute; of a venv the venv's.
    pub executable: PathBuf,
    /// The real program behind a venv's link: what is packed when there is no shared libpython.
    pub base_executable: PathBuf,
    /// `sys.implementation.name`: `cpython`, `pypy`.
    pub implementation: String,
    /// Major, minor, micro.
    pub version: (u8, u8, u8),
    /// `sys.version`, whole.
    pub version_text: String,
    /// `sys.implementation.cache_tag`: `cpython-311`.
    pub cache_tag: String,
    /// `sysconfig`'s SOABI.
    pub soabi: String,
    /// `importlib.machinery.EXTENSION_SUFFIXES`, in order.
    pub extension_suffixes: Vec<String>,
    /// `importlib.util.MAGIC_NUMBER`, in hexadecimal.
    pub magic_number: String,
    /// Built with `--disable-gil`.
    pub free_threaded: bool,
    /// The shared libpython that belongs to this interpreter; `None` when it has none.
    pub libpython: Option<PathBuf>,
    /// The folder of `os.py`.
    pub stdlib: PathBuf,
    /// The folder of the standard library's extension modules.
    pub dynload: Option<PathBuf>,
    /// `sys.prefix` (a venv's own) and `sys.base_prefix`.
    pub prefix: PathBuf,
    /// `sys.base_prefix`.
    pub base_prefix: PathBuf,
    /// `sys.path` after `site` ran, without the empty entry: `.pth` files have had their say.
    pub sys_path: Vec<PathBuf>,
    /// Site-packages folders among them, in order.
    pub site_packages: Vec<PathBuf>,
    /// `sys.builtin_module_names`.
    pub builtin_modules: Vec<String>,
    /// `sys.stdlib_module_names`, or for 3.9 what lies in the standard library's folders.
    pub stdlib_modules: Vec<String>,
    /// PEP 508 environment markers by name (`python_version`, `sys_platform`, …).
    pub markers: BTreeMap<String, String>,
    /// `sysconfig` MULTIARCH, such as `x86_64-linux-gnu`; empty when unset.
    pub multiarch: String,
    /// Modules that editable installs of the finder kind put in: top-level name to folder or file.
    #[serde(default)]
    pub editable: BTreeMap<String, PathBuf>,
    /// Nothing on this machine compiles for it, which does not run here either: sources are packed as they are, and the
    /// program compiles them.
    #[serde(skip)]
    pub uncompiled: bool,
    /// Folders that archives of the search path were unpacked to.
    #[serde(skip)]
    pub archives: Vec<PathBuf>,
    /// Files of it that were unpacked for this build, and go when it ends.
    #[serde(skip)]
    pub unpacked: Vec<Arc<TempDir>>,
}

impl InterpreterFacts {
    /// Has the distributions in `staged` in the place of the interpreter's own.
    pub fn replace_sites(&mut self, staged: Staged) {
        let standard = [Some(&self.stdlib), self.dynload.as_ref()];
        let standard = standard.into_iter().flatten().cloned();
        let further = staged.sites.iter().flat_map(|site| named_by_pth(site));
        self.sys_path = standard
            .chain(staged.sites.iter().cloned())
            .chain(further)
            .collect();
        self.site_packages = staged.sites;
        self.editable.clear();
        self.unpacked.extend(staged.own);
    }
}
