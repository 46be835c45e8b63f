//! Safe wrappers over the calls into an operating system, shared by bootloader and runtime.
//!
//! Everything `unsafe` here is small, says why it holds, and hides behind a safe function or an owning type.
// The one crate beside the CPython boundary that may call into an operating system.
#![allow(unsafe_code)]

pub mod beneath;
pub mod children;
pub mod clock;
pub mod directory;
mod entry;
pub mod first_stage;
pub mod handoff;
pub mod library;
pub mod listener;
pub mod locale;
pub mod map;
pub mod memory_file;
pub mod path;
pub mod poll;
pub mod process;
pub mod service;
pub mod shared_memory;
pub mod signals;
pub mod socket;
pub mod streams;
mod words;

pub use directory::{Directory, FileStamp};
pub use library::Library;
pub use listener::Listener;
pub use map::MappedFile;
pub use words::Words;
