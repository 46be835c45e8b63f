//! A subject as each packer makes it.

use super::plan::Packer;
use super::subjects::{Floor, Subject, Way};
use crate::setup;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What everything is made and measured with.
pub(super) struct Tools {
    pub(super) pack: PathBuf,
    /// Of the virtual environment that holds what the subjects import, and PyInstaller.
    pub(super) python: PathBuf,
    /// For all that this run makes.
    pub(super) scratch: PathBuf,
}

impl Tools {
    /// The command line that packs `subject`, whose sources are at `sources`, as one file: `dist/packed`.
    pub(super) fn build(&self, packer: Packer, subject: &Subject, sources: &Path) -> Vec<String> {
        let script = text(&sources.join(subject.script));
        let mut command = match packer {
            Packer::Pack => {
                let python = text(&self.python);
                let mut words = vec![text(&self.pack)];
                words.extend(["build".to_owned(), "--python".to_owned(), python]);
                words
            }
            Packer::PyInstaller => {
                let options = ["-m", "PyInstaller", "--noconfirm", "--log-level", "ERROR"];
                let mut words = vec![text(&self.python)];
                words.extend(options.map(str::to_owned));
                words
            }
        };
        command.extend(["--onefile", "--name", "packed", "--distpath", "dist"].map(str::to_owned));
        command.extend(subject.data(sources));
        command.push(script);
        command
    }

    /// The command line that starts `subject` as it was before packing.
    pub(super) fn unpacked(&self, subject: &Subject) -> Vec<String> {
        let script = text(&subject.sources().join(subject.script));
        let arguments = subject.arguments.iter().map(|&word| word.to_owned());
        [text(&self.python), script]
            .into_iter()
            .chain(arguments)
            .collect()
    }

    /// The command line that starts as little of a Python as runs `subject`, or nothing.
    fn floor(&self, subject: &Subject) -> Vec<String> {
        let isolated = [text(&self.python), "-I".to_owned(), "-S".to_owned()];
        let rest = match subject.floor {
            Floor::Script => vec![text(&subject.sources().join(subject.script))],
            Floor::Nothing => vec!["-c".to_owned(), "pass".to_owned()],
        };
        isolated.into_iter().chain(rest).collect()
    }

    /// A command with the variables that `subject` is given, at home in `home`.
    pub(super) fn command(&self, subject: &Subject, words: &[String], home: &Path) -> Command {
        let (program, arguments) = words
            .split_first()
            .map_or(("", words), |(first, rest)| (first.as_str(), rest));
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(home)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", home)
            .env("TMPDIR", home.join("kept"))
            .envs(subject.variables.iter().copied());
        command
    }
}

/// What the packers made of a subject.
pub(super) struct Products {
    pack: PathBuf,
    folder: PathBuf,
    one_file: PathBuf,
    one_folder: PathBuf,
    pub(super) sizes: Sizes,
}

/// In bytes.
pub(super) struct Sizes {
    pub(super) pack: u64,
    pub(super) folder: u64,
    pub(super) one_file: u64,
    pub(super) one_folder: u64,
}

impl Products {
    /// Packs `subject` below `folder`.
    ///
    /// # Errors
    /// When a build fails.
    pub(super) fn build(tools: &Tools, subject: &Subject, folder: &Path) -> Result<Self> {
        let sources = subject.sources();
        let home = folder.join("products");
        let dist = home.join("dist");
        let build = |words: &[String], name: &str| -> Result<PathBuf> {
            create(&home.join("kept"))?;
            setup::read(&mut tools.command(subject, words, &home))
                .with_context(|| format!("{} could not be packed", subject.name))?;
            let kept = home.join(name);
            std::fs::rename(&dist, &kept)
                .with_context(|| format!("could not rename {}", dist.display()))?;
            Ok(kept)
        };
        let [pack, folder] = forms(tools.build(Packer::Pack, subject, &sources));
        let [one_file, one_folder] = forms(tools.build(Packer::PyInstaller, subject, &sources));
        let pack = build(&pack, "pack")?;
        let folder = build(&folder, "folder")?;
        let one_file = build(&one_file, "one-file")?;
        let one_folder = build(&one_folder, "one-folder")?;
        let sizes = Sizes {
            pack: size(&pack)?,
            folder: size(&folder)?,
            one_file: size(&one_file)?,
            one_folder: size(&one_folder)?,
        };
        Ok(Self {
            pack: pack.join("packed"),
            folder: folder.join("packed/packed"),
            one_file: one_file.join("packed"),
            one_folder: one_folder.join("packed/packed"),
            sizes,
        })
    }

    /// The command line that starts `subject` in that way.
    pub(super) fn start(&self, tools: &Tools, subject: &Subject, way: Way) -> Vec<String> {
        let program = match way {
            Way::PackFirst | Way::PackLater => &self.pack,
            Way::FolderFirst | Way::FolderLater => &self.folder,
            Way::OneFileFirst | Way::OneFileLater => &self.one_file,
            Way::OneFolder => &self.one_folder,
            Way::Python => return tools.unpacked(subject),
            Way::Floor => return tools.floor(subject),
        };
        let arguments = subject.arguments.iter().map(|&word| word.to_owned());
        std::iter::once(text(program)).chain(arguments).collect()
    }
}

/// A command that packs as one file, and the same for one folder.
fn forms(one_file: Vec<String>) -> [Vec<String>; 2] {
    let one_folder = one_file.iter().map(|word| match word.as_str() {
        "--onefile" => "--onedir".to_owned(),
        _ => word.clone(),
    });
    let one_folder = one_folder.collect();
    [one_file, one_folder]
}

/// Makes `folder`, and those above it.
pub(super) fn create(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("could not create {}", folder.display()))
}

/// Copies a folder, without the bytecode that lies in it.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    create(to)?;
    for item in
        std::fs::read_dir(from).with_context(|| format!("could not list {}", from.display()))?
    {
        let item = item?;
        let (path, copied) = (item.path(), to.join(item.file_name()));
        if item.file_type()?.is_dir() {
            if item.file_name() != "__pycache__" {
                copy(&path, &copied)?;
            }
        } else {
            std::fs::copy(&path, &copied)
                .with_context(|| format!("could not copy {}", path.display()))?;
        }
    }
    Ok(())
}

/// The bytes of all files below `folder`; links count as nothing.
fn size(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    for item in
        std::fs::read_dir(folder).with_context(|| format!("could not list {}", folder.display()))?
    {
        let item = item?;
        let kind = item.file_type()?;
        if kind.is_dir() {
            sum += size(&item.path())?;
        } else if kind.is_file() {
            sum += item.metadata()?.len();
        }
    }
    Ok(sum)
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::subjects::SUBJECTS;
    use super::*;

    fn tools() -> Tools {
        Tools {
            pack: "/bin/pack".into(),
            python: "/venv/bin/python".into(),
            scratch: "/scratch".into(),
        }
    }

    #[test]
    fn both_packers_get_the_same_options() {
        let flask = SUBJECTS
            .iter()
            .find(|subject| subject.name == "flask")
            .unwrap();
        let [ours, theirs] = Packer::ALL.map(|packer| {
            let words = tools().build(packer, flask, Path::new("/s"));
            let at = words.iter().position(|word| word == "--onefile").unwrap();
            words[at..].to_vec()
        });
        assert_eq!(ours, theirs);
        assert!(ours.contains(&"/s/assets:assets".to_owned()), "{ours:?}");
        assert_eq!(ours.last().unwrap(), "/s/manage.py");
    }

    #[test]
    fn the_floor_is_given_the_script_only_where_it_can_run_it() {
        let products = Products {
            pack: "/packed".into(),
            folder: "/beside".into(),
            one_file: "/one".into(),
            one_folder: "/folder".into(),
            sizes: Sizes {
                pack: 0,
                folder: 0,
                one_file: 0,
                one_folder: 0,
            },
        };
        let start = |name: &str, way| {
            let subject = SUBJECTS
                .iter()
                .find(|subject| subject.name == name)
                .unwrap();
            products.start(&tools(), subject, way).join(" ")
        };
        let floor = start("flask", Way::Floor);
        assert_eq!(floor, "/venv/bin/python -I -S -c pass");
        assert!(start("imports", Way::Floor).ends_with("programs/imports.py"));
        assert_eq!(start("flask", Way::PackLater), "/packed list");
    }

    #[test]
    fn sizes_are_of_files_and_copies_leave_bytecode_out() {
        let folder = std::env::temp_dir().join(format!("pack-bench-test-{}", std::process::id()));
        let (from, to) = (folder.join("from"), folder.join("to"));
        create(&from.join("a/__pycache__")).unwrap();
        std::fs::write(from.join("a/b.py"), "12345").unwrap();
        std::fs::write(from.join("a/__pycache__/b.pyc"), "123").unwrap();
        std::os::unix::fs::symlink("b.py", from.join("a/link.py")).unwrap();
        assert_eq!(size(&from).unwrap(), 8);
        std::fs::remove_file(from.join("a/link.py")).unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(size(&to).unwrap(), 5);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
