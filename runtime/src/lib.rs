//! The library inside every packed program: importer, script host, WSGI host.

mod demand;
mod embed;
mod importer;
#[cfg(unix)]
mod interpreters;
mod script;
mod start;
#[cfg(unix)]
mod wsgi;
