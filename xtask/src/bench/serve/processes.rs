//! What all processes of a server have used, as the kernel tells.

use anyhow::{Result, ensure};
use std::collections::BTreeMap;
use std::fs;

/// What /proc/PID/stat says of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// User and system time, in ticks, with that of the children it has waited for.
    ticks: u64,
}

/// Ticks of the kernel's clock in a second: 100 on every Linux that Rust's std supports (USER_HZ).
const TICKS: f64 = 100.0;

/// The processes that descend from `root`, and it.
pub(super) fn family(root: u32) -> Vec<u32> {
    let all = stats();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        let children = all.iter().filter(|(_, stat)| stat.parent == parent);
        found.extend(children.map(|(&process, _)| process));
        next += 1;
    }
    found.retain(|process| all.contains_key(process));
    found
}

/// CPU time of these processes, in microseconds.
///
/// # Errors
/// When none of them is there any more.
pub(super) fn cpu(processes: &[u32]) -> Result<f64> {
    let ticks: Vec<u64> = processes
        .iter()
        .filter_map(|&process| Some(stat(process)?.ticks))
        .collect();
    ensure!(!ticks.is_empty(), "the server is gone");
    Ok(ticks.iter().sum::<u64>() as f64 / TICKS * 1e6)
}

/// Memory of several processes, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Memory {
    /// What is shared is divided among those that share it.
    pub(super) proportional: f64,
    pub(super) resident: f64,
}

/// Memory of these processes; some may be gone, as Apache ends those it has too many of.
///
/// # Errors
/// When the kernel tells of none.
pub(super) fn memory(processes: &[u32]) -> Result<Memory> {
    let mut sum = Memory::default();
    for process in processes {
        let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
        sum.proportional += kilobytes(&text, "Pss:") * 1024.0;
        sum.resident += kilobytes(&text, "Rss:") * 1024.0;
    }
    ensure!(
        sum.resident > 0.0,
        "the memory of its processes cannot be read"
    );
    Ok(sum)
}

fn kilobytes(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    number.unwrap_or(0.0)
}

fn stats() -> BTreeMap<u32, Stat> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    processes
        .filter_map(|process| Some((process, stat(process)?)))
        .collect()
}

fn stat(process: u32) -> Option<Stat> {
    parse(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// Reads a line of /proc/PID/stat; the name in it may hold blanks and brackets.
fn parse(line: &str) -> Option<Stat> {
    let (_, rest) = line.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // proc(5): the state is field 3; the parent 4; utime, stime, cutime and cstime are 14 to 17.
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Stat {
        parent: u32::try_from(number(4)?).ok()?,
        ticks: (14..=17).map(number).sum::<Option<u64>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let line = "7 (a ) b) S 3 7 7 0 -1 4194560 1 2 0 0 10 20 3 4 20 0 1 0 99 5 6";
        let wanted = Stat {
            parent: 3,
            ticks: 37,
        };
        assert_eq!(parse(line), Some(wanted));
        assert_eq!(parse("7 (a) S 3"), None);
    }

    #[test]
    fn memory_is_read_in_kilobytes() {
        let text = "00400000-7fff ---p 0 [rollup]\nRss:            2048 kB\nPss:             1500 kB\nPss_Dirty: 9 kB\n";
        assert_eq!(kilobytes(text, "Pss:"), 1500.0);
        assert_eq!(kilobytes(text, "Rss:"), 2048.0);
        assert_eq!(kilobytes(text, "Swap:"), 0.0);
    }

    #[test]
    fn this_process_has_a_family_that_uses_memory() {
        let family = family(std::process::id());
        assert!(family.contains(&std::process::id()));
        assert!(memory(&[std::process::id()]).unwrap().proportional > 0.0);
        assert!(cpu(&family).is_ok());
        assert!(cpu(&[]).is_err());
    }
}
