//! What makes two builds the same one, beside the files that they look at.

use crate::cache::{self, Key};
use crate::configure::environment::Environment;
use crate::inputs;
use crate::plan::BuildPlan;
use crate::write::umask;

/// Changes when the meaning of a note does.
const VERSION: &str = "1";

/// Variables that terminals, shells and sessions set for themselves. Every other one may be read by whatever the
/// interpreter runs at its start.
const OF_THE_SESSION: &[&str] = &[
    "_",
    "COLORTERM",
    "COLUMNS",
    "DISPLAY",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LINES",
    "NO_COLOR",
    "OLDPWD",
    "PWD",
    "SHLVL",
    "STY",
    "TERM",
    "TMUX",
    "TMUX_PANE",
    "WAYLAND_DISPLAY",
    "WINDOWID",
    "XAUTHORITY",
];
/// How the names of more of them begin.
const OF_THE_SESSION_ALSO: &[&str] = &["DBUS_", "GPG_", "SSH_", "TERM_", "VSCODE_", "XDG_SESSION_"];

/// The identity of the build of `plan`; `None` where the system does not tell what belongs to it.
pub(super) fn of(plan: &BuildPlan, environment: &Environment) -> Option<Key> {
    // All settings, also those that are yet to come. How the build goes about it makes no other output.
    let settings = format!(
        "{:?}",
        BuildPlan {
            clean: false,
            noconfirm: false,
            python_reason: String::new(),
            ..plan.clone()
        }
    );
    let variables: Vec<String> = environment
        .iter()
        .filter(|(name, _)| counts(name))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let program = std::env::current_exe().ok()?;
    Some(cache::key(&[
        VERSION.as_bytes(),
        env!("CARGO_PKG_VERSION").as_bytes(),
        program.as_os_str().as_encoded_bytes(),
        settings.as_bytes(),
        variables.join("\0").as_bytes(),
        &umask().to_le_bytes(),
        inputs::boot().as_bytes(),
    ]))
}

fn counts(name: &str) -> bool {
    // A password opens a key and changes nothing of what is made with it; nor is it to be kept in any form.
    name != crate::sign::PASSWORD
        && !OF_THE_SESSION.contains(&name)
        && !OF_THE_SESSION_ALSO
            .iter()
            .any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::plan::Entry;
    use crate::testing;
    use std::path::Path;

    #[test]
    fn settings_and_environment_count_and_what_leaves_no_trace_does_not() {
        let root = Path::new("/app");
        let plan = testing::plan(
            root,
            Entry::Script(root.join("app.py")),
            Path::new("/python"),
        );
        let variables = |pairs: &[(&str, &str)]| {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            pairs.iter().map(owned).collect::<Environment>()
        };
        let none = Environment::new();
        let first = of(&plan, &none).unwrap();
        let with = |change: &dyn Fn(&mut BuildPlan)| {
            let mut plan = plan.clone();
            change(&mut plan);
            of(&plan, &none).unwrap()
        };
        assert_eq!(with(&|plan| plan.clean = true), first);
        assert_eq!(with(&|plan| plan.noconfirm = true), first);
        assert_ne!(with(&|plan| plan.optimize = 1), first);
        assert_ne!(with(&|plan| plan.id = "other".into()), first);
        assert_ne!(with(&|plan| plan.include.modules.push("x".into())), first);

        let session = variables(&[("TERM", "dumb"), ("SHLVL", "2"), ("SSH_TTY", "/dev/pts/1")]);
        assert_eq!(of(&plan, &session).unwrap(), first);
        for pair in [
            ("PACK_KITS", "/kits"),
            ("LD_LIBRARY_PATH", "/lib"),
            ("HOME", "/root"),
        ] {
            assert_ne!(of(&plan, &variables(&[pair])).unwrap(), first, "{pair:?}");
        }
    }
}
