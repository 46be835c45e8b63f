//! The options of `pack build`, made from the table of settings, and what was given of them.

use super::ConfigError;
use super::layer::Layer;
use super::settings::{Flag, IGNORED, SERVER_DETAILS, SETTINGS, Setting, Takes, WINDOWS};
use super::value::Origin;
use clap::{Arg, ArgAction, ArgMatches};

const FOREIGN: &str = "PyInstaller's options that change nothing";

/// The options of all settings.
pub fn arguments() -> impl Iterator<Item = Arg> {
    arguments_of(|_| true)
}

/// Is it a setting of a server's command line, packed or not?
pub fn is_of_server(setting: &Setting) -> bool {
    setting.key.starts_with("wsgi.") && setting.key != "wsgi.app"
}

/// Is it a setting of where an application and its Python are?
pub fn is_of_run(setting: &Setting) -> bool {
    ["include.paths", "bundle.python", "bundle.optimize"].contains(&setting.key)
}

/// The options of the settings for which `wanted` holds.
pub fn arguments_of(wanted: fn(&Setting) -> bool) -> impl Iterator<Item = Arg> {
    let settings = SETTINGS.iter().filter(move |setting| wanted(setting));
    settings.flat_map(|setting| setting.flags.iter().map(|flag| argument(setting, flag)))
}

/// The settings that were given among [`arguments_of`] these.
///
/// # Errors
/// When a value does not fit its setting.
pub fn settings_of(
    matches: &ArgMatches,
    wanted: fn(&Setting) -> bool,
) -> Result<Layer, ConfigError> {
    let mut layer = Layer::default();
    for setting in SETTINGS.iter().filter(|setting| wanted(setting)) {
        read(setting, matches, &mut layer)?;
    }
    Ok(layer)
}

/// Options of PyInstaller's that are accepted and set nothing.
pub fn foreign_arguments() -> impl Iterator<Item = Arg> {
    IGNORED.iter().map(|ignored| {
        base(&ignored.flag)
            .help(ignored.reason)
            .help_heading(FOREIGN)
            .hide_short_help(true)
    })
}

/// The settings that were given, and a line for each option that changes nothing.
///
/// # Errors
/// When a value does not fit its setting.
pub fn settings(matches: &ArgMatches) -> Result<(Layer, Vec<String>), ConfigError> {
    let layer = settings_of(matches, |_| true)?;
    let given = IGNORED
        .iter()
        .filter(|ignored| !values(matches, &ignored.flag).is_empty());
    let notes = given.map(|ignored| {
        format!(
            "`--{}` changes nothing: {}",
            ignored.flag.long, ignored.reason
        )
    });
    Ok((layer, notes.collect()))
}

fn read(
    setting: &'static Setting,
    matches: &ArgMatches,
    layer: &mut Layer,
) -> Result<(), ConfigError> {
    for flag in setting.flags {
        for text in values(matches, flag) {
            let origin = Origin::Flag(format!("--{}", flag.long));
            let value = setting.kind.read(&text).map_err(|_| ConfigError::Invalid {
                origin: origin.clone(),
                got: format!("`{text}`"),
                expected: setting.kind.expected(),
            })?;
            layer.set(setting, value, origin);
        }
    }
    Ok(())
}

fn values(matches: &ArgMatches, flag: &Flag) -> Vec<String> {
    match flag.takes {
        Takes::Value(_) => matches
            .get_many::<String>(flag.long)
            .into_iter()
            .flatten()
            .cloned()
            .collect(),
        Takes::Nothing(value) if matches.get_flag(flag.long) => vec![value.to_owned()],
        Takes::Nothing(_) => Vec::new(),
    }
}

fn argument(setting: &'static Setting, flag: &'static Flag) -> Arg {
    let help = if flag.help.is_empty() {
        setting.help
    } else {
        flag.help
    };
    let more = if setting.more.is_empty() {
        String::new()
    } else {
        format!("{}\n\n", setting.more)
    };
    let names = format!("[pack.toml: {}] [env: {}]", setting.key, setting.variable());
    // The last of several switches for the same setting wins, as with PyInstaller.
    let others = setting.flags.iter().filter(|other| other.long != flag.long);
    let rivals = others
        .filter(|other| matches!(other.takes, Takes::Nothing(_)))
        .map(|other| other.long);
    let argument = base(flag)
        .help(help)
        .long_help(format!("{help}\n\n{more}{names}"))
        .help_heading(setting.heading)
        .hide_short_help([SERVER_DETAILS, WINDOWS].contains(&setting.heading));
    match flag.takes {
        Takes::Value(_) if setting.kind.is_list() => argument.action(ArgAction::Append),
        Takes::Value(_) => argument,
        Takes::Nothing(_) => argument.overrides_with_all(rivals),
    }
}

fn base(flag: &'static Flag) -> Arg {
    let mut argument = Arg::new(flag.long).long(flag.long);
    if let Some(short) = flag.short {
        argument = argument.short(short);
    }
    if !flag.aliases.is_empty() {
        argument = argument.visible_aliases(flag.aliases.iter().copied());
    }
    match flag.takes {
        Takes::Value(name) => argument.value_name(name).action(ArgAction::Set),
        Takes::Nothing(_) => argument.action(ArgAction::SetTrue),
    }
}
