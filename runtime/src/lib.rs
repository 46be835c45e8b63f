//! The library inside every packed program.

mod embed;
