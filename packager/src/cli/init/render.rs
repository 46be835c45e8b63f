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
    let commands = match &found.manage {
        Some(manage) => format!("[commands]\nmanage = {}", quoted(manage)),
        None => "# [commands]\n# manage = \"manage.py\"".into(),
    };
    template
        .replace("{{name}}", &quoted(&found.name))
        .replace("{{entry}}", &quoted(&found.entry))
        .replace("{{data}}", &data(&found.data))
        .replace("{{commands}}", &commands)
        .replace("{{submodules}}", &submodules(&found.packages))
}

/// `data = […]`, or an example that is commented out.
fn data(folders: &[String]) -> String {
    if folders.is_empty() {
        return "# data = [\"assets:assets\"]".into();
    }
    let rules = folders
        .iter()
        .map(|folder| format!("    {},\n", quoted(&format!("{folder}:{folder}"))));
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
        for data in &found.data {
            fs_err::create_dir_all(folder.path().join(data)).unwrap();
        }
        for script in [Some(found.entry.clone()), found.manage.clone()]
            .into_iter()
            .flatten()
        {
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
            manage: Some("manage.py".into()),
            packages: vec!["polls".into(), "site".into()],
            data: vec!["site/static".into(), "site/templates".into()],
            ..Found::nothing(Path::new("/home/me/the \"shop\""), Kind::Wsgi)
        };
        let plan = plan(&found, &pack_toml(&found));
        assert_eq!(plan.name, "the--shop-");
        assert_eq!(plan.commands.len(), 1);
        assert_eq!(plan.include.submodules, ["polls", "site"]);
        assert_eq!(plan.include.data.len(), 2);
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
