//! Signing Windows executables, and what a signature says.
//!
//! The signature comes last: it covers the payload. `osslsigncode` makes it on any host; what is read here is plain Rust.

pub mod signature;
mod tool;

pub use signature::{Signature, SignatureError};
pub use tool::{PASSWORD, SignError, check, sign};
