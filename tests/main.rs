//! The end-to-end tests: real programs, packed with each CPython found on the machine, and run as users run them.
//!
//! `cargo xtask test` builds the kits they need and runs them; `cargo test -p packager --test e2e NAME` runs some of
//! them again. What they build lies in `target/e2e`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, and say what they skip"
)]

#[macro_use]
mod harness;

mod e2e {
    mod archives;
    mod arguments;
    mod branding;
    mod changed_files;
    mod children;
    mod commands;
    mod damage;
    mod dist;
    mod each;
    mod edges;
    mod entries;
    mod exits;
    mod facts;
    mod first_starts;
    mod gil_modes;
    mod guestbook;
    mod hooks;
    mod hostile;
    mod https;
    mod imports;
    mod large;
    mod multiprocessing;
    mod neighbours;
    mod old_glibc;
    mod on_demand;
    mod packing;
    mod places;
    mod processes;
    mod program_python;
    mod projects;
    mod pythons;
    mod reproducible;
    mod requirements;
    mod samples;
    mod serve;
    mod server_memory;
    mod signals;
    mod signing;
    mod stdlib;
    mod streams;
    mod telemetry;
    mod tk;
    mod trace;
    mod unpacking;
    mod uptodate;
    mod verdict;
    mod versions;
    mod windows;
    mod windows_ends;
    mod windows_folders;
    mod windows_icons;
    mod windows_libraries;
    mod windows_servers;
    mod windows_sources;
}
