//! Which Python is packed.

use super::environment::Environment;
use super::error::ConfigError;
use super::layer::Layer;
use super::value::Origin;
use crate::pythons;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The interpreter's program, absolute, and why it was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Of a virtual environment, the environment's own.
    pub program: PathBuf,
    /// For the summary: `--python`, `.venv of the project`, …
    pub reason: String,
}

/// Chooses: the setting, else `$VIRTUAL_ENV`, else a virtual environment in the project, else `python3` on `PATH`.
///
/// # Errors
/// When the one that is named is not there, a virtual environment has lost its own, or there is none at all.
pub fn choose(
    settings: &Layer,
    root: &Path,
    current: &Path,
    variables: &Environment,
) -> Result<Choice, ConfigError> {
    if let Some((text, origin)) = settings.text("bundle.python") {
        return named(text, origin, current, root, variables);
    }
    if let Some(folder) = variables
        .get("VIRTUAL_ENV")
        .filter(|folder| !folder.is_empty())
    {
        let program =
            in_environment(Path::new(folder))?.ok_or_else(|| ConfigError::NoSuchPython {
                reason: "$VIRTUAL_ENV names".into(),
                python: folder.clone(),
            })?;
        return Ok(Choice {
            program,
            reason: "the active virtual environment, $VIRTUAL_ENV".into(),
        });
    }
    for folder in project_folders(root, current) {
        for name in [".venv", "venv"] {
            if let Some(program) = in_environment(&folder.join(name))? {
                return Ok(Choice {
                    program,
                    reason: format!("{name} of the project"),
                });
            }
        }
    }
    let tried = || {
        vec![
            "$VIRTUAL_ENV".into(),
            ".venv".into(),
            "venv".into(),
            "python3 on PATH".into(),
        ]
    };
    match on_path("python3", root, variables) {
        Some(Ok(program)) => Ok(Choice {
            program,
            reason: "python3 on PATH".into(),
        }),
        Some(Err(error)) => Err(error),
        None => Err(ConfigError::NoPython { tried: tried() }),
    }
}

/// The interpreter for a program for Windows: the one that is named, by its path or, where it is in pack's cache, by its
/// version; else the latest one there.
///
/// # Errors
/// When there is none.
pub fn for_windows(
    settings: &Layer,
    current: &Path,
    variables: &Environment,
) -> Result<Choice, ConfigError> {
    let kept = |version| pythons::find(&pythons::home(variables)?, version, pythons::TARGET);
    let Some((text, origin)) = settings.text("bundle.python") else {
        let kept = kept(None).ok_or(ConfigError::NoWindowsPython)?;
        return Ok(Choice {
            program: kept.path,
            reason: "the latest of `pack python list`".into(),
        });
    };
    let program = super::absolute(&origin.base(current).join(text));
    let reason = format!("named by {origin}");
    if program.exists() {
        return Ok(Choice { program, reason });
    }
    if !pythons::is_version(text) {
        return Err(ConfigError::Missing {
            origin: origin.clone(),
            path: program,
        });
    }
    match kept(Some(text)) {
        Some(kept) => Ok(Choice {
            program: kept.path,
            reason,
        }),
        None => Err(ConfigError::NotKept {
            origin: origin.clone(),
            version: text.to_owned(),
        }),
    }
}

/// The project's folder, and those above it up to the current one: `pack build tools/report.py` finds `.venv`.
fn project_folders<'a>(root: &'a Path, current: &'a Path) -> impl Iterator<Item = &'a Path> {
    let above = root.ancestors().skip(1);
    std::iter::once(root).chain(above.take_while(move |folder| folder.starts_with(current)))
}

/// A path, a virtual environment's folder, a command's name, or a version.
fn named(
    text: &str,
    origin: &Origin,
    current: &Path,
    root: &Path,
    variables: &Environment,
) -> Result<Choice, ConfigError> {
    let chosen = |program| Choice {
        program,
        reason: format!("named by {origin}"),
    };
    let path = super::absolute(&origin.base(current).join(text));
    if path.is_file() {
        return program(&path, root).map(chosen);
    }
    if let Some(link) = dangling(&path) {
        return Err(ConfigError::BrokenPython {
            path,
            link: Some(link),
        });
    }
    if let Some(program) = in_environment(&path)? {
        return Ok(chosen(program));
    }
    let is_version = text.starts_with(|c: char| c.is_ascii_digit());
    let name = if is_version {
        format!("python{text}")
    } else {
        text.to_owned()
    };
    match on_path(&name, root, variables) {
        Some(found) if !text.contains('/') => found.map(chosen),
        _ => Err(ConfigError::NoSuchPython {
            reason: format!("{origin} names"),
            python: text.to_owned(),
        }),
    }
}

/// Where programs lie in a virtual environment, or in an installation's prefix.
const PROGRAMS: [&str; 4] = [
    "bin/python3",
    "bin/python",
    "Scripts/python.exe",
    "python.exe",
];

/// The program of a virtual environment, or of an installation's prefix.
///
/// # Errors
/// When the folder is a virtual environment that has lost it: another Python would pack other libraries.
fn in_environment(folder: &Path) -> Result<Option<PathBuf>, ConfigError> {
    let programs = || PROGRAMS.iter().map(|name| folder.join(name));
    if let Some(program) = programs().find(|program| program.is_file()) {
        return Ok(Some(super::absolute(&program)));
    }
    let link = programs().find_map(|program| dangling(&program));
    if link.is_none() && !folder.join("pyvenv.cfg").is_file() {
        return Ok(None);
    }
    let path = super::absolute(folder);
    Err(ConfigError::BrokenPython { path, link })
}

/// The last link that `path` leads to and what that names, when this is not there.
fn dangling(path: &Path) -> Option<(PathBuf, PathBuf)> {
    let mut link = path.to_owned();
    // More than the system follows: links that lead in a circle end, too.
    for _ in 0..64 {
        let named = fs_err::read_link(&link).ok()?;
        let target = link.parent()?.join(&named);
        if target.symlink_metadata().is_err() {
            return Some((link, named));
        }
        link = target;
    }
    None
}

/// The first program called `name` on `PATH` that starts a Python; the first failure when none does.
fn on_path(
    name: &str,
    root: &Path,
    variables: &Environment,
) -> Option<Result<PathBuf, ConfigError>> {
    let path = variables.get("PATH")?;
    let mut failure = None;
    for folder in std::env::split_paths(path).filter(|folder| folder.is_absolute()) {
        let candidate = folder.join(name);
        if !is_executable(&candidate) {
            continue;
        }
        match program(&candidate, root) {
            Ok(program) => return Some(Ok(program)),
            Err(error) => failure = failure.or(Some(Err(error))),
        }
    }
    failure
}

/// `path` itself, or what it starts when it is a script such as pyenv's shims: it is asked.
fn program(path: &Path, root: &Path) -> Result<PathBuf, ConfigError> {
    if !is_script(path) {
        return Ok(path.to_owned());
    }
    let failed = |message: String| ConfigError::Wrapper {
        python: path.to_owned(),
        message,
    };
    // In the project's folder, because pyenv reads `.python-version` there.
    let output = Command::new(path)
        .args(["-I", "-S", "-c", "import sys; print(sys.executable)"])
        .current_dir(root)
        .output()
        .map_err(|error| failed(error.to_string()))?;
    let answer = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() || answer.is_empty() || !Path::new(&answer).is_file() {
        let words = String::from_utf8_lossy(&output.stderr);
        let first = words
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or("it printed no program");
        return Err(failed(first.trim().to_owned()));
    }
    Ok(PathBuf::from(answer))
}

fn is_script(path: &Path) -> bool {
    let mut start = [0; 2];
    fs_err::File::open(path)
        .and_then(|mut file| file.read_exact(&mut start))
        .is_ok()
        && &start == b"#!"
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn executable(path: &Path, text: &str) {
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        // Written by another process: a child forked by another test would keep our descriptor open for a moment, and
        // the kernel does not start a file that someone has open for writing (ETXTBSY).
        let script = "printf %s \"$1\" >\"$0\" && chmod 755 \"$0\"";
        let status = Command::new("sh")
            .arg("-c")
            .arg(script)
            .arg(path)
            .arg(text)
            .status()
            .unwrap();
        assert!(status.success());
    }

    fn settings(python: &str) -> Layer {
        let mut layer = Layer::default();
        let setting = super::super::settings::find("bundle.python").unwrap();
        layer.set(
            setting,
            setting.kind.read(python).unwrap(),
            Origin::Flag("--python".into()),
        );
        layer
    }

    #[test]
    fn precedence() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let choose = |layer: &Layer, variables: &[(&str, &str)]| {
            let variables = variables
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect();
            choose(layer, root, root, &variables)
        };
        let none = Layer::default();
        let error = choose(&none, &[]).unwrap_err();
        insta::assert_snapshot!(error, @"no Python interpreter was found (looked for $VIRTUAL_ENV, .venv, venv, python3 on PATH)");

        executable(&root.join("bin/python3"), "ELF");
        let path = root.join("bin").display().to_string();
        let found = choose(&none, &[("PATH", &path)]).unwrap();
        assert_eq!(
            (found.program, found.reason.as_str()),
            (root.join("bin/python3"), "python3 on PATH")
        );

        executable(&root.join("venv/bin/python"), "ELF");
        let found = choose(&none, &[("PATH", &path)]).unwrap();
        assert_eq!(
            (found.program, found.reason.as_str()),
            (root.join("venv/bin/python"), "venv of the project")
        );

        executable(&root.join("active/bin/python3"), "ELF");
        let active = root.join("active").display().to_string();
        let found = choose(&none, &[("PATH", &path), ("VIRTUAL_ENV", &active)]).unwrap();
        assert_eq!(found.program, root.join("active/bin/python3"));

        let found = choose(
            &settings("venv"),
            &[("PATH", &path), ("VIRTUAL_ENV", &active)],
        )
        .unwrap();
        assert_eq!(found.program, root.join("venv/bin/python"));
        assert_eq!(found.reason, "named by `--python`");

        executable(&root.join("bin/python3.12"), "ELF");
        for name in ["python3.12", "3.12", "bin/python3.12"] {
            let found = choose(&settings(name), &[("PATH", &path)]).unwrap();
            assert_eq!(found.program, root.join("bin/python3.12"), "{name}");
        }
        let error = choose(&settings("3.99"), &[("PATH", &path)]).unwrap_err();
        insta::assert_snapshot!(error, @"`--python` names `3.99`, which is not there");
    }

    /// A system's upgrade takes away the Python that an environment's links lead to.
    #[test]
    fn environments_that_have_lost_their_python() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        executable(&root.join("bin/python3"), "ELF");
        let path = root.join("bin").display().to_string();
        let failure = |layer: &Layer, active: Option<&str>| {
            let active = active.map(|name| root.join(name).display().to_string());
            let variables = [("PATH".to_owned(), path.clone())]
                .into_iter()
                .chain(active.map(|active| ("VIRTUAL_ENV".to_owned(), active)))
                .collect();
            let error = choose(layer, root, root, &variables).unwrap_err();
            let text = format!("{error}\nhint: {}", error.hint().unwrap());
            text.replace(&root.display().to_string(), "[root]")
        };
        let none = Layer::default();

        fs_err::create_dir_all(root.join("old/bin")).unwrap();
        std::os::unix::fs::symlink("python3", root.join("old/bin/python")).unwrap();
        std::os::unix::fs::symlink("/gone/python3.10", root.join("old/bin/python3")).unwrap();
        insta::assert_snapshot!(failure(&settings("old"), None), @r"
        `[root]/old` has no working Python: `[root]/old/bin/python3` is a link to `/gone/python3.10`, which is not there
        hint: make the environment anew, or name another interpreter or virtual environment with `--python PATH`
        ");
        assert_eq!(failure(&settings("old"), None), failure(&none, Some("old")));
        insta::assert_snapshot!(failure(&settings("old/bin/python"), None), @r"
        `[root]/old/bin/python` has no working Python: `[root]/old/bin/python3` is a link to `/gone/python3.10`, which is not there
        hint: make the environment anew, or name another interpreter or virtual environment with `--python PATH`
        ");

        fs_err::create_dir(root.join(".venv")).unwrap();
        let found = choose(
            &none,
            root,
            root,
            &[("PATH".to_owned(), path.clone())].into(),
        )
        .unwrap();
        assert_eq!(
            found.reason, "python3 on PATH",
            "the folder is no environment"
        );
        fs_err::write(root.join(".venv/pyvenv.cfg"), "").unwrap();
        insta::assert_snapshot!(failure(&none, None), @r"
        `[root]/.venv` has no working Python: it has a pyvenv.cfg, and no `bin/python`
        hint: make the environment anew, or name another interpreter or virtual environment with `--python PATH`
        ");
    }

    #[test]
    fn shims_are_asked() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        executable(&root.join("real/python3"), "ELF");
        let real = root.join("real/python3").display().to_string();
        executable(
            &root.join("shims/python3"),
            &format!("#!/bin/sh\necho {real}\n"),
        );
        executable(
            &root.join("broken/python3"),
            "#!/bin/sh\necho 'pyenv: python3: not found' >&2\nexit 127\n",
        );
        let at = |folders: &[&str]| {
            let path = std::env::join_paths(folders.iter().map(|name| root.join(name))).unwrap();
            let variables = [("PATH".to_owned(), path.into_string().unwrap())]
                .into_iter()
                .collect();
            choose(&Layer::default(), root, root, &variables)
        };
        assert_eq!(at(&["shims"]).unwrap().program, root.join("real/python3"));
        assert_eq!(
            at(&["broken", "shims"]).unwrap().program,
            root.join("real/python3")
        );
        let error = at(&["broken"]).unwrap_err().to_string();
        assert!(
            error.ends_with("does not say which Python it starts: pyenv: python3: not found"),
            "{error}"
        );
    }
}
