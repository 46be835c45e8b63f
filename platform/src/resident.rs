//! Pages of code that are in this process's memory and not needed any more.

#[cfg(target_os = "linux")]
use std::ffi::{c_int, c_void};
#[cfg(target_os = "linux")]
use std::fs::File;
#[cfg(target_os = "linux")]
use std::ops::Range;
#[cfg(target_os = "linux")]
use std::os::unix::fs::FileExt as _;

/// Gives back the memory of all code and constants that were read so far of the program and its libraries; what is used
/// again comes from the files again, which the kernel has in its memory. To be called when a program has started, which
/// takes much code that it never needs again. Does nothing where the system cannot.
pub fn release_code() {
    #[cfg(target_os = "linux")]
    {
        // Where there is no /proc, everything stays.
        let Ok(pages) = File::open("/proc/self/pagemap") else {
            return;
        };
        for segment in segments() {
            release(&pages, segment);
        }
    }
}

/// Bytes in a page; `None` where the system does not tell. The C library is asked, for `rustix` reads an ELF file in memory
/// that the kernel names to it, and that is not there in a debugger such as Valgrind.
#[cfg(unix)]
pub(crate) fn page_size() -> Option<usize> {
    // SAFETY: it only answers.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).ok().filter(|size| *size > 0)
}

/// The addresses of everything that was loaded and cannot be written to.
#[cfg(target_os = "linux")]
fn segments() -> Vec<Range<usize>> {
    unsafe extern "C" fn each(
        object: *mut libc::dl_phdr_info,
        _: libc::size_t,
        all: *mut c_void,
    ) -> c_int {
        // SAFETY: the dynamic linker gives a description that lives as long as this call, with so many headers; `all` is
        // what was given to it below.
        let (object, all) = unsafe { (&*object, &mut *all.cast::<Vec<Range<usize>>>()) };
        if object.dlpi_phdr.is_null() {
            return 0;
        }
        // SAFETY: as above.
        let headers =
            unsafe { std::slice::from_raw_parts(object.dlpi_phdr, object.dlpi_phnum.into()) };
        for header in headers {
            if header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_W == 0 {
                let begin = (object.dlpi_addr as usize).wrapping_add(header.p_vaddr as usize);
                all.push(begin..begin.saturating_add(header.p_memsz as usize));
            }
        }
        0
    }
    let mut all: Vec<Range<usize>> = Vec::new();
    // SAFETY: `each` has the signature that is asked for, does not unwind, and gets the pointer that it expects.
    unsafe { libc::dl_iterate_phdr(Some(each), (&raw mut all).cast()) };
    all
}

/// Gives back those pages of a segment that are the file's. Others were written to by whoever changes code (a debugger's
/// breakpoint, text relocations), and would be lost.
#[cfg(target_os = "linux")]
fn release(pagemap: &File, segment: Range<usize>) {
    const PRESENT: u64 = 1 << 63;
    const OF_FILE: u64 = 1 << 61;
    let Some(size) = page_size() else {
        return;
    };
    let (first, last) = (segment.start / size, segment.end.div_ceil(size));
    let mut entries = vec![0; last.saturating_sub(first) * 8];
    if pagemap
        .read_exact_at(&mut entries, first as u64 * 8)
        .is_err()
    {
        return;
    }
    let is_of_file = |entry: &[u8]| {
        let entry = u64::from_ne_bytes(entry.try_into().unwrap_or_default());
        entry & (PRESENT | OF_FILE) == PRESENT | OF_FILE
    };
    let entries: Vec<bool> = entries.chunks_exact(8).map(is_of_file).collect();
    let mut page = first;
    for run in entries.chunk_by(|a, b| a == b) {
        if run[0] {
            // SAFETY: pages that are present, of code or constants, and still the file's, so that nobody has written to
            // them. Who executes them meanwhile waits for them to come back.
            unsafe {
                let start = (page * size) as *const u8;
                crate::map::release(std::slice::from_raw_parts(start, run.len() * size));
            }
        }
        page += run.len();
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Bytes of files in memory: KiB of code and constants.
    fn resident() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("RssFile:"));
        let number = line.unwrap().split_whitespace().nth(1);
        number.unwrap().parse().unwrap()
    }

    /// Reads from every page of all code and constants.
    fn sum() -> u64 {
        let pages = |segment: Range<usize>| segment.step_by(page_size().unwrap());
        // SAFETY: loaded and readable.
        let read = |address| unsafe { (address as *const u8).read_volatile() };
        let addresses = segments().into_iter().flat_map(pages);
        addresses.map(|address| u64::from(read(address))).sum()
    }

    #[test]
    fn code_is_given_back_and_still_there() {
        let all = sum();
        let before = resident();
        release_code();
        let after = resident();
        assert!(after < before, "{before} KiB, then {after}");
        assert_eq!(sum(), all);
    }
}
