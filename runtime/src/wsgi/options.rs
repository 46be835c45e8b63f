//! What a user may change when a packed site is started: `./guestbook --bind 0.0.0.0:80 --threads 16`.

use payload::{SwitchInterval, Wsgi};

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
        if name == "--access-log" || name == "--no-access-log" {
            settings.access_log = name == "--access-log";
            continue;
        }
        if ![
            "--bind",
            "--threads",
            "--switch-interval",
            "--graceful-timeout",
            "--admin",
            "--admin-token",
        ]
        .contains(&name)
        {
            let hint = "; `--help` shows what there is";
            return Err(Ended::Wrong(format!(
                "`{argument}` is not an option of this server{hint}"
            )));
        }
        let value = value.or_else(|| arguments.next().cloned());
        let value = value.ok_or_else(|| Ended::Wrong(format!("`{name}` needs a value")))?;
        if name == "--bind" {
            binds.push(value);
        } else if name == "--admin" {
            settings.admin = Some(value);
        } else if name == "--admin-token" {
            settings.admin_token = Some(value);
        } else if name == "--switch-interval" && value == "auto" {
            settings.switch_interval = Some(SwitchInterval::Auto);
        } else {
            set_number(name, &value, settings)?;
        }
    }
    if !binds.is_empty() {
        settings.bind = binds;
    }
    Ok(())
}

fn set_number(name: &str, value: &str, settings: &mut Wsgi) -> Result<(), Ended> {
    let wrong = |wanted| Ended::Wrong(format!("`{name} {value}`: {wanted} is wanted"));
    match name {
        "--threads" => {
            let threads = value
                .parse()
                .ok()
                .filter(|threads| (1..=1024).contains(threads));
            settings.threads = threads.ok_or_else(|| wrong("a number from 1 to 1024"))?;
        }
        "--graceful-timeout" => {
            settings.graceful_timeout = value.parse().map_err(|_| wrong("a number of seconds"))?;
        }
        _ => {
            let seconds = value
                .parse::<f64>()
                .ok()
                .filter(|it| (1e-6..=1000.0).contains(it));
            let seconds = seconds.ok_or_else(|| wrong("a number of seconds, such as 0.005,"))?;
            // At least 1 and at most 1e9 by the range above.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let microseconds = (seconds * 1e6).round() as u32;
            settings.switch_interval = None;
            settings.switch_interval_us = Some(microseconds);
        }
    }
    Ok(())
}

fn help(settings: &Wsgi) -> String {
    let bind = settings.bind.join(", ");
    let Wsgi {
        module,
        callable,
        threads,
        graceful_timeout,
        ..
    } = settings;
    format!(
        "Serves {module}:{callable}.\n\n\
         --bind HOST:PORT             listen there; may be given several times [{bind}]\n\
         --threads N                  Python threads that serve requests [{threads}]\n\
         --switch-interval SECONDS    how often the GIL changes hands; `auto`: tuned\n\
         --graceful-timeout SECONDS   how long a stop waits for requests under way [{graceful_timeout}]\n\
         --admin HOST:PORT            metrics, health and a live page there\n\
         --admin-token TOKEN          what its clients must know\n\
         --access-log, --no-access-log\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Wsgi {
        Wsgi {
            module: "m".into(),
            callable: "app".into(),
            bind: vec!["127.0.0.1:8000".into()],
            threads: 4,
            processes: 1,
            switch_interval_us: None,
            graceful_timeout: 30,
            access_log: true,
            switch_interval: None,
            admin: None,
            admin_token: None,
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
        ];
        let expected = Wsgi {
            bind: vec!["[::1]:1".into(), "a:2".into()],
            threads: 2,
            switch_interval_us: Some(2000),
            graceful_timeout: 5,
            access_log: false,
            ..settings()
        };
        assert_eq!(apply_all(&given), Ok(expected));
        assert_eq!(apply_all(&[]), Ok(settings()));
    }

    #[test]
    fn options_of_telemetry() {
        let given = [
            "--admin=[::1]:9000",
            "--admin-token",
            "x",
            "--switch-interval",
            "auto",
        ];
        let expected = Wsgi {
            admin: Some("[::1]:9000".into()),
            admin_token: Some("x".into()),
            switch_interval: Some(SwitchInterval::Auto),
            ..settings()
        };
        assert_eq!(apply_all(&given), Ok(expected));
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
