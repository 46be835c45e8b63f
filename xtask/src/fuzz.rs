//! `cargo xtask fuzz`: what reads bytes from outside, under libFuzzer and the address sanitizer.
//!
//! Seeds lie in `*/fuzz/seeds/TARGET`. Each run writes them anew, from the payload's writer and from ELF files that the C
//! compiler makes; those of Windows executables, icons and requests stay. What a run found of interest is kept in
//! `target/fuzz/corpus`. An input that broke something is put beside the seeds, where every later run tries it first.

use crate::kits;
use crate::setup::{self, cargo, step};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

mod seeds;

/// The version that is known to work with the flags that are passed to it.
const CARGO_FUZZ: &str = "^0.13";
/// No input may take longer, in seconds.
const TIMEOUT: u32 = 10;
/// No input may take more memory, in MiB, nor more at once.
const MEMORY: u32 = 1024;
/// No input is longer: what lies in a format's records needs no more, and short ones are quick.
const LENGTH: u32 = 16 << 10;

/// A crate with fuzz targets.
struct Fuzzed {
    package: &'static str,
    dictionary: &'static str,
    targets: &'static [Target],
}

/// A target, and the folder its seeds are in.
struct Target {
    name: &'static str,
    seeds: &'static str,
}

const FUZZED: [Fuzzed; 3] = [
    Fuzzed {
        package: "payload",
        dictionary: "payload.dict",
        targets: &[
            Target::new("footer", "footer"),
            Target::new("index", "index"),
            Target::new("entries", "entries"),
            Target::new("payload", "payload"),
            Target::new("roundtrip", "roundtrip"),
        ],
    },
    Fuzzed {
        package: "packager",
        dictionary: "elf.dict",
        targets: &[
            Target::new("elf", "elf"),
            Target::new("rpath", "elf"),
            Target::new("strip", "elf"),
            Target::new("pe", "pe"),
            Target::new("icon", "icon"),
        ],
    },
    Fuzzed {
        package: "runtime",
        dictionary: "http.dict",
        targets: &[
            Target::new("request", "request"),
            Target::new("chunked", "chunked"),
        ],
    },
];

impl Target {
    const fn new(name: &'static str, seeds: &'static str) -> Self {
        Self { name, seeds }
    }
}

/// Reads `[SECONDS] [TARGET...]` and fuzzes: each target that long, a minute if nothing is said.
///
/// # Errors
/// When there is no such target, or as [`run`].
pub(crate) fn command(words: &[&str]) -> Result<()> {
    let (seconds, names) = match words {
        [first, rest @ ..] if first.parse::<u32>().is_ok() => (first.parse()?, rest),
        _ => (60, words),
    };
    let known = || FUZZED.iter().flat_map(|fuzzed| fuzzed.targets);
    if let Some(name) = names
        .iter()
        .find(|name| known().all(|target| target.name != **name))
    {
        let known: Vec<&str> = known().map(|target| target.name).collect();
        bail!(
            "there is no fuzz target {name}: there are {}",
            known.join(", ")
        );
    }
    run(seconds, names)
}

/// Fuzzes the targets called `names`, or all of them, each for `seconds`.
///
/// # Errors
/// When they do not build, or one finds something.
pub(crate) fn run(seconds: u32, names: &[&str]) -> Result<()> {
    let cargo_fuzz = cargo_fuzz()?;
    seeds::write(&setup::root())?;
    for fuzzed in &FUZZED {
        let wanted = |target: &&Target| names.is_empty() || names.contains(&target.name);
        let targets: Vec<&Target> = fuzzed.targets.iter().filter(wanted).collect();
        if targets.is_empty() {
            continue;
        }
        build(&cargo_fuzz, fuzzed)?;
        for target in targets {
            step(&format!(
                "fuzzing {}: {} for {seconds} s",
                fuzzed.package, target.name
            ));
            fuzz(fuzzed, target, seconds)?;
        }
    }
    Ok(())
}

/// The cargo-fuzz of this checkout, installed once.
fn cargo_fuzz() -> Result<PathBuf> {
    let folder = setup::target().join("tools/cargo-fuzz");
    let program = folder.join("bin/cargo-fuzz");
    if !program.exists() {
        step("installing cargo-fuzz");
        setup::run(
            cargo()
                .args(["install", "cargo-fuzz", "--locked", "--quiet", "--version"])
                .arg(CARGO_FUZZ)
                .arg("--root")
                .arg(&folder),
        )?;
    }
    Ok(program)
}

/// Builds all targets.
///
/// # Errors
/// When one does not build.
pub(crate) fn build_all() -> Result<()> {
    let cargo_fuzz = cargo_fuzz()?;
    FUZZED
        .iter()
        .try_for_each(|fuzzed| build(&cargo_fuzz, fuzzed))
}

/// Builds the targets of a crate.
fn build(cargo_fuzz: &Path, fuzzed: &Fuzzed) -> Result<()> {
    step(&format!("fuzz targets of {}", fuzzed.package));
    let mut command = Command::new(cargo_fuzz);
    command
        .arg("build")
        .current_dir(setup::root().join(fuzzed.package))
        // The flags of sanitizers and coverage are there in every compiler, and refused by a stable one otherwise; its
        // runtime libraries come with it.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", setup::target().join("fuzz"));
    setup::run(&mut command)
}

fn fuzz(fuzzed: &Fuzzed, target: &Target, seconds: u32) -> Result<()> {
    let home = setup::target().join("fuzz");
    let sources = setup::root().join(fuzzed.package).join("fuzz");
    let corpus = home.join("corpus").join(target.name);
    let found = home.join("found").join(target.name);
    for folder in [&corpus, &found] {
        fs::create_dir_all(folder)
            .with_context(|| format!("could not create {}", folder.display()))?;
    }
    let program = home.join(kits::HOST).join("release").join(target.name);
    let mut command = Command::new(&program);
    command
        .arg(&corpus)
        .arg(sources.join("seeds").join(target.seeds))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={TIMEOUT}"))
        .arg(format!("-rss_limit_mb={MEMORY}"))
        .arg(format!("-malloc_limit_mb={}", MEMORY / 2))
        .arg(format!("-max_len={LENGTH}"))
        .arg(format!(
            "-dict={}",
            sources.join(fuzzed.dictionary).display()
        ))
        .arg(format!("-artifact_prefix={}/", found.display()))
        .args(["-print_final_stats=1", "-verbosity=0"]);
    let Output { status, stderr, .. } = command
        .output()
        .with_context(|| format!("could not start {}", program.display()))?;
    let said = String::from_utf8_lossy(&stderr);
    if !status.success() {
        bail!(
            "{said}\nthe fuzz target {} found something: `{} FILE` runs an input of {} again",
            target.name,
            program.display(),
            found.display()
        );
    }
    let number = |name| said.lines().find_map(|line| line.strip_prefix(name));
    if let Some(inputs) = number("stat::number_of_executed_units:") {
        let memory = number("stat::peak_rss_mb:").unwrap_or_default();
        println!("    {} inputs, {} MB", inputs.trim(), memory.trim());
    }
    Ok(())
}
