//! Opening a packed program, for the commands that look into one.

use super::Failure;
use crate::report::path as show;
use clap::{Arg, ArgMatches};
use payload::{FormatError, Payload};
use platform::MappedFile;
use std::path::{Path, PathBuf};

/// Why a file cannot be looked into.
#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error("no file is named")]
    NotNamed,
    #[error("`{}` is a folder", show(file))]
    Folder { file: PathBuf },
    #[error("cannot read the program")]
    Read(#[source] std::io::Error),
    #[error("`{}` is not a packed program", show(file))]
    NotPacked { file: PathBuf, source: FormatError },
    #[error("`{}` is damaged", show(file))]
    Damaged { file: PathBuf, source: FormatError },
}

/// `FILE`.
pub(super) fn argument() -> Arg {
    Arg::new("file")
        .value_name("FILE")
        .required(true)
        .value_parser(clap::value_parser!(PathBuf))
        .help("A program that pack has made")
}

/// `FILE`'s value. (It is required: clap has seen to it.)
pub(super) fn file(matches: &ArgMatches) -> Result<&PathBuf, Failure> {
    let file = matches.get_one::<PathBuf>("file");
    file.ok_or_else(|| Failure::new(OpenError::NotNamed, None))
}

/// The file's bytes, mapped: it may be larger than memory.
pub(super) fn read(file: &Path) -> Result<MappedFile, Failure> {
    if file.is_dir() {
        // Of `.` and `..` the name is not in the path.
        let whole = file.canonicalize().unwrap_or_default();
        let name = whole.file_name().unwrap_or(file.as_os_str());
        let hint = format!(
            "of a one-folder program name the executable in it: `{}`",
            show(&file.join(name))
        );
        return Err(Failure::new(
            OpenError::Folder {
                file: file.to_owned(),
            },
            Some(hint),
        ));
    }
    let failed = |error| Failure::new(OpenError::Read(error), None);
    let opened = fs_err::File::open(file).map_err(failed)?;
    MappedFile::of(opened.file()).map_err(failed)
}

/// The payload in `bytes`. Its index has been checked: names, sizes and hashes can be trusted.
pub(super) fn payload<'a>(file: &Path, bytes: &'a [u8]) -> Result<Payload<'a>, Failure> {
    let payload = locate(file, bytes)?;
    let checked = payload
        .verify_index()
        .and_then(|()| payload.verify_structure());
    checked.map_err(|source| damaged(file, source))?;
    Ok(payload)
}

/// The payload in `bytes`, where nothing but its place is known.
pub(super) fn locate<'a>(file: &Path, bytes: &'a [u8]) -> Result<Payload<'a>, Failure> {
    Payload::locate(bytes).map_err(|source| match source {
        FormatError::Absent => {
            let error = OpenError::NotPacked {
                file: file.to_owned(),
                source,
            };
            Failure::new(error, Some("name a file that `pack build` has made".into()))
        }
        source => damaged(file, source),
    })
}

/// The failure of a file that was packed, and has changed since.
pub(super) fn damaged(file: &Path, source: FormatError) -> Failure {
    let hint = "build it again, or copy it again from where it is intact".to_owned();
    Failure::new(
        OpenError::Damaged {
            file: file.to_owned(),
            source,
        },
        Some(hint),
    )
}
