//! Files that are in memory alone.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::IntoRawFd as _;
use std::path::PathBuf;

use rustix::fs::{MemfdFlags, memfd_create};

/// A file with these contents that this process, and a program that it becomes, can open by the path returned. It lasts
/// as long as one of them has it open.
///
/// # Errors
/// Where the system gives no such file.
pub fn keep(name: &str, contents: &[u8]) -> io::Result<PathBuf> {
    // Not close-on-exec: the next program is to find it.
    let mut file = File::from(memfd_create(name, MemfdFlags::empty())?);
    file.write_all(contents)?;
    Ok(PathBuf::from(format!(
        "/proc/self/fd/{}",
        file.into_raw_fd()
    )))
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
