//! pack.toml from a template.

use crate::look::{Found, Kind};

const SCRIPT: &str = include_str!("../../../../templates/script.toml");
const WSGI: &str = include_str!("../../../../templates/wsgi.toml");
const GUI: &str = include_str!("../../../../templates/gui.toml");

/// The commented pack.toml for what was found.
pub(super) fn pack_toml(found: &Found) -> String {
    let template = match found.kind {
        Kind::Script => SCRIPT,
        Kind::Wsgi => WSGI,
        Kind::Gui => GUI,
    };
    template
        .replace("{{name}}", &quoted(&found.name))
        .replace("{{entry}}", &quoted(&found.entry))
        .replace("{{data}}", &data(&found.data))
        .replace("{{commands}}", &commands(&found.commands))
        .replace("{{submodules}}", &submodules(&found.packages))
}

/// `[commands]`, or an example that is commented out.
fn commands(commands: &[(String, String)]) -> String {
    if commands.is_empty() {
        return "# [commands]\n# manage = \"manage.py\"".into();
    }
    let lines = commands
        .iter()
        .map(|(word, runs)| format!("\n{} = {}", toml_edit::Key::new(word), quoted(runs)));
    format!("[commands]{}", lines.collect::<String>())
}

/// `data = […]`, or an example that is commented out.
fn data(folders: &[(String, String)]) -> String {
    if folders.is_empty() {
        return "# data = [\"assets:assets\"]".into();
    }
    let rules = folders
        .iter()
        .map(|(folder, place)| format!("    {},\n", quoted(&format!("{folder}:{place}"))));
    format!("data = [\n{}]", rules.collect::<String>())
}

/// `submodules = […]`, or an example that is commented out.
fn submodules(packages: &[String]) -> String {
    if packages.is_empty() {
        return "# submodules = [\"package.plugins\"]".into();
    }
    let names: Vec<_> = packages.iter().map(|name| quoted(name)).collect();
    format!("submodules = [{}]", names.join(", "))
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml_edit::Value::from(text).to_string().trim().to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::configure::{Request, resolve};
    use crate::plan::Entry;
    use std::path::Path;

    /// The plan of a folder that holds the rendered file and what it names.
    fn plan(found: &Found, text: &str) -> crate::plan::BuildPlan {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join("pack.toml"), text).unwrap();
        for (data, _) in &found.data {
            fs_err::create_dir_all(folder.path().join(data)).unwrap();
        }
        let commands = found.commands.iter().map(|(_, runs)| runs);
        for script in commands.chain([&found.entry]) {
            fs_err::write(folder.path().join(script), "").unwrap();
        }
        fs_err::create_dir_all(folder.path().join(".venv/bin")).unwrap();
        fs_err::write(folder.path().join(".venv/bin/python3"), "").unwrap();
        let request = Request {
            current: folder.path().to_owned(),
            ..Request::default()
        };
        let (plan, notes) = resolve(&request).unwrap();
        assert!(notes.is_empty(), "{notes:?}");
        plan
    }

    /// The template with every setting that it shows in a comment.
    fn uncommented(text: &str) -> String {
        let is_setting = |line: &str| {
            let rest = line.trim_start_matches("# ");
            rest.starts_with('[')
                || rest
                    .split_once(" = ")
                    .is_some_and(|(key, _)| !key.contains(' '))
        };
        let lines = text.lines().map(|line| match line.strip_prefix("# ") {
            Some(rest) if is_setting(line) => rest,
            _ => line,
        });
        lines.map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn every_template_makes_a_plan() {
        for kind in Kind::ALL {
            let found = Found::nothing(Path::new("/home/me/shop"), kind);
            let plan = plan(&found, &pack_toml(&found));
            assert_eq!(plan.name, "shop");
            assert_eq!(matches!(plan.entry, Entry::Wsgi(_)), kind == Kind::Wsgi);
            assert_eq!(plan.windowed, kind == Kind::Gui);
        }
    }

    #[test]
    fn everything_that_is_found_comes_in() {
        let found = Found {
            entry: "site.wsgi:application".into(),
            commands: vec![
                ("manage".into(), "manage.py".into()),
                ("a.b".into(), "polls.cli:main".into()),
            ],
            packages: vec!["polls".into(), "site".into()],
            data: vec![
                ("site/static".into(), "site/static".into()),
                ("src/polls/data".into(), "polls/data".into()),
            ],
            ..Found::nothing(Path::new("/home/me/the \"shop\""), Kind::Wsgi)
        };
        let plan = plan(&found, &pack_toml(&found));
        assert_eq!(plan.name, "the--shop-");
        let words: Vec<_> = plan.commands.iter().map(|(word, _)| word).collect();
        assert_eq!(words, ["a.b", "manage"]);
        assert_eq!(plan.include.submodules, ["polls", "site"]);
        let places: Vec<_> = plan.include.data.iter().map(|rule| &rule.dest).collect();
        assert_eq!(places, ["site/static", "polls/data"]);
    }

    #[test]
    fn what_is_commented_out_is_right_too() {
        for kind in Kind::ALL {
            let found = Found::nothing(Path::new("/home/me/shop"), kind);
            let text = uncommented(&pack_toml(&found));
            let layer = crate::configure::file::check(Path::new("pack.toml"), &text);
            assert!(layer.is_ok(), "{kind:?}: {}\n{text}", layer.unwrap_err());
        }
    }
}
