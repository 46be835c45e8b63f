//! The first instructions of a sealed executable: they check every byte of it that the kernel has mapped, then start
//! the dynamic linker as the kernel would have.
//!
//! An executable that needs libraries is normally read by the dynamic linker before its own first instruction, and a
//! flipped bit in its tables ends in a fault that tells nobody anything. A *sealed* executable hides from the kernel
//! that it wants a dynamic linker ([`SEALED_INTERPRETER`]), so its own entry comes first. That needs no library, no
//! relocation and no memory but the stack; what it finds damaged, it says. The rest of the process never notices: the
//! dynamic linker finds the registers, the auxiliary vector and the program headers that it would have got.
//!
//! Sealing happens after linking (`cargo xtask kits`): [`Seal`] is filled in and the entry is moved. An executable that
//! is not sealed starts as any other.
//!
//! It protects against damage, not against an attacker, who could change the seal: hashes of the whole file do that
//! once more before anything of the payload is used.

mod seal;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod x86_64;

pub use seal::{RANGES, Range, SEALED_INTERPRETER, SECTION, Seal, checksum};
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[doc(hidden)]
pub use x86_64::enter;
