//! Safe wrappers over the calls into an operating system, shared by bootloader and runtime.
//!
//! Everything `unsafe` here is small, says why it holds, and hides behind a safe function or an owning type.
// The one crate beside the CPython boundary that may call into an operating system.
#![allow(unsafe_code)]

#[cfg_attr(windows, path = "windows/beneath.rs")]
pub mod beneath;
#[cfg_attr(windows, path = "windows/children.rs")]
pub mod children;
pub mod clock;
#[cfg_attr(windows, path = "windows/descriptor.rs")]
pub mod descriptor;
#[cfg_attr(windows, path = "windows/directory.rs")]
pub mod directory;
mod entry;
pub mod first_stage;
pub mod handoff;
#[cfg(windows)]
#[path = "windows/icon.rs"]
pub mod icon;
mod interest;
#[cfg_attr(windows, path = "windows/library.rs")]
pub mod library;
#[cfg_attr(windows, path = "windows/listener.rs")]
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
#[cfg_attr(windows, path = "windows/poll.rs")]
pub mod poll;
#[cfg_attr(windows, path = "windows/process.rs")]
pub mod process;
pub mod resident;
#[cfg(windows)]
#[path = "windows/security.rs"]
mod security;
#[cfg_attr(windows, path = "windows/service.rs")]
pub mod service;
#[cfg_attr(windows, path = "windows/shared_memory.rs")]
pub mod shared_memory;
#[cfg_attr(windows, path = "windows/signals.rs")]
pub mod signals;
#[cfg_attr(windows, path = "windows/socket.rs")]
pub mod socket;
mod stamp;
#[cfg(windows)]
#[path = "windows/start.rs"]
mod start;
#[cfg_attr(windows, path = "windows/streams.rs")]
pub mod streams;
#[cfg(windows)]
#[path = "windows/text.rs"]
mod text;
mod words;

pub use directory::Directory;
pub use library::Library;
pub use listener::Listener;
pub use map::{MappedBytes, MappedFile};
pub use stamp::FileStamp;
pub use words::Words;
