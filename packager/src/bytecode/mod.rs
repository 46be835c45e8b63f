//! Bytecode of every module: taken over where it is installed and up to date, else compiled by the target interpreter;
//! brought into one form either way, so that the same source gives the same bytes.

mod compile;
mod installed;
pub mod marshal;
mod worker;

#[cfg(test)]
mod tests;

pub use compile::{CompileError, Compiled, Compiler, Counts, Job, SourceModule};
