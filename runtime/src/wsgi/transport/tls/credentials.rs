//! A certificate and its key, as files.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use payload::Wsgi;
use platform::FileStamp;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The permission bit of everybody to read.
const EVERYBODY_READS: u32 = 0o004;

/// Where certificate and key stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Files {
    certificate: PathBuf,
    /// The same file where both stand in one.
    key: PathBuf,
}

/// Why there can be no TLS.
#[derive(Debug)]
pub(crate) enum TlsError {
    /// A key for no certificate.
    KeyAlone,
    /// A file that cannot be read.
    Unreadable {
        what: What,
        file: PathBuf,
        error: io::Error,
    },
    /// A file without what is looked for.
    Lacks {
        what: What,
        file: PathBuf,
        encrypted: bool,
    },
    /// What is there is not written as it should be.
    Malformed {
        what: What,
        file: PathBuf,
        error: String,
    },
    /// The key is of another certificate.
    Mismatch(Files),
    /// Certificate or key are of a kind that is not supported.
    Refused {
        files: Files,
        error: Box<rustls::Error>,
    },
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Certificate,
    Key,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Key => "private key",
        }
    }

    fn setting(self) -> &'static str {
        match self {
            Self::Certificate => "tls-certificate",
            Self::Key => "tls-key",
        }
    }

    fn header(self) -> &'static str {
        match self {
            Self::Certificate => "-----BEGIN CERTIFICATE-----",
            Self::Key => "-----BEGIN PRIVATE KEY-----",
        }
    }
}

impl std::fmt::Display for TlsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::KeyAlone => f.write_str(
                "`tls-key` is set and `tls-certificate` is not; name the certificate's file, too",
            ),
            Self::Unreadable { what, file, error } => write!(
                f,
                "cannot read the {} `{}`: {error}; `{}` names a file in PEM form",
                what.name(),
                file.display(),
                what.setting()
            ),
            Self::Lacks {
                file,
                encrypted: true,
                ..
            } => write!(
                f,
                "the private key `{}` is encrypted; `openssl pkey -in FILE -out NEW` writes it without a passphrase",
                file.display()
            ),
            Self::Lacks { what, file, .. } => write!(
                f,
                "there is no {} in `{}`: it has no part in PEM form that begins with `{}`",
                what.name(),
                file.display(),
                what.header()
            ),
            Self::Malformed { what, file, error } => write!(
                f,
                "the {} in `{}` is not in PEM form: {error}",
                what.name(),
                file.display()
            ),
            Self::Mismatch(Files { certificate, key }) => write!(
                f,
                "the private key `{}` does not belong to the certificate `{}`; the server's own certificate must be the first in its file",
                key.display(),
                certificate.display()
            ),
            Self::Refused { files, error } => write!(
                f,
                "cannot use the certificate `{}` with the private key `{}`: {error}",
                files.certificate.display(),
                files.key.display()
            ),
        }
    }
}

/// What is in the files.
#[derive(Debug)]
pub(crate) struct Credentials {
    /// The server's certificate, then those that lead to an authority.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
    /// Everybody on this machine can read the key.
    pub exposed: bool,
}

/// What the files looked like; `None` for one that cannot be opened.
pub(crate) type Stamps = [Option<FileStamp>; 2];

impl Files {
    /// What `settings` name, if anything.
    ///
    /// # Errors
    /// `KeyAlone`
    pub(crate) fn new(settings: &Wsgi) -> Result<Option<Self>, TlsError> {
        let key = settings.tls_key.as_deref().map(PathBuf::from);
        match settings.tls_certificate.as_deref().map(PathBuf::from) {
            None if key.is_some() => Err(TlsError::KeyAlone),
            None => Ok(None),
            Some(certificate) => Ok(Some(Self {
                key: key.unwrap_or_else(|| certificate.clone()),
                certificate,
            })),
        }
    }

    /// The certificate's.
    pub(crate) fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// The key's.
    pub(crate) fn key(&self) -> &Path {
        &self.key
    }

    /// What they look like now.
    pub(crate) fn stamps(&self) -> Stamps {
        [&self.certificate, &self.key].map(|file| FileStamp::of(&File::open(file).ok()?).ok())
    }

    /// Reads them.
    ///
    /// # Errors
    /// The first that is not as it should be.
    pub(crate) fn read(&self) -> Result<Credentials, TlsError> {
        let (text, _) = read(What::Certificate, &self.certificate)?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let chain = chain.map_err(|error| TlsError::Malformed {
            what: What::Certificate,
            file: self.certificate.clone(),
            error: error.to_string(),
        })?;
        if chain.is_empty() {
            return Err(lacks(What::Certificate, &self.certificate, &text));
        }
        let (text, exposed) = read(What::Key, &self.key)?;
        let key = PrivateKeyDer::pem_slice_iter(&text).next();
        let key = key.ok_or_else(|| lacks(What::Key, &self.key, &text))?;
        let key = key.map_err(|error| TlsError::Malformed {
            what: What::Key,
            file: self.key.clone(),
            error: error.to_string(),
        })?;
        Ok(Credentials {
            chain,
            key,
            exposed,
        })
    }
}

// No certificate and no key is larger: a wrong name must not take the machine's memory.
const LARGEST: u64 = 1 << 20;

fn read(what: What, path: &Path) -> Result<(Vec<u8>, bool), TlsError> {
    let read = || {
        let file = File::open(path)?;
        let stamp = FileStamp::of(&file)?;
        let mut text = Vec::new();
        file.take(LARGEST).read_to_end(&mut text)?;
        Ok((text, stamp.mode & EVERYBODY_READS != 0))
    };
    read().map_err(|error| TlsError::Unreadable {
        what,
        file: path.to_owned(),
        error,
    })
}

fn lacks(what: What, file: &Path, text: &[u8]) -> TlsError {
    let encrypted = memchr::memmem::find(text, b"-----BEGIN ENCRYPTED PRIVATE KEY").is_some();
    TlsError::Lacks {
        what,
        file: file.to_owned(),
        encrypted: encrypted && what == What::Key,
    }
}
