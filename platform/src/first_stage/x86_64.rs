//! The first stage on x86-64 Linux.
//!
//! Nothing here may need a relocation, a library or thread-local storage: plain loops over raw pointers, constants that
//! fit into instructions or are read relative to the instruction pointer, and system calls by number.

use std::arch::{asm, global_asm, naked_asm};
use std::mem::MaybeUninit;
use std::ptr::{read_unaligned, write_volatile};

use super::seal::{self, RANGES, Range, SEALED_INTERPRETER, Seal};

global_asm!(
    // "aR": for reading; the linker keeps it although only code refers to it.
    ".pushsection .pack.seal,\"a\",@progbits",
    ".balign 8",
    ".hidden pack_seal",
    ".globl pack_seal",
    "pack_seal:",
    ".quad {enter} - pack_seal",
    ".zero {rest}",
    ".popsection",
    enter = sym enter,
    rest = const Seal::SIZE - 8,
);

/// Where the kernel enters a sealed executable: with the stack pointer at the arguments. Never to be called.
///
/// # Safety
/// Only as the entry point of a process.
#[unsafe(naked)]
#[unsafe(link_section = ".pack.stage")]
pub unsafe extern "C" fn enter() -> ! {
    naked_asm!(
        "xor ebp, ebp",
        "mov r12, rsp",
        "mov rdi, rsp",
        "lea rsi, [rip + pack_seal]",
        "lea rdx, [rip + __ehdr_start]",
        "and rsp, -16",
        "call {first}",
        // As the kernel would have entered the dynamic linker.
        "mov rsp, r12",
        "xor edx, edx",
        "jmp rax",
        first = sym first,
    )
}

const DAMAGED: &[u8] = b": error: the executable is damaged\n\
    hint: the file was changed or cut off after it was built: copy or download it again\n";
const NO_LINKER: &[u8] = b": error: this system has no usable dynamic linker of glibc (/lib64/ld-linux-x86-64.so.2)\n\
    hint: the program was built for Linux with glibc (Debian, Ubuntu, Fedora, RHEL ...); systems with musl, such as Alpine, \
    cannot run it\n";
const NO_MEMORY: &[u8] = b": error: the system does not let the program prepare its own headers\n";

/// What the kernel has put on the stack: the number of arguments, the arguments, the environment, the auxiliary vector.
#[derive(Clone, Copy)]
struct Stack(*mut usize);

/// Checks the executable and maps the dynamic linker; the address to go on at.
#[unsafe(link_section = ".pack.stage")]
unsafe extern "C" fn first(stack: *mut usize, own: *const Seal, base: *const u8) -> usize {
    let stack = Stack(stack);
    // SAFETY: entered by the kernel (`enter`): `stack`, `seal` and `base` are what they are said to be, and the image
    // is mapped as its headers say, of which the sums are checked in the order in which they are relied upon.
    unsafe {
        if !is_intact(own, base) {
            stack.fail(101, DAMAGED);
        }
        let path = base.wrapping_add((*own).path.start as usize);
        let Some((linker, entry)) = map_linker(path) else {
            stack.fail(103, NO_LINKER)
        };
        let header = base.wrapping_add((*own).wanted as usize) as usize;
        if !want_interpreter(header) {
            stack.fail(103, NO_MEMORY);
        }
        stack.tell_linker(linker, base as usize + (*own).entry as usize);
        entry
    }
}

#[inline(always)]
unsafe fn is_intact(own: *const Seal, base: *const u8) -> bool {
    // SAFETY: the seal is mapped with the code; the ranges are those of the image, once the seal's own sum is right.
    unsafe {
        let [seal, headers, image] = (*own).sums;
        if seal::sum(0, own.cast(), Seal::COVERED) != seal {
            return false;
        }
        let range = (*own).headers;
        let at = base.wrapping_add(range.start as usize);
        if seal::sum(0, at, range.length as usize) != headers {
            return false;
        }
        let mut sum = 0;
        let mut next = 0;
        while next < RANGES {
            let range = (&raw const (*own).image)
                .cast::<Range>()
                .wrapping_add(next)
                .read();
            let at = base.wrapping_add(range.start as usize);
            sum = seal::sum(sum, at, range.length as usize);
            next += 1;
        }
        sum == image
    }
}

impl Stack {
    /// Says what is wrong, under the program's name, and ends the process.
    #[inline(always)]
    unsafe fn fail(self, status: usize, text: &[u8]) -> ! {
        // SAFETY: the kernel has put the number of arguments and then pointers to them on the stack; each ends in NUL.
        unsafe {
            if self.0.read() > 0 {
                let name = self.0.wrapping_add(1).read() as *const u8;
                let (mut from, mut to) = (name, name);
                while to.read() != 0 {
                    let separates = to.read() == b'/';
                    to = to.wrapping_add(1);
                    if separates {
                        from = to;
                    }
                }
                call(
                    WRITE_TO,
                    [2, from as usize, to as usize - from as usize, 0, 0, 0],
                );
            }
            call(WRITE_TO, [2, text.as_ptr() as usize, text.len(), 0, 0, 0]);
            loop {
                call(EXIT_GROUP, [status, 0, 0, 0, 0, 0]);
            }
        }
    }

    /// Puts into the auxiliary vector what the kernel would have: where the dynamic linker is, and where it is to go.
    #[inline(always)]
    unsafe fn tell_linker(self, linker: usize, entry: usize) {
        // SAFETY: after the arguments and the environment, each closed by a zero, the kernel puts pairs that end with
        // AT_NULL; the stack is writable.
        unsafe {
            let mut at = self.0.wrapping_add(2 + self.0.read());
            while at.read() != 0 {
                at = at.wrapping_add(1);
            }
            at = at.wrapping_add(1);
            while at.read() != AT_NULL {
                if at.read() == AT_BASE {
                    write_volatile(at.wrapping_add(1), linker);
                } else if at.read() == AT_ENTRY {
                    write_volatile(at.wrapping_add(1), entry);
                }
                at = at.wrapping_add(2);
            }
        }
    }
}

/// Gives the program header at address `header` its type, which the dynamic linker looks for.
#[inline(always)]
unsafe fn want_interpreter(header: usize) -> bool {
    let page = header & !PAGE_MASK;
    // The header may reach into the next page.
    let length = PAGE_MASK + 1;
    // SAFETY: a page of this image, private to this process, which nobody else uses yet.
    unsafe {
        let kind = header as *mut u32;
        if kind.read() != SEALED_INTERPRETER
            || call(MPROTECT, [page, length, READ | WRITE, 0, 0, 0]) != 0
        {
            return false;
        }
        write_volatile(kind, PT_INTERP);
        call(MPROTECT, [page, length, READ, 0, 0, 0]) == 0
    }
}

/// Maps the dynamic linker at `path` as the kernel does; where it lies and where it begins.
#[inline(always)]
unsafe fn map_linker(path: *const u8) -> Option<(usize, usize)> {
    let mut head = MaybeUninit::<Head>::uninit();
    // SAFETY: the path ends in NUL; the buffer is as long as is said, and only what was read of it is used.
    unsafe {
        let file = call(OPEN, [path as usize, CLOEXEC, 0, 0, 0, 0]);
        if is_error(file) {
            return None;
        }
        let read = call(PREAD, [file, head.as_mut_ptr() as usize, HEAD, 0, 0, 0]);
        let mapped = if is_error(read) {
            None
        } else {
            map_segments(file, head.as_ptr().cast(), read)
        };
        call(CLOSE, [file, 0, 0, 0, 0, 0]);
        mapped
    }
}

/// As much of a dynamic linker as holds its headers.
const HEAD: usize = 2048;
#[repr(C, align(8))]
struct Head([u8; HEAD]);

/// A program header, as of the ELF specification.
#[repr(C)]
#[derive(Clone, Copy)]
struct Segment {
    kind: u32,
    flags: u32,
    offset: usize,
    address: usize,
    _physical: usize,
    in_file: usize,
    in_memory: usize,
    _align: usize,
}

#[inline(always)]
unsafe fn map_segments(file: usize, head: *const u8, read: usize) -> Option<(usize, usize)> {
    // SAFETY: offsets of the ELF header, 64 bytes, of which at least that many were read; program headers are looked at
    // when they lie in what was read. The mappings replace nothing but the reservation made for them.
    unsafe {
        if read < 64 || read_unaligned(head.cast::<u32>()) != MAGIC {
            return None;
        }
        let entry = read_unaligned(head.wrapping_add(24).cast::<usize>());
        let first = read_unaligned(head.wrapping_add(32).cast::<usize>());
        let count = usize::from(read_unaligned(head.wrapping_add(56).cast::<u16>()));
        if first > read || count.wrapping_mul(size_of::<Segment>()) > read.wrapping_sub(first) {
            return None;
        }
        let segments = head.wrapping_add(first).cast::<Segment>();
        let mut end = 0;
        let mut next = 0;
        while next < count {
            let segment = read_unaligned(segments.wrapping_add(next));
            let last = segment.address.wrapping_add(segment.in_memory);
            if segment.kind == PT_LOAD && last > end {
                end = last;
            }
            next += 1;
        }
        let base = call(
            MMAP,
            [0, whole_pages(end), 0, PRIVATE | ANONYMOUS, NO_FILE, 0],
        );
        if end == 0 || is_error(base) {
            return None;
        }
        next = 0;
        while next < count {
            let segment = read_unaligned(segments.wrapping_add(next));
            if segment.kind == PT_LOAD && !map_segment(file, base, &segment) {
                return None;
            }
            next += 1;
        }
        Some((base, base.wrapping_add(entry)))
    }
}

#[inline(always)]
unsafe fn map_segment(file: usize, base: usize, segment: &Segment) -> bool {
    let within = segment.address & PAGE_MASK;
    let start = base.wrapping_add(segment.address).wrapping_sub(within);
    let filled = within.wrapping_add(segment.in_file);
    let protection = protection(segment.flags);
    // SAFETY: inside of the reservation that `map_segments` made for all segments; the rest of the last page that
    // comes from the file is this segment's own.
    unsafe {
        let from = segment.offset.wrapping_sub(within);
        let mapping = [start, filled, protection, PRIVATE | FIXED, file, from];
        if segment.in_file > 0 && call(MMAP, mapping) != start {
            return false;
        }
        if segment.in_memory <= segment.in_file {
            return true;
        }
        let mut at = start.wrapping_add(filled);
        let zeros = start.wrapping_add(whole_pages(filled));
        // Volatile, or the loop would become a call of the C library's.
        while at < zeros {
            write_volatile(at as *mut u8, 0);
            at = at.wrapping_add(1);
        }
        let end = start.wrapping_add(whole_pages(within.wrapping_add(segment.in_memory)));
        let flags = PRIVATE | FIXED | ANONYMOUS;
        zeros >= end
            || call(
                MMAP,
                [
                    zeros,
                    end.wrapping_sub(zeros),
                    protection,
                    flags,
                    NO_FILE,
                    0,
                ],
            ) == zeros
    }
}

#[inline(always)]
fn protection(flags: u32) -> usize {
    let flag = |of: u32, means: usize| if flags & of == 0 { 0 } else { means };
    flag(4, READ) | flag(2, WRITE) | flag(1, EXECUTE)
}

#[inline(always)]
fn whole_pages(length: usize) -> usize {
    length.wrapping_add(PAGE_MASK) & !PAGE_MASK
}

#[inline(always)]
fn is_error(result: usize) -> bool {
    result > usize::MAX - 4096
}

const PAGE_MASK: usize = 0xfff;
const MAGIC: u32 = u32::from_le_bytes(*b"\x7fELF");
const PT_LOAD: u32 = 1;
const PT_INTERP: u32 = 3;
const AT_NULL: usize = 0;
const AT_BASE: usize = 7;
const AT_ENTRY: usize = 9;

const READ: usize = libc::PROT_READ as usize;
const WRITE: usize = libc::PROT_WRITE as usize;
const EXECUTE: usize = libc::PROT_EXEC as usize;
const PRIVATE: usize = libc::MAP_PRIVATE as usize;
const FIXED: usize = libc::MAP_FIXED as usize;
const ANONYMOUS: usize = libc::MAP_ANONYMOUS as usize;
const NO_FILE: usize = usize::MAX;
const CLOEXEC: usize = libc::O_CLOEXEC as usize;

const WRITE_TO: usize = libc::SYS_write as usize;
const OPEN: usize = libc::SYS_open as usize;
const CLOSE: usize = libc::SYS_close as usize;
const PREAD: usize = libc::SYS_pread64 as usize;
const MMAP: usize = libc::SYS_mmap as usize;
const MPROTECT: usize = libc::SYS_mprotect as usize;
const EXIT_GROUP: usize = libc::SYS_exit_group as usize;

/// A system call.
#[inline(always)]
unsafe fn call(number: usize, arguments: [usize; 6]) -> usize {
    let [a, b, c, d, e, f] = arguments;
    let result;
    // SAFETY: the caller answers for what the call does; the kernel changes no registers but these.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e, in("r9") f,
            out("rcx") _, out("r11") _,
            options(nostack),
        );
    }
    result
}
