//! The on-disk format of a packed program, both sides of it: [`Writer`] makes what [`Payload`] reads. FORMAT.md in this
//! crate's folder says what the bytes mean.
//!
//! This crate opens no files and knows no Python: it works on slices and on [`std::io::Write`]. Nothing it reads is
//! trusted; every length and offset is checked before use, and bad input is a [`FormatError`], never a panic.
//!
//! ```
//! use payload::{Method, NewEntry, Payload, Placement, Program, Writer};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut writer = Writer::new(Vec::new(), b"bootloader")?;
//! writer.add(&NewEntry::stored("app.py", Placement::File, b"print(1)"), b"print(1)")?;
//! let (file, _summary) = writer.finish(&Program::default())?;
//!
//! let payload = Payload::locate(&file)?;
//! payload.verify(1)?;
//! let entry = payload.find("app.py")?.ok_or("no entry")?;
//! assert_eq!(entry.method, Method::Stored);
//! assert_eq!(&*entry.verified()?, b"print(1)");
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod codec;
mod digest;
mod entry;
mod error;
mod footer;
#[doc(hidden)]
pub mod fuzzing;
mod index;
mod module;
mod path;
mod prefix;
mod program;
mod read;
mod verify;
mod write;
pub mod wsgi;
mod zip;

pub use digest::{ContentDigest, Digester};
pub use entry::{Check, Entry, Method, Placement};
pub use error::{CopyError, FormatError, WriteError};
pub use module::Module;
pub use path::{ArchivePath, PathError};
pub use prefix::{check_prefix, signature_fields};
pub use program::*;
pub use read::Payload;
pub use write::{NewEntry, NewModule, Summary, Writer};
pub use wsgi::{Gil, SwitchInterval, Wsgi};

/// Entries below this folder are the format's own; files of a program cannot be there.
pub const RESERVED: &str = ".pack/";
/// The index's name among the entries of the ZIP archive.
pub const INDEX_NAME: &str = ".pack/index";
/// The entry `pack inspect` reads.
pub const REPORT_NAME: &str = ".pack/report.json";
