//! Memory that a process shares with others, which it tells of it.

use std::io;
use std::os::windows::io::{
    AsRawHandle as _, BorrowedHandle, FromRawHandle as _, OwnedHandle, RawHandle,
};
use std::ptr::null;
use std::sync::atomic::AtomicU64;

use windows_sys::Win32::Foundation::{
    DUPLICATE_SAME_ACCESS, DuplicateHandle, HANDLE, INVALID_HANDLE_VALUE,
};
use windows_sys::Win32::System::Memory::{
    CreateFileMappingW, FILE_MAP_ALL_ACCESS, MapViewOfFile, PAGE_READWRITE,
};
use windows_sys::Win32::System::Threading::GetCurrentProcess;

/// A piece of memory, all zero at first.
#[derive(Debug)]
pub struct Section {
    /// None where another process made it.
    handle: Option<OwnedHandle>,
    words: &'static [AtomicU64],
}

impl Section {
    /// One of `count` words.
    ///
    /// # Errors
    /// Too little memory.
    pub fn new(count: usize) -> io::Result<Self> {
        let length = length(count)? as u64;
        // SAFETY: no file and no name; the handle is nobody else's.
        let handle = unsafe {
            let handle = CreateFileMappingW(
                INVALID_HANDLE_VALUE,
                null(),
                PAGE_READWRITE,
                (length >> 32) as u32,
                (length & 0xffff_ffff) as u32,
                null(),
            );
            if handle.is_null() {
                return Err(io::Error::last_os_error());
            }
            OwnedHandle::from_raw_handle(handle)
        };
        Ok(Self {
            words: map(handle.as_raw_handle(), count)?,
            handle: Some(handle),
        })
    }

    /// The one of `count` words that another process shared as `number`.
    ///
    /// # Errors
    /// When it is none, or shorter.
    pub fn of(number: u64, count: usize) -> io::Result<Self> {
        Ok(Self {
            words: map(number as RawHandle, count)?,
            handle: None,
        })
    }

    /// The words, which stay to the end of the process.
    #[must_use]
    pub fn words(&self) -> &'static [AtomicU64] {
        self.words
    }

    /// The number by which `process` has it from now on.
    ///
    /// # Errors
    /// When the process has ended.
    pub fn share_with(&self, process: BorrowedHandle<'_>) -> io::Result<u64> {
        let Some(handle) = &self.handle else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let mut theirs: HANDLE = std::ptr::null_mut();
        // SAFETY: handles that are open; the new one belongs to the other process.
        let done = unsafe {
            DuplicateHandle(
                GetCurrentProcess(),
                handle.as_raw_handle(),
                process.as_raw_handle(),
                &raw mut theirs,
                0,
                0,
                DUPLICATE_SAME_ACCESS,
            )
        };
        match done {
            0 => Err(io::Error::last_os_error()),
            _ => Ok(theirs as u64),
        }
    }
}

fn map(handle: RawHandle, count: usize) -> io::Result<&'static [AtomicU64]> {
    // SAFETY: a section, mapped where there is room. What is none, or shorter, is refused.
    let view = unsafe { MapViewOfFile(handle, FILE_MAP_ALL_ACCESS, 0, 0, length(count)?) };
    if view.Value.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: as many words, aligned to a page, never unmapped; every bit pattern is an `AtomicU64`, through which alone
    // any process touches them.
    Ok(unsafe { std::slice::from_raw_parts(view.Value.cast(), count.max(1)) })
}

fn length(count: usize) -> io::Result<usize> {
    let length = count.max(1).checked_mul(size_of::<AtomicU64>());
    length.ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}
