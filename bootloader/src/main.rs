//! The small executable in front of every payload.
fn main() {}
