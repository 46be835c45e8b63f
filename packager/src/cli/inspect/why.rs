//! `pack inspect --why NAME`.

use super::{Inside, describe_site};
use crate::cli::Failure;
use crate::configure::suggest::nearest;
use crate::installed::normalise;
use crate::record::Distribution;
use serde_json::json;
use std::fmt::Write as _;

/// Nothing of that name is inside.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` is neither a module nor a distribution nor a file of this program")]
struct NotInside {
    name: String,
}

/// Who asked for the module, distribution or file `name`: all of them, where it is several.
pub(super) fn explain(inside: &Inside<'_>, name: &str, json: bool) -> Result<String, Failure> {
    let record = &inside.record;
    let distribution = record
        .distributions
        .iter()
        .find(|d| normalise(&d.name) == normalise(name));
    let module = record.modules.contains_key(name) || inside.modules.contains(&name);
    let file = inside.files().find(|entry| entry.path == name);
    let missing = record.missing.get(name);
    let left_out = left_out(inside, name).filter(|_| !module && file.is_none());
    if distribution.is_none()
        && !module
        && file.is_none()
        && missing.is_none()
        && left_out.is_none()
    {
        let names = record.modules.keys().map(String::as_str);
        let names = names.chain(record.distributions.iter().map(|d| d.name.as_str()));
        let names = names
            .chain(inside.modules.iter().copied())
            .chain(inside.files().map(|entry| entry.path));
        let hint = nearest(name, names).map(|nearest| format!("did you mean `{nearest}`?"));
        return Err(Failure::new(NotInside { name: name.into() }, hint));
    }
    let why = file.map(|entry| {
        record
            .files
            .get(entry.path)
            .map_or_else(|| owner(inside, entry.path), Clone::clone)
    });
    if json {
        let chain: Vec<_> = match module {
            true => record
                .chain(name)
                .iter()
                .map(|(name, by)| json!({ "module": name, "by": by }))
                .collect(),
            false => Vec::new(),
        };
        let value = json!({
            "name": name, "module": chain, "distribution": distribution, "file": why, "missing": missing, "left_out": left_out,
        });
        return Ok(format!("{value:#}\n"));
    }
    let mut text = String::new();
    if let Some(distribution) = distribution {
        text += &describe_distribution(distribution);
    }
    if module {
        text += &describe_module(inside, name);
    }
    if let Some(why) = why {
        let _ = writeln!(text, "file {name}: {why}");
    }
    if let Some((file, why)) = left_out {
        let _ = writeln!(text, "file {file} was left out {why}");
    }
    for site in missing.into_iter().flatten() {
        let _ = writeln!(text, "module {name} was not found: {}", describe_site(site));
    }
    Ok(text)
}

/// The file called `name`, or of the module called so, that is not inside, and why.
fn left_out<'a>(inside: &'a Inside<'_>, name: &str) -> Option<(&'a str, &'a str)> {
    let folders = name.replace('.', "/");
    let is_it = |file: &str| {
        let stem = file.strip_prefix(&folders);
        let module = stem.is_some_and(|rest| {
            rest.starts_with('.') || (rest.starts_with("/__init__.") && !rest[1..].contains('/'))
        });
        // Of tests the folder stands for all that was in it.
        let below = file.ends_with('/')
            && (name.starts_with(file) || format!("{folders}/").starts_with(file));
        file == name || below || (module && !name.contains('/'))
    };
    let reasons = inside.record.left_out.iter();
    let mut files = reasons
        .flat_map(|(why, files)| files.iter().map(move |file| (file.as_str(), why.as_str())));
    files.find(|(file, _)| is_it(file))
}

fn describe_distribution(distribution: &Distribution) -> String {
    format!(
        "distribution {} {}: {}\n",
        distribution.name, distribution.version, distribution.why
    )
}

/// The module, and who imports it up to the entry point.
fn describe_module(inside: &Inside<'_>, name: &str) -> String {
    let chain = inside.record.chain(name);
    let sites = inside
        .record
        .modules
        .get(name)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let Some(first) = sites.first() else {
        return format!(
            "module {name}: no import leads to it; {}\n",
            owner_of_module(inside, name)
        );
    };
    let mut text = format!("module {name}: {}\n", describe_site(first));
    for (depth, (name, site)) in chain.iter().enumerate().skip(1) {
        let indent = "  ".repeat(depth);
        let by = match site {
            Some(site) => format!(" is {}", describe_site(site)),
            None if *name == "__main__" => " is the entry point".to_owned(),
            None => String::new(),
        };
        let _ = writeln!(text, "{indent}{name}{by}");
    }
    for other in &sites[1..] {
        let _ = writeln!(text, "also {}", describe_site(other));
    }
    text
}

/// Why a file is there of which the record says nothing.
fn owner(inside: &Inside<'_>, path: &str) -> String {
    match path.starts_with("lib/python") {
        true => "part of the standard library".into(),
        false => inside.program.name.clone(),
    }
}

fn owner_of_module(inside: &Inside<'_>, name: &str) -> String {
    let file = inside
        .payload
        .module(name)
        .ok()
        .flatten()
        .map(|module| module.file);
    match file.filter(|file| !file.is_empty()) {
        Some(file) => {
            if let Some((_, why)) = left_out(inside, file) {
                return format!("its file {file} was left out {why}");
            }
            let why = inside
                .record
                .files
                .get(file)
                .cloned()
                .unwrap_or_else(|| owner(inside, file));
            format!("its file {file} came in as {why}")
        }
        None => "it came in with its package".into(),
    }
}
