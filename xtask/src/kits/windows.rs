//! The kit for Windows, built on any host that has mingw-w64.

use super::{
    BOOTLOADER, Linker, MAX_WINDOWS_BOOTLOADER, Options, RUNTIME, SERVERLESS, check_serves,
    compile, place, place_python,
};
use crate::setup::{self, step};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Libraries that Windows 10 has and that the kit may name.
const OF_WINDOWS: [&str; 12] = [
    "advapi32.dll",
    "bcrypt.dll",
    "bcryptprimitives.dll",
    "combase.dll",
    "kernel32.dll",
    "msvcrt.dll",
    "ntdll.dll",
    "ole32.dll",
    "shell32.dll",
    "user32.dll",
    "userenv.dll",
    "ws2_32.dll",
];

/// As those of other targets.
pub(super) const NAMES: [&str; 3] = [
    "bootloader.exe",
    "pack_runtime.dll",
    "pack_runtime_serverless.dll",
];

/// Builds it and returns its folder.
pub(super) fn build(options: &Options) -> Result<PathBuf> {
    install_tools(&options.target)?;
    let folder = setup::target().join("kits").join(&options.target);
    step(&format!("kit {} (mingw-w64)", options.target));
    let linker = Linker::Plain;
    let bootloader = compile(&linker, options, &BOOTLOADER)?.join("bootloader.exe");
    let runtime = compile(&linker, options, &RUNTIME)?.join("pack_runtime.dll");
    let serverless = compile(&linker, options, &SERVERLESS)?.join("pack_runtime.dll");
    for (built, name) in [&bootloader, &runtime, &serverless].into_iter().zip(NAMES) {
        let bytes =
            fs::read(built).with_context(|| format!("could not read {}", built.display()))?;
        check_needs(built, &bytes)?;
        if built != &bootloader && !options.fast {
            let pe = goblin::pe::PE::parse(&bytes)?;
            let names = pe.exports.iter().filter_map(|export| export.name);
            check_serves(built, names, built == &runtime)?;
        }
        let size = bytes.len() as u64;
        if built == &bootloader && !options.fast && size > MAX_WINDOWS_BOOTLOADER {
            bail!("{} has {size} bytes, which is too much", built.display());
        }
        if place(built, &bytes, &folder, name)? {
            println!("    {} {}", built.display(), setup::megabytes(size));
        }
    }
    place_python(&folder.join("python/pack_runtime"))?;
    Ok(folder)
}

/// Refuses a binary that needs a library which is not there on every Windows; Python's own is loaded before the runtime.
fn check_needs(binary: &Path, bytes: &[u8]) -> Result<()> {
    let pe =
        goblin::pe::PE::parse(bytes).with_context(|| format!("{} is not PE", binary.display()))?;
    for name in &pe.libraries {
        let lower = name.to_ascii_lowercase();
        let is_there = lower.starts_with("api-ms-win-") || OF_WINDOWS.contains(&lower.as_str());
        let is_python = lower == "python3.dll" && binary.ends_with("pack_runtime.dll");
        if !is_there && !is_python {
            bail!(
                "{} needs {name}, which users' machines need not have",
                binary.display()
            );
        }
    }
    Ok(())
}

/// Rust's standard library for the target, and the linker.
fn install_tools(target: &str) -> Result<()> {
    setup::run(Command::new("rustup").args(["--quiet", "target", "add", target]))?;
    if setup::read(Command::new("x86_64-w64-mingw32-gcc").arg("--version")).is_ok() {
        return Ok(());
    }
    step("no mingw-w64 found: installing Debian's");
    setup::install(&["--no-install-recommends", "gcc-mingw-w64-x86-64"])
        .context("install mingw-w64's compiler (x86_64-w64-mingw32-gcc), then try again")
}
