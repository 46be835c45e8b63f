//! METADATA, PKG-INFO and the small files beside them.

use crate::inputs;
use std::path::{Path, PathBuf};

/// The fields that matter here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) version: String,
    /// `Requires-Dist`.
    pub(super) requires: Vec<String>,
}

/// Reads the header of `metadata`, a `.dist-info` or `.egg-info` folder or a single `.egg-info` file.
pub(super) fn read(metadata: &Path) -> Option<Header> {
    let candidates = [
        metadata.join("METADATA"),
        metadata.join("PKG-INFO"),
        metadata.to_owned(),
    ];
    let bytes = candidates.iter().find_map(|path| inputs::read(path).ok())?;
    let mut header = parse(&String::from_utf8_lossy(&bytes));
    if header.requires.is_empty()
        && let Ok(text) = inputs::read_to_string(&metadata.join("requires.txt"))
    {
        header.requires = egg_requires(&text);
    }
    (!header.name.is_empty()).then_some(header)
}

/// The header ends at the first empty line; a line that begins with a space continues the one before.
fn parse(text: &str) -> Header {
    let mut header = Header::default();
    let mut lines = text.lines().take_while(|line| !line.is_empty()).peekable();
    while let Some(line) = lines.next() {
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        let mut value = value.trim().to_owned();
        while let Some(more) = lines.next_if(|line| line.starts_with([' ', '\t'])) {
            value.push(' ');
            value.push_str(more.trim());
        }
        match key.to_ascii_lowercase().as_str() {
            "name" => header.name = value,
            "version" => header.version = value,
            "requires-dist" => header.requires.push(value),
            _ => {}
        }
    }
    header
}

/// `requires.txt` of setuptools: sections `[extra]`, `[:marker]`, `[extra:marker]`.
fn egg_requires(text: &str) -> Vec<String> {
    let mut condition = String::new();
    let mut found = Vec::new();
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        if let Some(section) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            let (extra, marker) = section.split_once(':').unwrap_or((section, ""));
            let extra = if extra.is_empty() {
                String::new()
            } else {
                format!("extra == \"{extra}\"")
            };
            let marker = if marker.is_empty() {
                String::new()
            } else {
                format!("({marker})")
            };
            let parts: Vec<&str> = [extra.as_str(), marker.as_str()]
                .into_iter()
                .filter(|p| !p.is_empty())
                .collect();
            condition = parts.join(" and ");
        } else if condition.is_empty() {
            found.push(line.to_owned());
        } else {
            found.push(format!("{line} ; {condition}"));
        }
    }
    found
}

/// The modules that a distribution's entry points are in.
pub(super) fn entry_modules(metadata: &Path) -> Vec<String> {
    let text = inputs::read_to_string(&metadata.join("entry_points.txt")).unwrap_or_default();
    let values = text.lines().filter_map(|line| line.split_once('='));
    let modules = values.map(|(_, value)| {
        let module = value.split([':', '[']).next().unwrap_or_default();
        module.trim().to_owned()
    });
    modules.filter(|module| !module.is_empty()).collect()
}

/// The top-level names that setuptools notes for a distribution.
pub(super) fn top_level(metadata: &Path) -> Vec<String> {
    let text = inputs::read_to_string(&metadata.join("top_level.txt")).unwrap_or_default();
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The groups of entry points that a distribution declares.
pub(super) fn groups(metadata: &Path) -> Vec<String> {
    let text = inputs::read_to_string(&metadata.join("entry_points.txt")).unwrap_or_default();
    let names = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix('[')?.strip_suffix(']'));
    names.map(|name| name.trim().to_owned()).collect()
}

/// The top-level files and folders of a distribution that records no files.
pub(super) fn roots(site: &Path, metadata: &Path, name: &str) -> Vec<PathBuf> {
    let mut names = top_level(metadata);
    if names.is_empty() {
        names = vec![
            name.replace(['-', '.'], "_"),
            name.to_lowercase().replace(['-', '.'], "_"),
        ];
        names.dedup();
    }
    let entries: Vec<PathBuf> = inputs::entries(site)
        .into_iter()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    let mut found: Vec<PathBuf> = names
        .iter()
        .flat_map(|name| named(&entries, name))
        .collect();
    found.sort();
    found.dedup();
    found
}

/// All that lies in the folder of an egg beside its metadata.
pub(super) fn roots_of_egg(folder: &Path) -> Vec<PathBuf> {
    let entries = inputs::entries(folder).into_iter().flatten();
    let paths = entries.map(|entry| entry.path());
    let mut found: Vec<PathBuf> = paths
        .filter(|path| path.file_name().is_some_and(|name| name != super::EGG_INFO))
        .collect();
    found.sort();
    found
}

/// `name/`, `name.py`, `name.<tag>.so` among `entries`.
fn named<'a>(entries: &'a [PathBuf], name: &'a str) -> impl Iterator<Item = PathBuf> + 'a {
    let matches = move |path: &&PathBuf| {
        let file = path
            .file_name()
            .map(|file| file.to_string_lossy())
            .unwrap_or_default();
        match file.strip_prefix(name) {
            Some("") => inputs::is_folder(path),
            Some(".py" | ".pyc") => true,
            Some(rest) => rest.starts_with('.') && rest.ends_with(".so"),
            None => false,
        }
    };
    entries.iter().filter(matches).cloned()
}

/// The project folder in `direct_url.json` (PEP 610) of an editable install.
pub(super) fn editable_project(metadata: &Path) -> Option<PathBuf> {
    let text = inputs::read_to_string(&metadata.join("direct_url.json")).ok()?;
    let json: serde_json::Value = serde_json::from_str(&text).ok()?;
    if json.pointer("/dir_info/editable")?.as_bool() != Some(true) {
        return None;
    }
    let path = percent_decoded(json.get("url")?.as_str()?.strip_prefix("file://")?);
    Some(PathBuf::from(path))
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_continue_and_end() {
        let header = parse(
            "Metadata-Version: 2.1\nName: Foo.Bar\nVersion: 1.2\nRequires-Dist: a\n  >= 1\n\nName: body\n",
        );
        assert_eq!(
            (header.name.as_str(), header.version.as_str()),
            ("Foo.Bar", "1.2")
        );
        assert_eq!(header.requires, ["a >= 1"]);
    }

    #[test]
    fn sections_of_requires_txt_become_markers() {
        let text =
            "a>=1\n\n[:python_version < \"3.8\"]\nb\n\n[fast]\nc\n\n[fast:os_name == \"nt\"]\nd\n";
        assert_eq!(
            egg_requires(text),
            [
                "a>=1",
                "b ; (python_version < \"3.8\")",
                "c ; extra == \"fast\"",
                "d ; extra == \"fast\" and (os_name == \"nt\")"
            ]
        );
    }

    #[test]
    fn urls() {
        assert_eq!(percent_decoded("/a%20b/%C3%A9%"), "/a b/é%");
    }
}
