//! Zips that modules are imported from: zipapps, eggs, archives on the search path. They are unpacked beside the cache of builds,
//! and searched as the folders that they then are; in the bundle their modules are as any others.

use crate::facts::InterpreterFacts;
use crate::inputs;
use crate::layout::is_windows;
use crate::plan::{BuildPlan, DataRule, Entry};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// What runs of an archive.
pub(crate) const MAIN: &str = "__main__.py";

/// An archive cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the archive `{}`", path.display())]
pub struct ArchiveError {
    /// The archive.
    pub path: PathBuf,
    /// What is wrong with it.
    pub source: io::Error,
}

/// Whether `path` is a zip, whatever stands before it: zipapps begin with a line for the shell. A script is none.
#[must_use]
pub fn is_archive(path: &Path) -> bool {
    let is_script = path.extension().is_some_and(|end| end == "py");
    !is_script && path.is_file() && open(path).is_ok()
}

/// Whether an archive can be run.
#[must_use]
pub(crate) fn has_main(path: &Path) -> bool {
    open(path).is_ok_and(|archive| archive.index_for_name(MAIN).is_some())
}

fn open(path: &Path) -> io::Result<zip::ZipArchive<File>> {
    zip::ZipArchive::new(File::open(path)?).map_err(io::Error::other)
}

/// Unpacks the archives that the program runs or searches, and has `plan` and `facts` name the folders instead.
///
/// # Errors
/// When one cannot be read, or there is no place to unpack it.
pub(crate) fn unpack(
    plan: &mut BuildPlan,
    facts: &mut InterpreterFacts,
) -> Result<(), ArchiveError> {
    let cache = plan.cache_dir.clone();
    let mut unpacker = Unpacker::new(cache.as_deref(), "pack-archives");
    let mut folders = Vec::new();
    let main = &mut plan.entry;
    let entries = std::iter::once(main).chain(plan.commands.iter_mut().map(|(_, entry)| entry));
    for entry in entries {
        let Entry::Script(script) = entry else {
            continue;
        };
        if let Some(folder) = unpacker.folder_if_archive(script)? {
            // A zipapp is one program, and may read its data in any way: it goes in whole.
            plan.include.data.push(DataRule {
                source: folder.clone(),
                dest: ".".into(),
            });
            *script = folder.join(MAIN);
            folders.push(folder);
        }
    }
    if let (Some(folder), Entry::Script(script)) = (folders.first(), &plan.entry)
        && script.starts_with(folder)
    {
        plan.root.clone_from(folder);
    }
    for path in &mut plan.paths {
        if let Some(folder) = unpacker.folder_if_archive(path)? {
            folders.push(folder.clone());
            *path = folder;
        }
    }
    // Those of an interpreter for Windows are its own, and are looked after where it is read.
    if !is_windows(&plan.target) {
        for path in &mut facts.sys_path {
            if let Some(folder) = unpacker.folder_if_archive(path)? {
                let installed = facts
                    .site_packages
                    .iter()
                    .any(|site| path.starts_with(site));
                if installed {
                    facts.site_packages.push(folder.clone());
                }
                folders.push(folder.clone());
                *path = folder;
            }
        }
    }
    facts.archives = folders;
    facts.unpacked.extend(unpacker.into_own().map(Arc::new));
    Ok(())
}

/// Unpacks archives once.
pub(crate) struct Unpacker<'a> {
    cache: Option<&'a Path>,
    /// Of the folder beside the cache.
    name: &'static str,
    own: Option<TempDir>,
}

impl<'a> Unpacker<'a> {
    /// Into the folder `name` beside the cache of builds, or where there is none into one for this build alone.
    pub(crate) fn new(cache: Option<&'a Path>, name: &'static str) -> Self {
        Self {
            cache,
            name,
            own: None,
        }
    }

    /// What was unpacked for this build alone.
    pub(crate) fn into_own(self) -> Option<TempDir> {
        self.own
    }

    fn folder_if_archive(&mut self, path: &Path) -> Result<Option<PathBuf>, ArchiveError> {
        if !inputs::is_file(path) || !is_archive(path) {
            return Ok(None);
        }
        let folder = self.folder_of(path).map_err(|source| ArchiveError {
            path: path.to_owned(),
            source,
        });
        folder.map(Some)
    }

    /// The folder with what is in the zip at `path`.
    pub(crate) fn folder_of(&mut self, path: &Path) -> io::Result<PathBuf> {
        // Whole: one that was just made is known by its content when the next build looks whether it has changed.
        let content = inputs::read(path)?;
        // Metadata of an egg is named after its file.
        let key = Sha256::new_with_prefix(egg(path).unwrap_or_default()).chain_update(&content);
        let key: String = key
            .finalize()
            .iter()
            .take(12)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let base = self.base()?;
        let folder = base.join(key);
        // Not a look of this build's: what is not there yet will be.
        if folder.is_dir() {
            inputs::note_path(&folder);
            return Ok(folder);
        }
        // Whole or not at all: built beside its place.
        let fresh = tempfile::Builder::new()
            .prefix(".unpacking-")
            .tempdir_in(&base)?;
        extract(Cursor::new(content), fresh.path(), egg(path).as_deref())?;
        let fresh = fresh.keep();
        if let Err(error) = fs_err::rename(&fresh, &folder) {
            let _ = fs_err::remove_dir_all(&fresh);
            // Another build was as quick.
            if !folder.is_dir() {
                return Err(error);
            }
        }
        inputs::note_path(&folder);
        Ok(folder)
    }

    fn base(&mut self) -> io::Result<PathBuf> {
        if let Some(cache) = self.cache {
            let base = cache.with_file_name(self.name);
            fs_err::create_dir_all(&base)?;
            return Ok(base);
        }
        let own = match self.own.take() {
            Some(own) => own,
            None => tempfile::tempdir()?,
        };
        Ok(self.own.insert(own).path().to_owned())
    }
}

/// `name-1.0` of `name-1.0-py3.11.egg`.
pub(crate) fn egg(path: &Path) -> Option<String> {
    let stem = path.file_name()?.to_str()?.strip_suffix(".egg")?;
    let mut parts = stem.splitn(3, '-');
    Some(format!("{}-{}", parts.next()?, parts.next()?))
}

/// Writes what is in a zip into `folder`; of an egg the metadata as an installer would.
pub(crate) fn extract(file: impl Read + Seek, folder: &Path, egg: Option<&str>) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(file).map_err(io::Error::other)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(io::Error::other)?;
        if entry.is_dir() {
            continue;
        }
        let name = entry.name().map_err(io::Error::other)?.to_string();
        let name = match (egg, name.strip_prefix("EGG-INFO/")) {
            (Some(egg), Some(rest)) => format!("{egg}.egg-info/{rest}"),
            _ => name,
        };
        let name = payload::ArchivePath::new(name).map_err(io::Error::other)?;
        let path = folder.join(name.as_str());
        if let Some(parent) = path.parent() {
            fs_err::create_dir_all(parent)?;
        }
        let length = entry.size();
        let mut target = fs_err::File::create(path)?;
        // What the directory says is what there is room for; one byte more is a lie.
        let copied = io::copy(&mut entry.by_ref().take(length + 1), &mut target)?;
        if copied != length {
            return Err(io::Error::other(format!("`{name}` in it is damaged")));
        }
        target.flush()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing;

    fn archive(path: &Path, head: &[u8], files: &[(&str, &str)]) {
        let mut file = File::create(path).unwrap();
        file.write_all(head).unwrap();
        let mut zip = zip::ZipWriter::new(file);
        for (name, content) in files {
            zip.start_file(*name, zip::write::SimpleFileOptions::default())
                .unwrap();
            zip.write_all(content.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
    }

    #[test]
    fn names_of_eggs() {
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(egg(Path::new(name)).as_deref(), expected);
        };
        check("/a/demo-1.0-py3.11.egg", Some("demo-1.0"));
        check("demo_x-1.0.egg", Some("demo_x-1.0"));
        check("demo.egg", None);
        check("demo-1.0.zip", None);
    }

    #[test]
    fn archives_become_folders() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        archive(
            &path("app"),
            b"#!/usr/bin/env python3\n",
            &[(MAIN, "import a"), ("a/b.txt", "b")],
        );
        archive(&path("x.zip"), b"", &[("x.py", "")]);
        std::fs::create_dir(path("site")).unwrap();
        archive(
            &path("site/d-1-py3.11.egg"),
            b"",
            &[("d.py", ""), ("EGG-INFO/PKG-INFO", "Name: d\n")],
        );
        std::fs::write(path("plain.zip"), "no archive").unwrap();
        let mut plan = testing::plan(
            folder.path(),
            Entry::Script(path("app")),
            Path::new("/none"),
        );
        plan.paths = vec![path("app"), path("x.zip"), path("plain.zip")];
        let mut facts = testing::facts();
        facts.site_packages = vec![path("site")];
        facts.sys_path = vec![path("site"), path("site/d-1-py3.11.egg")];
        unpack(&mut plan, &mut facts).unwrap();
        let Entry::Script(script) = &plan.entry else {
            panic!()
        };
        assert_eq!(std::fs::read_to_string(script).unwrap(), "import a");
        assert_eq!(plan.root, plan.paths[0]);
        assert_eq!(std::fs::read(plan.paths[0].join("a/b.txt")).unwrap(), b"b");
        assert!(plan.paths[1].join("x.py").is_file());
        assert_eq!(plan.paths[2], path("plain.zip"));
        assert!(facts.sys_path[1].join("d-1.egg-info/PKG-INFO").is_file());
        assert_eq!(facts.site_packages[1], facts.sys_path[1]);
        assert_eq!(facts.archives.len(), 4);
    }

    #[test]
    fn names_that_lead_out_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.zip");
        archive(&path, b"", &[("../x.py", "")]);
        let mut plan = testing::plan(folder.path(), Entry::Module("x".into()), Path::new("/none"));
        plan.paths = vec![path.clone()];
        plan.cache_dir = Some(folder.path().join("pack"));
        let error = unpack(&mut plan, &mut testing::facts()).unwrap_err();
        assert_eq!(error.path, path);
        let all = walkdir::WalkDir::new(folder.path()).into_iter().flatten();
        assert!(!all.into_iter().any(|found| found.file_name() == "x.py"));
    }
}
