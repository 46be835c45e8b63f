//! The library inside every packed program: importer, script host, WSGI host.
//!
//! It is compiled twice. Without its feature `server` it has no WSGI host and a quarter of the size: that one goes into
//! programs that serve nothing.

mod compile;
mod demand;
mod embed;
mod importer;
#[cfg(feature = "server")]
mod interpreters;
mod script;
mod start;
#[cfg(feature = "server")]
mod wsgi;
