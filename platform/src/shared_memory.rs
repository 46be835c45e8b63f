//! Memory that a process shares with the children it forks.

use std::io;
use std::sync::atomic::AtomicU64;

/// `count` words, all zero, shared with every process forked from now on. They stay until the last of these ends, so
/// what a child has written outlives it.
///
/// # Errors
/// Too little memory.
pub fn words(count: usize) -> io::Result<&'static [AtomicU64]> {
    let count = count.max(1);
    let length = count
        .checked_mul(size_of::<AtomicU64>())
        .ok_or(io::ErrorKind::OutOfMemory)?;
    // SAFETY: a new mapping, at an address that the kernel chooses.
    let address = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `length` bytes of zeroes, aligned to a page, never unmapped; every bit pattern is an `AtomicU64`, through
    // which alone any process touches them.
    Ok(unsafe { std::slice::from_raw_parts(address.cast(), count) })
}
