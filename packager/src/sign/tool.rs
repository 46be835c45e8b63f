//! Has an executable signed by `osslsigncode`.

use super::signature::{self, SignatureError};
use crate::inputs;
use crate::plan::Signing;
use crate::report::path as show;
use payload::{FormatError, Payload};
use platform::MappedFile;
use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The variable that holds the key's password: on a command line everybody on the machine could read it.
pub const PASSWORD: &str = "PACK_SIGN_PASSWORD";
const TOOL: &str = "osslsigncode";

/// Why there is no signature.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The tool is not there.
    #[error("cannot sign: `{TOOL}` was not found on PATH")]
    NoTool,
    /// A file that signing needs cannot be read.
    #[error("cannot sign: `{}` cannot be read", show(path))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The tool does not start, or its files cannot be made.
    #[error("cannot sign `{}`", show(file))]
    Run {
        /// The executable.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The tool says no.
    #[error("`{TOOL}` does not sign `{}`: {said}", show(file))]
    Refused {
        /// The executable.
        file: PathBuf,
        /// What it says.
        said: String,
    },
    /// The tool says yes, and the signature is none.
    #[error("`{TOOL}` has signed `{}`, but not well", show(file))]
    Signature {
        /// The executable.
        file: PathBuf,
        /// What is wrong with it.
        source: SignatureError,
    },
    /// The tool has done harm.
    #[error("`{TOOL}` has damaged `{}`", show(file))]
    Damaged {
        /// The executable.
        file: PathBuf,
        /// What is wrong with it.
        source: FormatError,
    },
}

impl SignError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoTool => Some(format!(
                "install it (Debian and Ubuntu: `apt-get install {TOOL}`), or leave `--sign` out"
            )),
            Self::Refused { said, .. } if said.contains("password") || said.contains("PKCS#12") => {
                Some(format!(
                    "{PASSWORD} holds the key's password, or `--sign-password-file` names a file with it"
                ))
            }
            Self::Refused { said, .. } if said.to_lowercase().contains("timestamp") => {
                Some("name another service with `--sign-timestamp URL`, or try again later".into())
            }
            _ => None,
        }
    }
}

/// Whether signing can be begun; before the work of a build.
///
/// # Errors
/// When the tool or a file is not there.
pub fn check(signing: &Signing) -> Result<(), SignError> {
    let files = [
        Some(&signing.certificate),
        signing.key.as_ref(),
        signing.password_file.as_ref(),
    ];
    for path in files.into_iter().flatten() {
        inputs::open(path).map_err(|source| SignError::Read {
            path: path.clone(),
            source,
        })?;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path);
    let name = format!("{TOOL}{}", std::env::consts::EXE_SUFFIX);
    match folders.any(|folder| folder.join(&name).exists()) {
        true => Ok(()),
        false => Err(SignError::NoTool),
    }
}

/// Signs the packed program at `file`, which messages call `name`, and checks that it is still whole and that the
/// signature covers it. `title` is what Windows calls it when it asks whether to start it.
///
/// # Errors
/// When it cannot be signed; `file` is as it was then.
pub fn sign(file: &Path, name: &Path, title: &str, signing: &Signing) -> Result<(), SignError> {
    let failed = |source| SignError::Run {
        file: name.to_owned(),
        source,
    };
    let folder = file.parent().unwrap_or(Path::new("."));
    let work = tempfile::Builder::new()
        .prefix(".sign.")
        .tempdir_in(folder)
        .map_err(failed)?;
    let signed = work.path().join("signed");
    let password = password(work.path(), signing).map_err(failed)?;
    let output = command(file, &signed, title, signing, password.as_deref())
        .output()
        .map_err(failed)?;
    if !output.status.success() {
        let file = name.to_owned();
        let said = said(&output.stdout, &output.stderr);
        return Err(SignError::Refused { file, said });
    }
    check_signed(&signed, name)?;
    std::fs::rename(&signed, file).map_err(failed)
}

fn command(
    file: &Path,
    signed: &Path,
    title: &str,
    signing: &Signing,
    password: Option<&Path>,
) -> Command {
    let mut command = Command::new(TOOL);
    command.arg("sign");
    let mut option = |name: &str, value: &OsStr| {
        command.arg(name).arg(value);
    };
    match &signing.key {
        None => option("-pkcs12", signing.certificate.as_os_str()),
        Some(key) => {
            option("-certs", signing.certificate.as_os_str());
            option("-key", key.as_os_str());
        }
    }
    match password {
        Some(password) => option("-readpass", password.as_os_str()),
        // An empty one, so that it does not ask.
        None => option("-pass", OsStr::new("")),
    }
    option("-h", OsStr::new("sha256"));
    option("-n", OsStr::new(title));
    if let Some(url) = &signing.timestamp {
        option("-ts", OsStr::new(url));
    }
    if let Some(time) = signing.time {
        option("-time", OsStr::new(&time.to_string()));
    }
    option("-in", file.as_os_str());
    option("-out", signed.as_os_str());
    command.env_remove(PASSWORD).stdin(Stdio::null());
    command
}

/// The file with the password: the one that is named, or one that holds the variable's, for its owner alone.
fn password(folder: &Path, signing: &Signing) -> io::Result<Option<PathBuf>> {
    if let Some(file) = &signing.password_file {
        return Ok(Some(file.clone()));
    }
    let Some(password) = std::env::var_os(PASSWORD).filter(|password| !password.is_empty()) else {
        return Ok(None);
    };
    let path = folder.join("password");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(&path)?
        .write_all(password.as_encoded_bytes())?;
    Ok(Some(path))
}

/// What a tool says, without what it says of itself.
fn said(stdout: &[u8], stderr: &[u8]) -> String {
    let text = [stdout, b"\n", stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let lines = text.lines().map(str::trim);
    let lines: Vec<&str> = lines
        .filter(|line| !line.is_empty() && *line != "Failed")
        .collect();
    match lines.is_empty() {
        true => "it does not say why".into(),
        false => lines[lines.len().saturating_sub(6)..].join("; "),
    }
}

fn check_signed(signed: &Path, name: &Path) -> Result<(), SignError> {
    let file = || name.to_owned();
    let opened = std::fs::File::open(signed).and_then(|file| MappedFile::of(&file));
    let bytes = opened.map_err(|source| SignError::Run {
        file: file(),
        source,
    })?;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let damaged = |source| SignError::Damaged {
        file: file(),
        source,
    };
    let payload = Payload::locate(&bytes).map_err(damaged)?;
    payload.verify(threads).map_err(damaged)?;
    let end = payload.prefix_length() + payload.payload_length();
    let found = signature::read_packed(&bytes, end)
        .and_then(|found| found.ok_or_else(|| SignatureError::Damaged("there is none".into())));
    found.map(drop).map_err(|source| SignError::Signature {
        file: file(),
        source,
    })
}
