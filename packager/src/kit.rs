//! Kits: what one target needs besides the application, built ahead of time.
//!
//! A kit is a folder `<triple>/` with `bootloader`, `libpack_runtime.so` and `libpack_runtime_serverless.so`
//! (`bootloader.exe`, `pack_runtime.dll`, `pack_runtime_serverless.dll`) and `python/pack_runtime/*.py`. It is looked for
//! in `PACK_KITS`, inside the running `pack` (entries `kits/<triple>/…` of its own payload), in `kits/` beside it and in
//! `../kits`, which is where `cargo xtask kits` puts them from where `cargo` puts `pack`.

use crate::collection::GlibcVersion;
use crate::elf::ElfFile;
use crate::inputs;
use payload::{FormatError, Payload};
use platform::memory_file;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The variable that names a folder of kits.
pub const VARIABLE: &str = "PACK_KITS";
/// The library loaded into programs that serve.
const RUNTIME: &str = "libpack_runtime.so";

/// The names of a kit's binaries: the program in front of every payload, and the library loaded into it, with and without
/// the server.
fn names(triple: &str) -> [&'static str; 3] {
    if crate::layout::is_windows(triple) {
        [
            "bootloader.exe",
            "pack_runtime.dll",
            "pack_runtime_serverless.dll",
        ]
    } else {
        ["bootloader", RUNTIME, "libpack_runtime_serverless.so"]
    }
}
/// Sources of the runtime's Python part.
const PYTHON: &str = "python/";
/// A payload's footer is found in this much of a file's end.
const FOOTER_REACH: u64 = (1 << 20) + 4096;

/// One target's kit, in memory.
#[derive(Debug, Clone)]
pub struct Kit {
    /// The target.
    pub triple: String,
    /// Where it was found, for the reader.
    pub origin: String,
    /// The folder it lies in; `None` inside `pack` itself.
    pub folder: Option<PathBuf>,
    /// The program in front of the payload.
    pub bootloader: Vec<u8>,
    /// The library loaded into programs that serve.
    pub runtime: Vec<u8>,
    /// The library loaded into all others: the same without the WSGI host, a quarter of the size.
    pub serverless: Vec<u8>,
    /// Python sources by their path below `python/`, such as `pack_runtime/__init__.py`, sorted.
    pub python: Vec<(String, Vec<u8>)>,
    /// The lowest glibc that bootloader and runtime need, and which of them needs it.
    pub glibc: Option<(GlibcVersion, String)>,
}

/// Why there is no kit.
#[derive(Debug, thiserror::Error)]
pub enum KitError {
    /// None of the places has it.
    #[error("no kit for `{triple}` (looked in: {})", searched.join(", "))]
    Missing {
        /// The target.
        triple: String,
        /// Where it was looked for.
        searched: Vec<String>,
    },
    /// A kit is there, and a file of it is not.
    #[error("the kit in {origin} has no `{file}`")]
    Incomplete {
        /// Where the kit is.
        origin: String,
        /// What is missing.
        file: &'static str,
    },
    /// A file of a kit cannot be read.
    #[error("could not read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The kits inside `pack` are damaged.
    #[error("the kits inside `{}` are damaged: copy or download it again", path.display())]
    Damaged {
        /// The running program.
        path: PathBuf,
        /// What is wrong.
        source: FormatError,
    },
}

impl Kit {
    /// The library with the server as a file that this process, and the program that it becomes, can load.
    ///
    /// # Errors
    /// When neither memory nor any folder takes the one inside `pack`.
    pub fn library(&self) -> io::Result<PathBuf> {
        match &self.folder {
            Some(folder) => std::path::absolute(folder.join(RUNTIME)),
            None => handed_on(RUNTIME, &self.runtime),
        }
    }

    /// The runtime's Python part as an entry of `sys.path`: an archive in memory. From a kit's own folder Python would
    /// import it as well, and leave its bytecode there.
    ///
    /// # Errors
    /// When neither memory nor any folder takes it.
    pub fn modules(&self) -> io::Result<PathBuf> {
        handed_on("modules.zip", &archive(&self.python)?)
    }
}

/// A file with these contents for this process and the program that it becomes: in memory, or where the system gives no such
/// file (a sandbox, `vm.memfd_noexec`) one without a name.
fn handed_on(name: &str, contents: &[u8]) -> io::Result<PathBuf> {
    memory_file::keep(name, contents).or_else(|refused| {
        let unnamed = |folder| unnamed(folder, contents).ok();
        folders().into_iter().find_map(unnamed).ok_or(refused)
    })
}

/// Where a file without a name may be made, in the order of preference.
fn folders() -> Vec<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let cache = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    let fixed = ["/dev/shm", "/tmp", "/var/tmp"].map(PathBuf::from);
    let first = [variable("TMPDIR"), variable("XDG_RUNTIME_DIR"), cache];
    first.into_iter().flatten().chain(fixed).collect()
}

fn unnamed(folder: PathBuf, contents: &[u8]) -> io::Result<PathBuf> {
    let mut file = tempfile::tempfile_in(folder)?;
    if !memory_file::may_hold_code(&file)? {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    file.write_all(contents)?;
    memory_file::hand_on(file)
}

fn archive(files: &[(String, Vec<u8>)]) -> io::Result<Vec<u8>> {
    let mut archive = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, source) in files {
        archive.start_file(name.as_str(), stored)?;
        archive.write_all(source)?;
    }
    Ok(archive.finish()?.into_inner())
}

impl KitError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } | Self::Incomplete { .. } => Some(format!(
                "`cargo xtask kits` builds one; {VARIABLE} names a folder of kits"
            )),
            Self::Read { .. } | Self::Damaged { .. } => None,
        }
    }
}

/// Finds the kit for `triple`.
///
/// # Errors
/// When there is none, or it is not whole.
pub fn find(triple: &str) -> Result<Kit, KitError> {
    let own = std::env::current_exe().ok();
    find_in(
        triple,
        std::env::var_os(VARIABLE).map(PathBuf::from).as_deref(),
        own.as_deref(),
    )
}

fn find_in(triple: &str, variable: Option<&Path>, own: Option<&Path>) -> Result<Kit, KitError> {
    let mut searched = Vec::new();
    // A variable that is set is meant: nothing else is taken instead.
    if let Some(folder) = variable {
        let folder = folder.join(triple);
        if inputs::is_folder(&folder) {
            return from_folder(triple, &folder);
        }
        searched.push(format!("{VARIABLE}: {}", folder.display()));
        return Err(KitError::Missing {
            triple: triple.to_owned(),
            searched,
        });
    }
    if let Some(own) = own {
        if let Some(kit) = from_program(triple, own)? {
            return Ok(kit);
        }
        searched.push(format!("{} itself", own.display()));
        let beside = own.parent().map(|folder| folder.join("kits"));
        let above = own
            .parent()
            .and_then(Path::parent)
            .map(|folder| folder.join("kits"));
        for folder in beside
            .into_iter()
            .chain(above)
            .map(|kits| kits.join(triple))
        {
            if inputs::is_folder(&folder) {
                return from_folder(triple, &folder);
            }
            searched.push(folder.display().to_string());
        }
    }
    Err(KitError::Missing {
        triple: triple.to_owned(),
        searched,
    })
}

fn from_folder(triple: &str, folder: &Path) -> Result<Kit, KitError> {
    let mut files = Vec::new();
    let read = |path: PathBuf, source| KitError::Read { path, source };
    for item in inputs::walk(folder, false, |_| true) {
        let item = item.map_err(|error| read(error.path, error.source))?;
        let name = item.path.strip_prefix(folder).ok().and_then(Path::to_str);
        if let Some(name) = name.filter(|_| item.kind.is_file()) {
            let content =
                inputs::read(&item.path).map_err(|source| read(item.path.clone(), source))?;
            files.push((name.to_owned(), content));
        }
    }
    let kit = assemble(triple, format!("`{}`", folder.display()), files)?;
    Ok(Kit {
        folder: Some(folder.to_owned()),
        ..kit
    })
}

/// The kit inside `program`, if it has any payload and that kit in it.
fn from_program(triple: &str, program: &Path) -> Result<Option<Kit>, KitError> {
    let read = |source| KitError::Read {
        path: program.to_owned(),
        source,
    };
    let damaged = |source| KitError::Damaged {
        path: program.to_owned(),
        source,
    };
    let Some(bytes) = read_with_payload(program).map_err(read)? else {
        return Ok(None);
    };
    let payload = Payload::locate(&bytes).map_err(damaged)?;
    payload.verify_index().map_err(damaged)?;
    let prefix = format!("kits/{triple}/");
    let mut files = Vec::new();
    for entry in payload.entries() {
        let entry = entry.map_err(damaged)?;
        if let Some(name) = entry.path.strip_prefix(&prefix) {
            files.push((
                name.to_owned(),
                entry.verified().map_err(damaged)?.into_owned(),
            ));
        }
    }
    if files.is_empty() {
        return Ok(None);
    }
    assemble(triple, format!("`{}`", program.display()), files).map(Some)
}

/// The whole of `program`, unless its end shows that there is no payload: a `pack` from `target/debug` is a hundred
/// megabytes without one.
fn read_with_payload(program: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut file = inputs::open(program)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(FOOTER_REACH)))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    if Payload::locate(&end).err() == Some(FormatError::Absent) {
        return Ok(None);
    }
    inputs::read(program).map(Some)
}

fn assemble(triple: &str, origin: String, files: Vec<(String, Vec<u8>)>) -> Result<Kit, KitError> {
    let (mut binaries, mut python) = ([None, None, None], Vec::new());
    let names = names(triple);
    for (name, content) in files {
        if let Some(which) = names.iter().position(|known| *known == name) {
            binaries[which] = Some(content);
        } else if let Some(name) = name
            .strip_prefix(PYTHON)
            .filter(|name| name.ends_with(".py"))
        {
            python.push((name.to_owned(), content));
        }
    }
    python.sort();
    let missing = |file| KitError::Incomplete {
        origin: origin.clone(),
        file,
    };
    let [bootloader, runtime, serverless] = binaries;
    let bootloader = bootloader.ok_or_else(|| missing(names[0]))?;
    let runtime = runtime.ok_or_else(|| missing(names[1]))?;
    let serverless = serverless.ok_or_else(|| missing(names[2]))?;
    if python.is_empty() {
        return Err(missing("python/pack_runtime"));
    }
    let needs = [
        (&bootloader, "the bootloader"),
        (&runtime, "the runtime"),
        (&serverless, "the runtime"),
    ];
    let glibc = needs
        .iter()
        .filter_map(|(bytes, name)| Some((glibc_of(bytes)?, (*name).to_owned())))
        .max();
    Ok(Kit {
        triple: triple.to_owned(),
        origin,
        folder: None,
        bootloader,
        runtime,
        serverless,
        python,
        glibc,
    })
}

/// Read from a file, as all of [`ElfFile`] is.
fn glibc_of(bytes: &[u8]) -> Option<GlibcVersion> {
    let mut file = tempfile::NamedTempFile::new().ok()?;
    file.write_all(bytes).ok()?;
    ElfFile::of(file.as_file()).ok()??.glibc
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use payload::{NewEntry, Placement, Program, Writer};

    #[test]
    fn a_file_without_a_name_is_read_by_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = unnamed(folder.path().to_owned(), b"contents").unwrap();
        assert_eq!(std::fs::read(path).unwrap(), b"contents");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    const TRIPLE: &str = "x86_64-unknown-linux-gnu";
    const FILES: [(&str, &str); 5] = [
        ("bootloader", "boot"),
        ("libpack_runtime.so", "runtime"),
        ("libpack_runtime_serverless.so", "serverless"),
        ("python/pack_runtime/__init__.py", "x = 1"),
        ("python/pack_runtime/host.py", "y = 2"),
    ];

    fn folder_of_kits() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        crate::testing::tree(&folder.path().join(TRIPLE), &FILES);
        folder
    }

    fn check(kit: &Kit) {
        assert_eq!(
            [&kit.bootloader[..], &kit.runtime, &kit.serverless],
            [&b"boot"[..], b"runtime", b"serverless"]
        );
        let names: Vec<&str> = kit.python.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["pack_runtime/__init__.py", "pack_runtime/host.py"]);
    }

    #[test]
    fn a_variable_names_the_folder_and_nothing_else_is_taken() {
        let kits = folder_of_kits();
        let kit = find_in(TRIPLE, Some(kits.path()), None).unwrap();
        check(&kit);
        let library = kits.path().join(TRIPLE).join("libpack_runtime.so");
        assert_eq!(kit.library().unwrap(), library);
        let program = kits.path().join("bin/pack");
        let error = find_in(TRIPLE, Some(Path::new("/nowhere")), Some(&program)).unwrap_err();
        assert!(error.to_string().contains("/nowhere"), "{error}");
        assert!(error.hint().unwrap().contains("cargo xtask kits"));
    }

    #[test]
    fn kits_lie_beside_the_program_or_above_it() {
        let root = tempfile::tempdir().unwrap();
        let program = root.path().join("debug/pack");
        std::fs::create_dir_all(program.parent().unwrap()).unwrap();
        std::fs::write(&program, "no payload").unwrap();
        assert!(
            matches!(find_in(TRIPLE, None, Some(&program)), Err(KitError::Missing { searched, .. }) if searched.len() == 3)
        );
        crate::testing::tree(&root.path().join("kits").join(TRIPLE), &FILES);
        check(&find_in(TRIPLE, None, Some(&program)).unwrap());
        std::fs::remove_file(root.path().join("kits").join(TRIPLE).join("bootloader")).unwrap();
        assert!(matches!(
            find_in(TRIPLE, None, Some(&program)),
            Err(KitError::Incomplete {
                file: "bootloader",
                ..
            })
        ));
    }

    #[test]
    fn kits_lie_inside_the_program() {
        let root = tempfile::tempdir().unwrap();
        let program = root.path().join("pack");
        let mut writer = Writer::new(Vec::new(), b"pack itself").unwrap();
        for (name, content) in FILES {
            let name = format!("kits/{TRIPLE}/{name}");
            let entry = NewEntry::stored(&name, Placement::Memory, content.as_bytes());
            writer.add(&entry, content.as_bytes()).unwrap();
        }
        let (mut bytes, _) = writer.finish(&Program::default()).unwrap();
        std::fs::write(&program, &bytes).unwrap();
        let kit = find_in(TRIPLE, None, Some(&program)).unwrap();
        check(&kit);
        assert_eq!(std::fs::read(kit.library().unwrap()).unwrap(), b"runtime");
        assert!(matches!(
            find_in("riscv", None, Some(&program)),
            Err(KitError::Missing { .. })
        ));
        let at = bytes
            .windows(5)
            .position(|window| window == b"y = 2")
            .unwrap();
        bytes[at] ^= 1;
        std::fs::write(&program, &bytes).unwrap();
        assert!(matches!(
            find_in(TRIPLE, None, Some(&program)),
            Err(KitError::Damaged { .. })
        ));
    }
}
