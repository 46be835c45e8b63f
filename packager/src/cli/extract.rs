//! `pack extract`.

use super::{Failure, open, verify};
use crate::report::{Printer, path as show, size};
use clap::{Arg, ArgAction, ArgMatches, Command};
use fs_err as fs;
use payload::{Check, CopyError, Entry, Method, Payload};
use std::io::{BufWriter, Seek};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(super) fn command() -> Command {
    Command::new("extract")
        .about("Take a packed program's files out")
        .arg(open::argument())
        .arg(
            Arg::new("folder")
                .value_name("DIR")
                .value_parser(clap::value_parser!(PathBuf))
                .help("A folder that does not exist yet [default: FILE's name and `-extracted`]"),
        )
        .arg(
            Arg::new("all")
                .long("all")
                .action(ArgAction::SetTrue)
                .help("Bytecode and pack's own entries too, below `.pack`"),
        )
        .args(super::verbosity())
}

/// Why files could not be taken out.
#[derive(Debug, thiserror::Error)]
enum ExtractError {
    #[error("`{}` exists already", show(folder))]
    Exists { folder: PathBuf },
    #[error("cannot write `{}`", show(folder))]
    Write {
        folder: PathBuf,
        source: std::io::Error,
    },
    #[error("a file beside the program cannot be read")]
    Beside(#[source] std::io::Error),
    #[error("the file `{}` beside the program is damaged", show(file))]
    Changed { file: PathBuf },
}

pub(super) fn run(matches: &ArgMatches, printer: &Printer) -> Result<ExitCode, Failure> {
    let file = open::file(matches)?;
    let folder = match matches.get_one::<PathBuf>("folder") {
        Some(folder) => folder.clone(),
        None => default_folder(file),
    };
    if folder.symlink_metadata().is_ok() {
        let hint = Some("name a folder that does not exist, or remove this one".to_owned());
        return Err(Failure::new(ExtractError::Exists { folder }, hint));
    }
    let bytes = open::read(file)?;
    let payload = open::payload(file, &bytes)?;
    let beside = verify::contents(file, &payload)?;
    let source = Source {
        file,
        payload,
        beside,
        all: matches.get_flag("all"),
    };
    let (count, total) = source.extract(&folder)?;
    printer.status(&format!(
        "{count} files, {}, are in {}",
        size(total),
        show(&folder)
    ));
    Ok(ExitCode::SUCCESS)
}

fn default_folder(file: &Path) -> PathBuf {
    let mut name = file.file_stem().unwrap_or(file.as_os_str()).to_owned();
    name.push("-extracted");
    PathBuf::from(name)
}

/// What is extracted.
struct Source<'a> {
    file: &'a Path,
    payload: Payload<'a>,
    beside: Option<PathBuf>,
    all: bool,
}

impl Source<'_> {
    /// Fills a private folder beside `folder`, so that nobody can lay a link into the way, and gives it its name at the
    /// end: a failure leaves nothing. Returns the number of files and their bytes.
    fn extract(&self, folder: &Path) -> Result<(usize, u64), Failure> {
        let failed = |source| {
            Failure::new(
                ExtractError::Write {
                    folder: folder.to_owned(),
                    source,
                },
                None,
            )
        };
        let parent = folder
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(failed)?;
        let work = tempfile::Builder::new()
            .prefix(".pack-extract-")
            .tempdir_in(parent)
            .map_err(failed)?;
        let (mut count, mut total) = (0, 0);
        for entry in self.payload.entries() {
            let entry = entry.map_err(|source| open::damaged(self.file, source))?;
            if self.all || !entry.path.starts_with(".pack/") {
                total += self.write(&entry, &work.path().join(entry.path), folder)?;
                count += 1;
            }
        }
        open_to_others(work.path()).map_err(failed)?;
        fs::rename(work.path(), folder).map_err(failed)?;
        // Its folder has gone to its place: there is nothing left to remove.
        let _ = work.keep();
        Ok((count, total))
    }

    fn write(&self, entry: &Entry<'_>, path: &Path, folder: &Path) -> Result<u64, Failure> {
        let failed = |source| {
            Failure::new(
                ExtractError::Write {
                    folder: folder.to_owned(),
                    source,
                },
                None,
            )
        };
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        let mut options = fs::OpenOptions::new();
        let file = options
            .write(true)
            .create_new(true)
            .open(path)
            .map_err(failed)?;
        let mut out = BufWriter::new(file);
        let written = match (entry.method, &self.beside) {
            (Method::External, Some(beside)) => {
                let beside = beside.join(entry.path);
                let unreadable = |error| Failure::new(ExtractError::Beside(error), None);
                let mut content = fs::File::open(&beside).map_err(unreadable)?;
                if !entry.matches(&mut content).map_err(unreadable)? {
                    return Err(Failure::new(ExtractError::Changed { file: beside }, None));
                }
                content.rewind().map_err(unreadable)?;
                std::io::copy(&mut content, &mut out).map_err(failed)?
            }
            _ => entry
                .copy_to(&mut out, Check::Hash)
                .map_err(|error| match error {
                    CopyError::Format(source) => open::damaged(self.file, source),
                    CopyError::Write(source) => failed(source),
                })?,
        };
        out.into_inner()
            .map_err(|error| failed(error.into_error()))?;
        set_mode(path, entry.mode).map_err(failed)?;
        Ok(written)
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, std::fs::Permissions::from_mode(mode & 0o777))
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) -> std::io::Result<()> {
    Ok(())
}

/// A temporary folder is private; one that the user asked for is as any other.
#[cfg(unix)]
fn open_to_others(folder: &Path) -> std::io::Result<()> {
    set_mode(folder, 0o755)
}

#[cfg(not(unix))]
fn open_to_others(_: &Path) -> std::io::Result<()> {
    Ok(())
}
