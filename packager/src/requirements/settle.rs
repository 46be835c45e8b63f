//! Puts what installers leave into the shape of an installation, without what a packed program has no use for.
//!
//! `pip install --target` installs scripts and data beside the packages, and leaves RECORD saying that they lie two folders
//! above. In an installation that are three. Scripts name the interpreter of this machine: they go.

use super::tool::SITE;
use std::io::{self, Read as _};
use std::path::{Component, Path};

/// Where pip believes to install to: `lib/python`.
const ABOVE: &str = "../../";
/// Where an installation's prefix is, as its site-packages see it.
const ABOVE_SITE: &str = "../../../";

/// Of the distributions in `prefix`, as [`super::tool::Tool::install`] has left it.
pub(super) fn settle(prefix: &Path) -> io::Result<()> {
    for site in super::sites(prefix) {
        for entry in fs_err::read_dir(&site)? {
            let record = entry?.path().join("RECORD");
            if record.is_file() {
                settle_one(&record, &site, prefix)?;
            }
        }
    }
    Ok(())
}

fn settle_one(record: &Path, site: &Path, prefix: &Path) -> io::Result<()> {
    let by_pip = site.ends_with(SITE);
    let text = fs_err::read_to_string(record)?;
    let mut settled = String::with_capacity(text.len());
    for line in text.lines() {
        let (quote, rest) = match line.strip_prefix('"') {
            Some(rest) => ("\"", rest),
            None => ("", line),
        };
        let above = if by_pip { ABOVE } else { ABOVE_SITE };
        let end = if quote.is_empty() { ',' } else { '"' };
        let below = rest.strip_prefix(above).and_then(|rest| {
            let name = Path::new(rest.split(end).next()?);
            let is_plain = |part| matches!(part, Component::Normal(_));
            name.components().all(is_plain).then_some((rest, name))
        });
        let Some((rest, name)) = below else {
            settled.push_str(line);
            settled.push('\n');
            continue;
        };
        if by_pip {
            move_up(name, site, prefix)?;
        }
        if !remove_script(&prefix.join(name))? {
            settled.push_str(&format!("{quote}{ABOVE_SITE}{rest}\n"));
        }
    }
    match settled == text {
        true => Ok(()),
        false => fs_err::write(record, settled),
    }
}

/// Whether `path` was a script in `bin`.
fn remove_script(path: &Path) -> io::Result<bool> {
    let in_bin = path.parent().is_some_and(|folder| folder.ends_with("bin"));
    if !in_bin || !path.is_file() {
        return Ok(false);
    }
    let mut start = [0; 2];
    let read = fs_err::File::open(path)?.read(&mut start)?;
    let is_script = &start[..read] == b"#!";
    if is_script {
        fs_err::remove_file(path)?;
    }
    Ok(is_script)
}

fn move_up(path: &Path, site: &Path, prefix: &Path) -> io::Result<()> {
    let from = site.join(path);
    if !from.is_file() {
        return Ok(()); // RECORD lists what is not there: that is told when it is packed
    }
    let to = prefix.join(path);
    if let Some(parent) = to.parent() {
        fs_err::create_dir_all(parent)?;
    }
    fs_err::rename(from, to)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::tree;

    #[test]
    fn what_lies_beside_packages_is_put_above_them() {
        let folder = tempfile::tempdir().unwrap();
        let record = "a/__init__.py,sha256=x,1\n../../share/a/x.json,sha256=y,2\n\"../../bin/a,b\",sha256=z,3\n\
                      ../../../../etc/passwd,,\n../../missing,,\n../../bin/a,,\n";
        let at = |name: &str| format!("{SITE}/{name}");
        tree(
            folder.path(),
            &[
                (&at("a/__init__.py"), ""),
                (&at("share/a/x.json"), "{}"),
                (&at("bin/a"), "#!/usr/bin/python3\n"),
                (&at("a-1.dist-info/RECORD"), record),
            ],
        );
        settle(folder.path()).unwrap();
        let settled =
            fs_err::read_to_string(folder.path().join(at("a-1.dist-info/RECORD"))).unwrap();
        assert_eq!(
            settled,
            "a/__init__.py,sha256=x,1\n../../../share/a/x.json,sha256=y,2\n\"../../../bin/a,b\",sha256=z,3\n\
             ../../../../etc/passwd,,\n../../../missing,,\n"
        );
        assert!(!folder.path().join("bin/a").exists());
        assert!(folder.path().join("share/a/x.json").is_file());
        assert!(!folder.path().join(at("share/a/x.json")).exists());
    }
}
