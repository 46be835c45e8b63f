//! The library inside every packed program.
