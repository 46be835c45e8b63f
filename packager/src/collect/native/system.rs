//! Libraries of the build machine, found as ld.so finds them.

use crate::elf::ElfFile;
use crate::inputs;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Where libraries lie on this machine.
#[derive(Debug)]
pub(super) struct System {
    /// `e_machine` of the interpreter: libraries of another machine are passed over.
    machine: u16,
    /// Searched after the cache: the interpreter's own `lib`, then the standard folders.
    folders: Vec<PathBuf>,
    cache: OnceLock<HashMap<String, Vec<PathBuf>>>,
    /// Names of files have no case.
    windows: bool,
}

impl System {
    pub(super) fn new(machine: u16, prefixes: &[&Path], multiarch: &str) -> Self {
        let mut folders: Vec<PathBuf> = prefixes.iter().map(|prefix| prefix.join("lib")).collect();
        for root in ["/lib", "/usr/lib", "/usr/local/lib"] {
            if !multiarch.is_empty() {
                folders.push(Path::new(root).join(multiarch));
            }
            folders.push(PathBuf::from(format!("{root}64")));
            folders.push(PathBuf::from(root));
        }
        Self {
            machine,
            folders,
            cache: OnceLock::new(),
            windows: false,
        }
    }

    /// For Windows: what the interpreter brings, and nothing of this machine.
    pub(super) fn of_windows(machine: u16, interpreter: &Path) -> Self {
        let folders = ["", "DLLs", "Library/bin"].map(|folder| interpreter.join(folder));
        Self {
            machine,
            folders: folders.into(),
            cache: OnceLock::from(HashMap::new()),
            windows: true,
        }
    }

    /// The library `soname`: in `own` (the search path of the one who needs it), then where the loader's cache says,
    /// then in the standard folders.
    pub(super) fn find(&self, soname: &str, own: &[PathBuf]) -> Option<(PathBuf, ElfFile)> {
        let own = own.iter().map(|folder| self.in_folder(folder, soname));
        let cached = self.cache().get(soname).into_iter().flatten().cloned();
        let standard = self
            .folders
            .iter()
            .map(|folder| self.in_folder(folder, soname));
        own.chain(cached).chain(standard).find_map(|path| {
            let elf = super::read(&path).ok().flatten()?;
            (elf.machine == self.machine && !elf.is_musl()).then_some((path, elf))
        })
    }

    /// The path of a file of that name, whether it is there or not.
    fn in_folder(&self, folder: &Path, name: &str) -> PathBuf {
        let exact = folder.join(name);
        if !self.windows || inputs::is_file(&exact) {
            return exact;
        }
        let entries = inputs::entries(folder).unwrap_or_default();
        let same = |entry: &std::fs::DirEntry| entry.file_name().eq_ignore_ascii_case(name);
        entries
            .iter()
            .find(|entry| same(entry))
            .map_or(exact, std::fs::DirEntry::path)
    }

    /// The names that `ctypes.util.find_library` takes for `stem`: the linker's, then those in the loader's cache, in order.
    pub(super) fn versions(&self, stem: &str) -> Vec<String> {
        let linked = format!("lib{stem}.so");
        let begin = format!("{linked}.");
        let cached = self.cache().keys();
        let mut names: Vec<String> = cached
            .filter(|name| name.starts_with(&begin))
            .cloned()
            .collect();
        names.sort();
        names.insert(0, linked);
        names
    }

    /// Where `find` looks beside the cache, for messages.
    pub(super) fn searched(&self, own: &[PathBuf]) -> String {
        let existing = own
            .iter()
            .chain(&self.folders)
            .filter(|folder| inputs::is_folder(folder));
        let shown: Vec<String> = existing
            .map(|folder| folder.display().to_string())
            .collect();
        shown.join(", ")
    }

    fn cache(&self) -> &HashMap<String, Vec<PathBuf>> {
        self.cache
            .get_or_init(|| parse(&listing().unwrap_or_default()))
    }
}

/// `ldconfig -p`; it is not on everybody's PATH.
fn listing() -> Option<String> {
    inputs::note_path(Path::new("/etc/ld.so.cache"));
    let run = |program: &str| {
        inputs::note_path(Path::new(program));
        let mut command = Command::new(program);
        command
            .arg("-p")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        command
            .output()
            .ok()
            .filter(|output| output.status.success())
    };
    let output = ["/sbin/ldconfig", "/usr/sbin/ldconfig", "ldconfig"]
        .iter()
        .find_map(|program| run(program))?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Lines such as `\tlibz.so.1 (libc6,x86-64) => /lib/x86_64-linux-gnu/libz.so.1`.
fn parse(listing: &str) -> HashMap<String, Vec<PathBuf>> {
    let mut found: HashMap<String, Vec<PathBuf>> = HashMap::new();
    for line in listing.lines() {
        let Some((left, path)) = line.split_once(" => ") else {
            continue;
        };
        let Some((soname, _)) = left.trim().split_once(' ') else {
            continue;
        };
        found
            .entry(soname.to_owned())
            .or_default()
            .push(PathBuf::from(path));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_stem_stands_for() {
        let system = System {
            cache: OnceLock::from(parse(
                "\tlibz.so.2 (libc6) => /a\n\tlibz.so.1 (libc6) => /b\n\tlibzip.so.1 (libc6) => /c\n",
            )),
            ..System::of_windows(0, Path::new(""))
        };
        assert_eq!(system.versions("z"), ["libz.so", "libz.so.1", "libz.so.2"]);
    }

    #[test]
    fn lines_of_ldconfig() {
        let found = parse(
            "2 libs found in cache `/etc/ld.so.cache'\n\tlibz.so.1 (libc6,x86-64) => /lib/a/libz.so.1\n\
             \tlibz.so.1 (libc6) => /lib32/libz.so.1\nCache generated by: ldconfig\n",
        );
        assert_eq!(found.len(), 1);
        assert_eq!(
            found["libz.so.1"],
            [
                PathBuf::from("/lib/a/libz.so.1"),
                PathBuf::from("/lib32/libz.so.1")
            ]
        );
    }
}
