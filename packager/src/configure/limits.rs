//! Settings that are right, and that this version cannot fulfil or that change nothing.

use super::error::ConfigError;
use super::layer::Layer;
use super::project::of_server;
use super::value::Origin;
use super::{brand, host_target};
use crate::layout::is_windows;
use crate::plan::{BuildPlan, BundleMode, Entry};

/// The one other target.
pub(super) const WINDOWS: &str = "x86_64-pc-windows-gnu";

/// Refuses values that this version knows and cannot fulfil: to go on without them would change what the program does.
pub(super) fn supported(settings: &Layer) -> Result<(), ConfigError> {
    let refuse = |origin: &Origin, what: &str, instead| {
        Err(ConfigError::Unsupported {
            origin: origin.clone(),
            what: what.to_owned(),
            instead,
        })
    };
    if let Some((_, origin)) = settings.text("bundle.sbom") {
        return refuse(
            origin,
            "writing an SBOM",
            "leave it out; `pack inspect FILE --format json` lists what is inside",
        );
    }
    if let Some((target, origin)) = settings
        .text("bundle.target")
        .filter(|(target, _)| *target != host_target() && *target != WINDOWS)
    {
        return refuse(
            origin,
            &format!("packing for `{target}`"),
            "leave it out to pack for this system, or name `x86_64-pc-windows-gnu`",
        );
    }
    if settings.text("bundle.target").map(|(target, _)| target) == Some(WINDOWS)
        && let Some(given) = settings
            .list("wsgi.bind")
            .iter()
            .find(|given| given.value.starts_with("unix:"))
    {
        return refuse(
            &given.origin,
            "listening on a Unix socket on Windows",
            "name HOST:PORT, such as `127.0.0.1:8000`",
        );
    }
    Ok(())
}

/// Settings that are right and change nothing here.
pub(super) fn without_effect(settings: &Layer, plan: &BuildPlan) -> Vec<String> {
    let mut notes = Vec::new();
    if !is_windows(&plan.target) {
        notes.extend(brand::without_effect(settings, &plan.target));
    }
    if let (Some((_, origin)), BundleMode::OneFile) =
        (settings.text("bundle.contents-directory"), plan.mode)
    {
        notes.push(format!("{origin} changes nothing: it is for --onedir"));
    }
    if let (Some(given), false) = (
        settings.list("bundle.site-packages").first(),
        is_windows(&plan.target),
    ) {
        notes.push(format!(
            "{} changes nothing: the interpreter's own distributions are packed",
            given.origin
        ));
    }
    notes.extend(modes(settings));
    // Where an application is named and a script runs instead, that has been said.
    if !matches!(plan.entry, Entry::Wsgi(_)) && settings.text("wsgi.app").is_none() {
        let given = of_server().filter_map(|key| settings.get(key));
        notes.extend(given.map(|given| {
            format!(
                "{} changes nothing: the program serves no WSGI application",
                given.origin
            )
        }));
    }
    notes
}

/// Settings of a server that its `gil` leaves without a meaning.
fn modes(settings: &Layer) -> Vec<String> {
    let gil = settings.text("wsgi.gil").map_or("shared", |(gil, _)| gil);
    let mut notes = Vec::new();
    if let (Some(given), true) = (settings.get("wsgi.interpreters"), gil != "per-interpreter") {
        notes.push(format!(
            "{} changes nothing: with `gil = \"{gil}\"` there is one interpreter",
            given.origin
        ));
    }
    if let (Some(given), "free") = (settings.get("wsgi.switch-interval"), gil) {
        notes.push(format!(
            "{} changes nothing: with `gil = \"free\"` there is no GIL to change hands",
            given.origin
        ));
    }
    notes
}
