//! TLS: which certificate is shown, and what a connection remembers of it.
//!
//! rustls does the protocol and `ring` the arithmetic. Certificate and key are read before there are workers, so that
//! mistakes end the start; a worker that comes later has them from its supervisor. `Tls::watch` looks whether the files
//! have changed: handshakes that begin afterwards use what is new, connections go on with what they have.

mod credentials;
mod session;

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use payload::Wsgi;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::NoServerSessionStorage;

use credentials::{Credentials, Files, Stamps};

pub(crate) use credentials::TlsError;
pub(crate) use session::Session;

use crate::wsgi::background::Stop;
use crate::wsgi::log;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// HTTP/2 among the protocols.
pub(crate) const HTTP2: &[u8] = b"h2";
/// Protocols that clients may choose (ALPN), the first one only where it is spoken.
const PROTOCOLS: [&[u8]; 3] = [HTTP2, b"http/1.1", b"http/1.0"];

/// What handshakes are done with.
#[derive(Debug)]
pub(crate) struct Tls {
    files: Files,
    protocols: &'static [&'static [u8]],
    config: RwLock<Arc<ServerConfig>>,
    looks: Mutex<Looks>,
}

/// What was seen of the files.
#[derive(Debug)]
struct Looks {
    /// When they were last read, whatever came of it.
    read: Stamps,
    /// At the last look: they may be written one after the other.
    last: Stamps,
}

impl Tls {
    /// What `settings` ask for, if they do.
    ///
    /// # Errors
    /// When certificate or key cannot be used.
    pub(crate) fn new(settings: &Wsgi) -> Result<Option<Self>, TlsError> {
        let Some(files) = Files::new(settings)? else {
            return Ok(None);
        };
        // Before reading: what is written meanwhile is seen at the first look.
        let stamps = files.stamps();
        let credentials = files.read()?;
        if credentials.exposed {
            log::line(&format!(
                "warning: everybody on this machine can read the private key `{}`; `chmod o-r` takes that away",
                files.key().display()
            ));
        }
        let protocols = &PROTOCOLS[usize::from(!settings.http2)..];
        let config = config(&files, credentials, protocols)?;
        Ok(Some(Self {
            files,
            protocols,
            config: RwLock::new(config),
            looks: Mutex::new(Looks {
                read: stamps,
                last: stamps,
            }),
        }))
    }

    /// For a client that was just accepted; `None` when the system gives no randomness.
    pub(crate) fn session(&self) -> Option<Session> {
        let config = self.config.read().unwrap_or_else(PoisonError::into_inner);
        Session::new(Arc::clone(&config)).ok()
    }

    /// Looks whether the files have changed, until it is time to end.
    pub(crate) fn watch(&self, stop: &Stop) {
        while !stop.wait(LOOK) {
            let stamps = self.files.stamps();
            let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
            let settled = stamps == looks.last;
            looks.last = stamps;
            let changed = looks.last != looks.read;
            drop(looks);
            if settled && changed {
                self.reload();
            }
        }
    }

    /// Reads the files again; what cannot be used is told, and changes nothing.
    pub(crate) fn reload(&self) {
        let stamps = self.files.stamps();
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.read = stamps;
        let read = self.files.read();
        match read.and_then(|credentials| config(&self.files, credentials, self.protocols)) {
            Ok(config) => {
                *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
                let file = self.files.certificate().display();
                log::line(&format!("tls: the certificate `{file}` was read again"));
            }
            Err(error) => log::line(&format!(
                "error: tls: the certificate stays what it was: {error}"
            )),
        }
    }
}

fn config(
    files: &Files,
    credentials: Credentials,
    protocols: &[&[u8]],
) -> Result<Arc<ServerConfig>, TlsError> {
    let Credentials { chain, key, .. } = credentials;
    let refused = |error| match error {
        rustls::Error::InconsistentKeys(_) => TlsError::Mismatch(files.clone()),
        error => TlsError::Refused {
            files: files.clone(),
            error: Box::new(error),
        },
    };
    let provider = Arc::new(ring::default_provider());
    // TLS 1.2 and 1.3.
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(refused)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(refused)?;
    // Clients keep their sessions themselves, so that these take no memory here, and any worker knows them.
    config.ticketer = ring::Ticketer::new().map_err(refused)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(config))
}
