//! Developer commands: `cargo xtask COMMAND`. Each installs what it needs, and says what it does.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "these commands talk to the developer who runs them"
)]

mod bench;
mod ci;
mod demo;
mod dist;
mod free_threaded;
mod fuzz;
mod http;
mod kits;
mod libraries;
mod provide;
mod setup;
mod soak;
mod test;
mod wine;

use anyhow::{Result, bail};

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  demo                 build everything, pack samples/guestbook, start it, sign it
  test [FILTER...]     unit tests of all crates, then the kits, then the end-to-end tests
  lint                 rustfmt, clippy, rustdoc
  fuzz [SECONDS] [TARGET...]
                       fuzz what reads bytes from outside, each target for a minute or SECONDS
  ci [--long]          lint, test, ten seconds of fuzzing each target, demo; --long: with the tests and the minute of
                       fuzzing that are left out otherwise
  kits [--target T] [--fast]
                       bootloader and runtime into target/kits/T (x86_64-pc-windows-gnu, too); --fast: this machine's own toolchain, unoptimised
  provide test|fuzz    what these need and takes long to make, ahead of time; `test` and `ci` do so beside the tests
  dist                 target/dist/pack: one file with the kits inside
  libraries [NAME...] [--core] [--pyinstaller] [--page] [--pack FILE] [--jobs N] [--cached]
                       programs that use what people install, packed and run where no Python is; --core: those that
                       `test` includes; --pyinstaller: what it makes of them, beside; --page: writes the last result of
                       all into tests/libraries/RESULTS.md; --cached: builds share a cache, which is kept
  bench start [--rounds N] [--only PROGRAM]... [--pack FILE]
                       starting, packing and sizes beside PyInstaller and a bare Python: writes BENCHMARKS.md; with fewer
                       rounds or programs a trial, into target/bench
  bench serve [--quick] [--rounds N] [--seconds N] [--only SCENARIO]... [--server NAME]... [--pack FILE]
                       our WSGI host beside others: writes the second half of BENCHMARKS.md; a trial likewise
  free-threaded        a CPython without a GIL into target/free-threaded, for the tests (Debian, as root)
  wine [-- PROGRAM...] Wine and CPython for Windows below target/wine, for the tests of programs for Windows (needs root);
                       with words, runs a program in it
  soak [SECONDS] [--single] [--seed N] [--pack FILE]
                       a packed server under load for ten minutes or SECONDS, reloaded every 20 s, a process killed every
                       15 s; idle connections, clients that do not read; --single: one process, neither reloaded nor killed
";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["demo"] => demo::run(),
        ["test", filters @ ..] => test::run(filters),
        ["lint"] => ci::lint(),
        ["fuzz", words @ ..] => fuzz::command(words),
        ["ci"] => ci::run(ci::Form::Short),
        ["ci", "--long"] => ci::run(ci::Form::Long),
        ["kits", options @ ..] => kits::build(&kits::Options::parse(options)?).map(|_| ()),
        ["provide", words @ ..] => provide::command(words),
        ["dist"] => dist::build().map(|_| ()),
        ["libraries", options @ ..] => libraries::command(options),
        ["bench", "start", options @ ..] => bench::start(options),
        ["bench", "serve", options @ ..] => bench::serve(options),
        ["free-threaded"] => {
            free_threaded::set_up().map(|python| println!("    {}", python.display()))
        }
        ["wine", words @ ..] => wine::command(words),
        ["soak", options @ ..] => soak::run(options),
        [] | ["help" | "-h" | "--help"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => bail!("no such command: {}\n\n{USAGE}", words.join(" ")),
    }
}
