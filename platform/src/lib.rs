//! Safe wrappers over the calls into an operating system, shared by bootloader and runtime.
//!
//! Everything `unsafe` here is small, says why it holds, and hides behind a safe function or an owning type.
// The one crate beside the CPython boundary that may call into an operating system.
#![allow(unsafe_code)]

// What only Unix has a use for: the server's sockets, signals and processes.
#[cfg(unix)]
pub mod beneath;
#[cfg(unix)]
pub mod children;
#[cfg(unix)]
pub mod clock;
#[cfg(unix)]
pub mod descriptor;
#[cfg_attr(windows, path = "windows/directory.rs")]
pub mod directory;
mod entry;
pub mod first_stage;
pub mod handoff;
#[cfg_attr(windows, path = "windows/library.rs")]
pub mod library;
#[cfg(unix)]
pub mod listener;
mod loading;
#[cfg_attr(windows, path = "windows/locale.rs")]
pub mod locale;
pub mod map;
#[cfg(unix)]
pub mod memory_file;
#[cfg(target_os = "linux")]
pub mod opened;
pub mod path;
#[cfg(unix)]
pub mod poll;
#[cfg_attr(windows, path = "windows/process.rs")]
pub mod process;
#[cfg(windows)]
#[path = "windows/security.rs"]
mod security;
#[cfg(unix)]
pub mod service;
#[cfg(unix)]
pub mod shared_memory;
#[cfg(unix)]
pub mod signals;
#[cfg(unix)]
pub mod socket;
mod stamp;
#[cfg_attr(windows, path = "windows/streams.rs")]
pub mod streams;
#[cfg(windows)]
#[path = "windows/text.rs"]
mod text;
mod words;

pub use directory::Directory;
pub use library::Library;
#[cfg(unix)]
pub use listener::Listener;
pub use map::MappedFile;
pub use stamp::FileStamp;
pub use words::Words;
