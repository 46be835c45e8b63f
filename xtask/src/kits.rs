//! Kits: what one target needs in front of and inside every packed program, built ahead of time.
//!
//! `target/kits/<triple>/` gets `bootloader`, `libpack_runtime.so`, the same without the server as
//! `libpack_runtime_serverless.so`, and `python/pack_runtime/*.py`. They are linked with zig against glibc 2.17, so that
//! packed programs run on every Linux since 2014; where zig cannot be had, the plain toolchain does, and this machine's
//! glibc is the oldest they run on.

mod seal;
mod windows;

use crate::setup::{self, cargo, step};
use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The triple built when none is named.
pub(crate) const HOST: &str = "x86_64-unknown-linux-gnu";

/// Windows on x86-64, linked with mingw-w64.
pub(crate) const WINDOWS: &str = "x86_64-pc-windows-gnu";

/// A bootloader for Windows is no larger.
const MAX_WINDOWS_BOOTLOADER: u64 = 1_000_000;

/// The oldest glibc that the kits run on.
const GLIBC_FLOOR: (u32, u32) = (2, 17);

/// What to build.
pub(crate) struct Options {
    /// Target triple.
    pub(crate) target: String,
    /// The plain toolchain and the dev profile: a quick loop while working on the runtime.
    pub(crate) fast: bool,
}

impl Options {
    /// What is packed into programs: a kit for `target`, optimised.
    pub(crate) fn of(target: &str) -> Self {
        Self {
            target: target.to_owned(),
            fast: false,
        }
    }

    /// Reads `[--target T] [--fast]`.
    ///
    /// # Errors
    /// On any other option.
    pub(crate) fn parse(options: &[&str]) -> Result<Self> {
        let mut parsed = Self::of(HOST);
        let mut rest = options.iter();
        while let Some(&option) = rest.next() {
            match option {
                "--fast" => parsed.fast = true,
                "--target" => {
                    parsed.target = (*rest.next().context("--target needs a triple")?).to_owned();
                }
                _ => bail!(
                    "unknown option {option}; `cargo xtask kits` knows --target TRIPLE and --fast"
                ),
            }
        }
        Ok(parsed)
    }
}

/// Builds a kit and returns its folder.
///
/// # Errors
/// When something does not compile, or needs more of its target than it may.
pub(crate) fn build(options: &Options) -> Result<PathBuf> {
    if options.target == WINDOWS {
        return windows::build(options);
    }
    let linker = if options.fast {
        Linker::Plain
    } else {
        Linker::best()
    };
    let folder = setup::target().join("kits").join(&options.target);
    step(&format!("kit {} ({})", options.target, linker.describe()));
    let bootloader = compile(&linker, options, &BOOTLOADER)?.join("bootloader");
    let runtime = compile(&linker, options, &RUNTIME)?.join("libpack_runtime.so");
    let serverless = compile(&linker, options, &SERVERLESS)?.join("libpack_runtime.so");
    for (built, name) in [&bootloader, &runtime, &serverless].into_iter().zip(NAMES) {
        // A kit for a quick loop stays on this machine.
        if !options.fast {
            check_needs(built, matches!(linker, Linker::Zig { .. }))?;
        }
        let bytes =
            fs::read(built).with_context(|| format!("could not read {}", built.display()))?;
        if built != &bootloader && !options.fast {
            let elf = goblin::elf::Elf::parse(&bytes)?;
            let exports = elf.dynsyms.iter().filter(|symbol| !symbol.is_import());
            let names = exports.filter_map(|symbol| elf.dynstrtab.get_at(symbol.st_name));
            check_serves(built, names, built == &runtime)?;
        }
        // The first stage is code that only an optimiser leaves without calls into libraries.
        let bytes = if built == &bootloader && !options.fast {
            seal::sealed(bytes).with_context(|| format!("could not seal {}", built.display()))?
        } else {
            bytes
        };
        if place(built, &bytes, &folder, name)? {
            let size = fs::metadata(built)?.len();
            println!("    {} {}", built.display(), setup::megabytes(size));
        }
    }
    place_python(&folder.join("python/pack_runtime"))?;
    Ok(folder)
}

/// How binaries for users' machines are linked.
pub(crate) enum Linker {
    /// cargo-zigbuild from PyPI, in this virtual environment.
    Zig {
        /// Its `bin`.
        bin: PathBuf,
    },
    /// The machine's own.
    Plain,
}

impl Linker {
    /// zig, if it can be had.
    pub(crate) fn best() -> Self {
        let folder = setup::target().join("tools/zig");
        let installed = setup::python().and_then(|python| {
            setup::venv(
                &folder,
                &python,
                &["ziglang==0.17.*", "cargo-zigbuild==0.24.*"],
            )
        });
        match installed {
            Ok(_) => Self::Zig {
                bin: folder.join("bin"),
            },
            Err(error) => {
                println!("    zig could not be installed ({error:#})");
                println!(
                    "    continuing with the plain toolchain: this machine's glibc is then the oldest one that runs the result"
                );
                Self::Plain
            }
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Zig { .. } => format!("zig, glibc {}.{}", GLIBC_FLOOR.0, GLIBC_FLOOR.1),
            Self::Plain => "plain toolchain, this machine's glibc".to_owned(),
        }
    }

    /// `cargo build` for `target`.
    pub(crate) fn cargo_build(&self, target: &str) -> Result<Command> {
        let mut command = cargo();
        match self {
            Self::Zig { bin } => {
                let inherited = std::env::var_os("PATH").unwrap_or_default();
                let path = std::env::join_paths(
                    std::iter::once(bin.clone()).chain(std::env::split_paths(&inherited)),
                )?;
                let suffix = if target.ends_with("-linux-gnu") {
                    format!(".{}.{}", GLIBC_FLOOR.0, GLIBC_FLOOR.1)
                } else {
                    String::new()
                };
                command.env("PATH", path).args([
                    "zigbuild",
                    "--target",
                    &format!("{target}{suffix}"),
                ]);
            }
            Self::Plain => {
                // Users' machines need not have libgcc_s.so.1.
                command
                    .env("RUSTFLAGS", "-C link-arg=-static-libgcc")
                    .args(["build", "--target", target]);
            }
        }
        Ok(command)
    }
}

/// The binaries of a kit: the bootloader, and the runtime with and without the server.
const NAMES: [&str; 3] = [
    "bootloader",
    "libpack_runtime.so",
    "libpack_runtime_serverless.so",
];

/// A binary of a kit: its crate, as it is compiled.
struct Part {
    package: &'static str,
    /// Each has one of its own: cargo keeps one file of a library in a profile's folder, whatever its features.
    profile: &'static str,
    /// Options of cargo's that choose them.
    features: &'static [&'static str],
}

const BOOTLOADER: Part = Part {
    package: "bootloader",
    profile: "launcher",
    features: &[],
};
const RUNTIME: Part = Part {
    package: "runtime",
    profile: "runtime",
    features: &[],
};
const SERVERLESS: Part = Part {
    package: "runtime",
    profile: "serverless",
    features: &["--no-default-features"],
};

/// Compiles a part and returns the folder its result is in.
fn compile(linker: &Linker, options: &Options, part: &Part) -> Result<PathBuf> {
    // In a quick loop there is one profile, and so one library, with the server.
    let (profile, features) = match options.fast {
        true => ("dev", &[][..]),
        false => (part.profile, part.features),
    };
    setup::run(
        linker
            .cargo_build(&options.target)?
            .args(["--package", part.package, "--profile", profile])
            .args(features),
    )?;
    let folder = if profile == "dev" { "debug" } else { profile };
    Ok(setup::target().join(&options.target).join(folder))
}

/// Refuses a binary that would not start on the machines it is meant for.
///
/// # Errors
/// When it needs libgcc_s or, with `floor`, a glibc later than [`GLIBC_FLOOR`].
pub(crate) fn check_needs(binary: &Path, floor: bool) -> Result<()> {
    let bytes = fs::read(binary).with_context(|| format!("could not read {}", binary.display()))?;
    let elf = goblin::elf::Elf::parse(&bytes)
        .with_context(|| format!("{} is not ELF", binary.display()))?;
    if let Some(library) = elf
        .libraries
        .iter()
        .find(|name| name.starts_with("libgcc_s"))
    {
        bail!(
            "{} needs {library}, which users' machines need not have",
            binary.display()
        );
    }
    let latest = glibc_needed(&elf);
    if floor && latest > Some(GLIBC_FLOOR) {
        let (major, minor) = latest.unwrap_or_default();
        bail!(
            "{} needs glibc {major}.{minor}, more than {}.{}",
            binary.display(),
            GLIBC_FLOOR.0,
            GLIBC_FLOOR.1
        );
    }
    Ok(())
}

/// Refuses a library that has the server and should not, or the other way round: a program would say so in its users' hands.
fn check_serves<'a>(
    library: &Path,
    mut exports: impl Iterator<Item = &'a str>,
    expected: bool,
) -> Result<()> {
    const SERVES: &str = "pack_runtime_serve";
    let serves = exports.any(|name| name == SERVES);
    if serves != expected {
        let has = if serves { "has" } else { "lacks" };
        bail!("{} {has} `{SERVES}`", library.display());
    }
    Ok(())
}

/// Whether a kit has all its files: one that an earlier version of these sources built may not.
pub(crate) fn is_complete(folder: &Path, target: &str) -> bool {
    let names = match target {
        WINDOWS => windows::NAMES,
        _ => NAMES,
    };
    let python = folder.join("python/pack_runtime/__init__.py");
    names.iter().all(|name| folder.join(name).is_file()) && python.is_file()
}

/// The latest GLIBC symbol version that a binary asks for.
fn glibc_needed(elf: &goblin::elf::Elf<'_>) -> Option<(u32, u32)> {
    let needs = elf.verneed.as_ref()?;
    let names = needs.iter().flat_map(|need| {
        need.iter()
            .map(|version| version.vna_name)
            .collect::<Vec<_>>()
    });
    names
        .filter_map(|name| parse_version(elf.dynstrtab.get_at(name)?))
        .max()
}

/// `GLIBC_2.17` as (2, 17).
fn parse_version(name: &str) -> Option<(u32, u32)> {
    let mut numbers = name.strip_prefix("GLIBC_")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Writes `bytes`, with the mode of `built`, into `folder` as `name` when that differs from what is there, by rename: a
/// running test keeps its old file. Returns whether it did.
fn place(built: &Path, bytes: &[u8], folder: &Path, name: &str) -> Result<bool> {
    let placed = folder.join(name);
    let fresh = folder.join(format!(".{name}.new"));
    fs::create_dir_all(folder).with_context(|| format!("could not create {}", folder.display()))?;
    if fs::read(&placed).is_ok_and(|present| present == bytes) {
        return Ok(false);
    }
    let mode = fs::metadata(built)?.permissions();
    fs::write(&fresh, bytes)
        .and_then(|()| fs::set_permissions(&fresh, mode))
        .with_context(|| format!("could not write {}", fresh.display()))?;
    fs::rename(&fresh, &placed).with_context(|| format!("could not write {}", placed.display()))?;
    Ok(true)
}

/// Makes `folder` hold the runtime's Python sources and nothing else.
fn place_python(folder: &Path) -> Result<()> {
    let sources = setup::root().join("runtime/python/pack_runtime");
    let mut names = Vec::new();
    for source in list(&sources)? {
        if source
            .extension()
            .is_some_and(|extension| extension == "py")
        {
            let bytes = fs::read(&source)
                .with_context(|| format!("could not read {}", source.display()))?;
            let name = source.file_name().and_then(OsStr::to_str);
            let name = name.with_context(|| format!("{} is no module", source.display()))?;
            place(&source, &bytes, folder, name)?;
            names.push(name.to_owned());
        }
    }
    for present in list(folder)? {
        if !names.iter().any(|name| present.ends_with(name)) {
            let removed = match present.is_dir() {
                true => fs::remove_dir_all(&present),
                false => fs::remove_file(&present),
            };
            removed.with_context(|| format!("could not remove {}", present.display()))?;
        }
    }
    Ok(())
}

/// What is in `folder`.
pub(crate) fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let listed =
        fs::read_dir(folder).with_context(|| format!("could not list {}", folder.display()))?;
    listed.map(|entry| Ok(entry?.path())).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn glibc_versions_are_read_as_numbers() {
        assert_eq!(super::parse_version("GLIBC_2.2.5"), Some((2, 2)));
        assert_eq!(super::parse_version("GLIBC_2.17"), Some((2, 17)));
        assert_eq!(super::parse_version("GLIBC_PRIVATE"), None);
        assert_eq!(super::parse_version("GCC_3.0"), None);
    }
}
