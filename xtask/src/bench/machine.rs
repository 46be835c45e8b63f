//! Where the figures come from.

use super::products::Tools;
use crate::setup;
use anyhow::Result;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What a reader must know of the machine and of the versions, as rows: what, which.
///
/// # Errors
/// When a tool does not say its version.
pub(super) fn describe(tools: &Tools) -> Result<Vec<[String; 2]>> {
    let mut rows = describe_machine()?;
    let versions = [
        ("file system", file_system(&tools.scratch)),
        ("Python", python(&tools.python)?),
        (
            "pack",
            setup::read(Command::new(&tools.pack).arg("--version"))?.replace("pack ", ""),
        ),
        ("libraries", versions(tools)?),
    ];
    rows.extend(versions.map(|(what, which)| [what.to_owned(), which]));
    Ok(rows)
}

/// The machine, its system and the date.
///
/// # Errors
/// When the system does not say.
pub(crate) fn describe_machine() -> Result<Vec<[String; 2]>> {
    let os_release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let cpu_info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("unknown");
    let unknown = || "unknown".to_owned();
    let rows = [
        (
            "date",
            setup::read(Command::new("date").args(["-u", "+%Y-%m-%d"]))?,
        ),
        (
            "processor",
            format!(
                "{}, {cores} cores",
                field(&cpu_info, "model name", ':').unwrap_or_else(unknown)
            ),
        ),
        ("load average at the beginning", load.to_owned()),
        (
            "system",
            field(&os_release, "PRETTY_NAME", '=').unwrap_or_else(unknown),
        ),
        (
            "kernel",
            setup::read(Command::new("uname").args(["-s", "-r"]))?,
        ),
    ];
    Ok(rows.map(|(what, which)| [what.to_owned(), which]).to_vec())
}

/// Makes the host of a virtual machine give it the memory that is free, by writing to it once.
///
/// The first write to a page that the host has yet to give costs many times what the guest spends on it otherwise, and is
/// booked on whoever writes: here mostly a first start, with the files that it unpacks.
pub(super) fn touch_free_memory() {
    const AT_ONCE: u64 = 64 << 20;
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let free = field(&memory, "MemFree", ':')
        .and_then(|value| value.strip_suffix(" kB")?.parse::<u64>().ok())
        .unwrap_or(0)
        << 10;
    // The rest is for those who ask for some meanwhile.
    let pieces = free / AT_ONCE * 4 / 5;
    let touched: Vec<Vec<u8>> = (0..pieces)
        .map(|_| vec![1; usize::try_from(AT_ONCE).unwrap_or(0)])
        .collect();
    std::hint::black_box(touched);
}

/// The value of a `NAME SEPARATOR VALUE` line, without its quotes.
fn field(text: &str, name: &str, separator: char) -> Option<String> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(separator)?;
        (found.trim() == name).then(|| value.trim().trim_matches('"').to_owned())
    })
}

/// The kind of file system that holds `folder`.
fn file_system(folder: &Path) -> String {
    let mut command = Command::new("findmnt");
    command
        .args(["--noheadings", "--output", "FSTYPE", "--target"])
        .arg(folder);
    setup::read(&mut command).unwrap_or_else(|_| "unknown".to_owned())
}

/// The version of an interpreter, and how it was built.
///
/// # Errors
/// When it does not run.
pub(crate) fn python(python: &Path) -> Result<String> {
    const QUESTION: &str = "import platform, sysconfig\n\
        options = sysconfig.get_config_var('CONFIG_ARGS') or ''\n\
        how = 'with' if '--enable-optimizations' in options else 'without'\n\
        shared = 'a shared' if sysconfig.get_config_var('Py_ENABLE_SHARED') else 'no shared'\n\
        print(f'{platform.python_implementation()} {platform.python_version()}, built {how} \
        profile-guided optimisation, with {shared} library')";
    setup::read(Command::new(python).args(["-I", "-c", QUESTION]))
}

/// The versions of what the virtual environment was made for.
fn versions(tools: &Tools) -> Result<String> {
    const QUESTION: &str = "from importlib.metadata import version\n\
        names = ['PyInstaller', 'Flask', 'numpy', 'pandas', 'PyQt6']\n\
        print(', '.join(f'{name} {version(name)}' for name in names))";
    setup::read(Command::new(&tools.python).args(["-I", "-c", QUESTION]))
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let release = "NAME=\"Debian GNU/Linux\"\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n";
        let found = field(release, "PRETTY_NAME", '=');
        assert_eq!(found.as_deref(), Some("Debian GNU/Linux 12"));
        let processor = "model\t\t: 1\nmodel name\t: Some CPU: fast\n";
        let found = field(processor, "model name", ':');
        assert_eq!(found.as_deref(), Some("Some CPU: fast"));
        assert_eq!(field(processor, "flags", ':'), None);
    }
}
