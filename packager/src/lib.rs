//! The `pack` command: configure, discover, collect, lay out, write.

pub mod collection;
pub mod facts;
pub mod graph;
pub mod plan;
pub mod progress;
