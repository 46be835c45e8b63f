//! The `pack` command.
fn main() {}
