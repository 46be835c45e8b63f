//! The library inside every packed program: importer, script host, WSGI host.

mod compile;
mod demand;
mod embed;
mod importer;
mod interpreters;
mod script;
mod start;
mod wsgi;
