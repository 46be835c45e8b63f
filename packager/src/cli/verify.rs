//! `pack verify`.

use super::{Failure, open};
use crate::pe::is_pe;
use crate::report::{Printer, path as show, size};
use crate::sign::{SignatureError, signature};
use clap::{ArgMatches, Command};
use payload::{Method, Payload};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(super) fn command() -> Command {
    Command::new("verify")
        .about("Check every hash of a packed program")
        .long_about(
            "Check every byte of a packed program against the hashes in it, and every file inside. For a one-folder \
             program, the files beside it too; for a Windows executable, that its signature fits and covers it. Exits with 1 when something is damaged, and names it.",
        )
        .arg(open::argument())
        .args(super::verbosity())
}

pub(super) fn run(matches: &ArgMatches, printer: &Printer) -> Result<ExitCode, Failure> {
    let file = open::file(matches)?;
    let bytes = open::read(file)?;
    let payload = open::locate(file, &bytes)?;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let checked = payload
        .verify(threads)
        .and_then(|()| payload.verify_contents(threads));
    checked.map_err(|source| open::damaged(file, source))?;
    let beside = external(file, &payload)?;
    let beside = if beside == 0 {
        String::new()
    } else {
        format!(", {beside} of them beside it")
    };
    printer.status(&format!(
        "{} is intact: {}, {} files{beside}",
        show(file),
        size(bytes.len() as u64),
        payload.len()
    ));
    if is_pe(&bytes) {
        let end = payload.prefix_length() + payload.payload_length();
        let signature = signature::read_packed(&bytes, end).map_err(|source| {
            let file = file.to_owned();
            Failure::new(Beside::Signature { file, source }, None)
        })?;
        printer.status(&match signature {
            None => "it is not signed".to_owned(),
            Some(signature) => format!(
                "it is {signature}, and the signature covers all of it; whether the certificate is trusted, Windows says"
            ),
        });
    }
    Ok(ExitCode::SUCCESS)
}

/// Checks the files of a one-folder program that lie beside the executable; returns their number.
fn external(file: &Path, payload: &Payload<'_>) -> Result<usize, Failure> {
    let Some(folder) = contents(file, payload)? else {
        return Ok(0);
    };
    let mut count = 0;
    for entry in payload.entries() {
        let entry = entry.map_err(|source| open::damaged(file, source))?;
        if entry.method == Method::External {
            let path = folder.join(entry.path);
            let intact = fs_err::File::open(&path).and_then(|mut file| entry.matches(&mut file));
            if !intact.map_err(|error| Failure::new(Beside::Read(error), None))? {
                return Err(Failure::new(Beside::Damaged(path), None));
            }
            count += 1;
        }
    }
    Ok(count)
}

/// The folder beside a one-folder program that holds its files.
pub(super) fn contents(file: &Path, payload: &Payload<'_>) -> Result<Option<PathBuf>, Failure> {
    let program = payload
        .program()
        .map_err(|source| open::damaged(file, source))?;
    // A link to a one-folder program is not where its files are.
    let real = fs_err::canonicalize(file)?;
    Ok(program
        .contents_directory
        .and_then(|name| Some(real.parent()?.join(name))))
}

#[derive(Debug, thiserror::Error)]
enum Beside {
    #[error("a file beside the program cannot be read")]
    Read(#[source] std::io::Error),
    #[error("the file `{}` beside the program is damaged", show(.0))]
    Damaged(PathBuf),
    #[error("the signature of `{}` does not hold", show(file))]
    Signature {
        file: PathBuf,
        source: SignatureError,
    },
}
