//! Instruction counts, which neither the machine's load nor its clock changes.

use super::products::{Products, Tools, create};
use super::subjects::{Subject, Way};
use crate::setup;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// What was counted for one subject.
pub(super) struct Instructions {
    /// Each way with its label and its count.
    pub(super) totals: Vec<(String, u64)>,
    /// Of a later start, those in the packed executable itself: the bootloader.
    pub(super) bootloader: u64,
}

/// valgrind, installed when there is none and we are root.
///
/// # Errors
/// When it cannot be had.
pub(super) fn valgrind() -> Result<()> {
    let version = || setup::read(Command::new("valgrind").arg("--version"));
    if version().is_err() {
        super::install(&["valgrind"])?;
        version()?;
    }
    Ok(())
}

/// Counts the instructions of the floor, of `python SCRIPT` and of a later start.
///
/// # Errors
/// When something does not run under valgrind.
pub(super) fn count(
    tools: &Tools,
    subject: &Subject,
    products: &Products,
    folder: &Path,
) -> Result<Instructions> {
    let home = folder.join("callgrind");
    create(&home.join("kept"))?;
    let ways = [Way::Floor, Way::Python, Way::PackLater];
    let mut totals = Vec::new();
    let mut bootloader = 0;
    for way in ways {
        let start = products.start(tools, subject, way);
        // The first start unpacks, and Python writes its bytecode.
        setup::read(&mut tools.command(subject, &start, &home))?;
        let counts = count_one(tools, subject, &start, &home)?;
        totals.push((way.label(subject), counts.values().sum()));
        if way == Way::PackLater {
            let executable = start.first().context("a command has a program")?;
            bootloader = *counts
                .get(executable)
                .with_context(|| format!("callgrind counted nothing in {executable}"))?;
        }
    }
    Ok(Instructions { totals, bootloader })
}

/// The instructions of one run, by the file they lie in.
fn count_one(
    tools: &Tools,
    subject: &Subject,
    start: &[String],
    home: &Path,
) -> Result<BTreeMap<String, u64>> {
    let out = home.join("callgrind.out");
    let mut words = vec![
        "valgrind".to_owned(),
        "--tool=callgrind".to_owned(),
        format!("--callgrind-out-file={}", out.display()),
    ];
    words.extend_from_slice(start);
    setup::read(&mut tools.command(subject, &words, home))?;
    let text = std::fs::read_to_string(&out)
        .with_context(|| format!("callgrind left no {}", out.display()))?;
    let counts = by_object(&text);
    let (sum, total) = (counts.values().sum::<u64>(), total(&text));
    ensure!(
        total == Some(sum),
        "{} says {total:?} instructions in all, and {sum} by object",
        out.display()
    );
    Ok(counts)
}

/// What a profile says of itself.
fn total(profile: &str) -> Option<u64> {
    let line = |line: &str| line.strip_prefix("totals:")?.trim().parse().ok();
    profile.lines().find_map(line)
}

/// Sums a profile's own costs by object: executables and libraries (valgrind's manual, "Callgrind Format Specification").
///
/// Names are written in full once, as `ob=(ID) NAME`, then as `ob=(ID)`. The line after `calls=` has what the called
/// function cost, which is counted where that function stands.
fn by_object(profile: &str) -> BTreeMap<String, u64> {
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    let (mut object, mut is_call) = ("", false);
    for line in profile.lines() {
        // `cob=` names the object of a called function and may be the first to name it.
        if let Some(name) = line.strip_prefix("ob=") {
            object = full_name(name, &mut names);
        } else if let Some(name) = line.strip_prefix("cob=") {
            full_name(name, &mut names);
        } else if line.starts_with("calls=") {
            is_call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            let cost = line.split_ascii_whitespace().nth(1);
            if let (false, Some(cost)) = (is_call, cost.and_then(|cost| cost.parse::<u64>().ok())) {
                *sums.entry(object.to_owned()).or_default() += cost;
            }
            is_call = false;
        }
    }
    sums
}

fn full_name<'a>(name: &'a str, names: &mut BTreeMap<&'a str, &'a str>) -> &'a str {
    match name.split_once(' ') {
        Some((id, name)) if id.starts_with('(') => {
            names.insert(id, name);
            name
        }
        _ => names.get(name).copied().unwrap_or(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_costs_are_summed_by_object_and_calls_left_out() {
        let profile = "\
version: 1
positions: line
events: Ir
ob=(1) /bin/app
fl=(1) main.c
fn=(1) main
16 400
cob=(2) /lib/libc.so.6
cfn=(2) write
calls=1 50
16 900
+1 5

ob=(2)
fl=(2)
fn=(2)
51 300
* 600

ob=(1)
fn=(3) exit
-3 7
totals: 1312
";
        let counts = by_object(profile);
        assert_eq!(counts.get("/bin/app"), Some(&412));
        assert_eq!(counts.get("/lib/libc.so.6"), Some(&900));
        assert_eq!(Some(counts.values().sum()), total(profile));
    }
}
