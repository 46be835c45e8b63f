//! The packager's readers of native files, compiled by themselves: all of `packager`, with its parser of Python, takes
//! minutes under a sanitizer.
//!
//! There is a reader of ELF, and none of PE yet: its target belongs beside `elf`.

#[path = "../../src/collection.rs"]
pub mod collection;
#[path = "../../src/elf.rs"]
pub mod elf;
#[path = "../../src/write/strip.rs"]
pub mod strip;
