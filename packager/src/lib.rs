//! The `pack` command: configure, discover, collect, lay out, write.

pub mod collection;
pub mod elf;
pub mod facts;
pub mod graph;
pub mod interpreter;
pub mod plan;
pub mod progress;

#[cfg(test)]
mod testing;
