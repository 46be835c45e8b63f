//! What a user may change when a packed site is started: `./guestbook --bind 0.0.0.0:80 --threads 16`.

use payload::Wsgi;
use payload::wsgi::{Kind, SETTINGS, Setting};

/// How a start ends before it began.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// `--help`: this is to be shown.
    Help(String),
    /// The command line makes no sense.
    Wrong(String),
}

/// Applies `arguments`, without the program's name, to `settings`.
///
/// # Errors
/// See [`Ended`].
pub(crate) fn apply(arguments: &[String], settings: &mut Wsgi) -> Result<(), Ended> {
    let mut binds = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
            _ => (argument.as_str(), None),
        };
        if name == "--help" || name == "-h" {
            return Err(Ended::Help(help(settings)));
        }
        if let (Some((setting, truth)), None) = (truth(name), &value) {
            read(name, setting, truth, settings)?;
            continue;
        }
        let setting = name.strip_prefix("--").and_then(Setting::find);
        if setting.is_none() && name != "--bind" {
            let hint = "; `--help` shows what there is";
            return Err(Ended::Wrong(format!(
                "`{argument}` is not an option of this server{hint}"
            )));
        }
        let value = value.or_else(|| arguments.next().cloned());
        let value = value.ok_or_else(|| Ended::Wrong(format!("`{name}` needs a value")))?;
        match setting {
            Some(setting) => read(name, setting, &value, settings)?,
            None => binds.push(value),
        }
    }
    if !binds.is_empty() {
        settings.bind = binds;
    }
    Ok(())
}

/// The setting that an option without a value turns on or off.
fn truth(name: &str) -> Option<(&'static Setting, &'static str)> {
    let name = name.strip_prefix("--")?;
    let is_truth = |setting: &&Setting| setting.kind == Kind::Truth;
    let on = Setting::find(name).filter(is_truth);
    let off = || Setting::find(name.strip_prefix("no-")?).filter(is_truth);
    on.map(|setting| (setting, "true"))
        .or_else(|| off().map(|setting| (setting, "false")))
}

fn read(name: &str, setting: &Setting, value: &str, settings: &mut Wsgi) -> Result<(), Ended> {
    setting
        .read(value, settings)
        .map_err(|expected| Ended::Wrong(format!("`{name} {value}`: {expected} is wanted")))
}

fn help(settings: &Wsgi) -> String {
    let Wsgi {
        module,
        callable,
        bind,
        ..
    } = settings;
    let mut text = format!("Serves {module}:{callable}.\n\n");
    let mut line = |option: &str, help: &str, value: Option<&str>| {
        let value = value.map_or(String::new(), |value| format!(" [{value}]"));
        text.push_str(&format!("{option:<32} {help}{value}\n"));
    };
    let bind = bind.join(", ");
    line(
        "--bind HOST:PORT",
        if cfg!(windows) {
            "Listen there; may be given several times"
        } else {
            "Listen there, or on `unix:PATH`; may be given several times"
        },
        Some(&bind),
    );
    // Windows has no permissions of sockets.
    let is_known = |setting: &&Setting| cfg!(unix) || setting.kind != Kind::Mode;
    for setting in SETTINGS.iter().filter(is_known) {
        let option = match setting.kind {
            Kind::Truth => format!("--{0}, --no-{0}", setting.name),
            _ => format!("--{} {}", setting.name, setting.value),
        };
        line(&option, setting.help, setting.show(settings).as_deref());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Wsgi {
        Wsgi {
            module: "m".into(),
            callable: "app".into(),
            ..Wsgi::default()
        }
    }

    fn apply_all(arguments: &[&str]) -> Result<Wsgi, Ended> {
        let mut changed = settings();
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.into()).collect();
        apply(&arguments, &mut changed).map(|()| changed)
    }

    #[test]
    fn options_replace_settings() {
        let given = [
            "--bind",
            "[::1]:1",
            "--bind=a:2",
            "--threads",
            "2",
            "--switch-interval=0.002",
            "--graceful-timeout",
            "5",
            "--no-access-log",
            "--supervise",
            "--max-body-size=64M",
        ];
        let expected = Wsgi {
            bind: vec!["[::1]:1".into(), "a:2".into()],
            threads: 2,
            switch_interval: Some(payload::SwitchInterval::Fixed(2000)),
            graceful_timeout: 5,
            access_log: false,
            supervise: true,
            max_body_size: 64 << 20,
            ..settings()
        };
        assert_eq!(apply_all(&given), Ok(expected));
        assert_eq!(apply_all(&[]), Ok(settings()));
    }

    #[test]
    fn nonsense_is_refused() {
        for given in [
            &["--bin", "x"][..],
            &["--bind"],
            &["--threads", "0"],
            &["--threads", "x"],
            &["8000"],
            &["--switch-interval", "-1"],
            &["--graceful-timeout", "1.5"],
        ] {
            assert!(
                matches!(apply_all(given), Err(Ended::Wrong(_))),
                "{given:?}"
            );
        }
        assert!(matches!(apply_all(&["--help"]), Err(Ended::Help(_))));
    }
}
