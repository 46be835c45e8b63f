//! Files that a program is handed by their descriptor: in memory alone, or without a name.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, IntoRawFd as _};
use std::path::PathBuf;

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::FdFlags;

/// A file with these contents that this process, and a program that it becomes, can open by the path returned. It lasts
/// as long as one of them has it open.
///
/// # Errors
/// Where the system gives no such file.
pub fn keep(name: &str, contents: &[u8]) -> io::Result<PathBuf> {
    let mut file = File::from(memfd_create(name, MemfdFlags::CLOEXEC)?);
    file.write_all(contents)?;
    hand_on(file)
}

/// The path by which this process, and a program that it becomes, can open `file`.
///
/// # Errors
/// The system's.
pub fn hand_on(file: File) -> io::Result<PathBuf> {
    // Not close-on-exec: the next program is to find it.
    rustix::io::fcntl_setfd(&file, FdFlags::empty())?;
    Ok(PathBuf::from(format!(
        "/proc/self/fd/{}",
        file.into_raw_fd()
    )))
}

/// Whether libraries can be loaded from where `file` is: the file system is not mounted `noexec`.
///
/// # Errors
/// The system's.
pub fn may_hold_code(file: &impl AsFd) -> io::Result<bool> {
    let flags = rustix::fs::fstatvfs(file)?.f_flag;
    Ok(!flags.contains(rustix::fs::StatVfsMountFlags::NOEXEC))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_reads_it() {
        let path = keep("note", b"what was written").unwrap_or_default();
        let output = std::process::Command::new("cat").arg(&path).output();
        let read = output.map(|output| output.stdout).unwrap_or_default();
        assert_eq!(read, b"what was written");
    }
}
