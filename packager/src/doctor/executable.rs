//! What the executable itself says to Windows.

use super::{Finding, Inside, Topic, of_signature};
use crate::brand::version::VersionInfo;
use crate::icon::{Group, Image, groups};
use crate::pe::{Headers, Resources, WINDOWED, kind};
use crate::sign::signature;
use std::collections::BTreeSet;

const CACHE: &str = "If Explorer still shows another icon, it remembers the one that this path had before: give the file \
                     another name or run `ie4uinit.exe -show`";

pub(super) fn examine(file: &[u8], inside: Option<&Inside>) -> Vec<Finding> {
    let mut findings = Vec::new();
    match Resources::parse(file) {
        Ok(resources) => {
            findings.extend(explorer(&resources));
            findings.push(properties(&resources));
            findings.extend(manifest(&resources));
        }
        Err(error) => {
            let text = format!("its resources cannot be read: {error}");
            findings.push(Finding::trouble(Topic::Explorer, text).advise("build it again"));
        }
    }
    findings.extend(console(file, inside));
    findings.push(taskbar(inside));
    let end = inside.map_or(0, |inside| inside.payload_end);
    findings.push(of_signature(signature::read_packed(file, end)));
    findings
}

fn explorer(resources: &Resources) -> Vec<Finding> {
    let topic = Topic::Explorer;
    let groups = match groups(resources) {
        Ok(groups) => groups,
        Err(error) => {
            let text = format!("its icon cannot be read: {error}");
            return vec![
                Finding::trouble(topic, text)
                    .advise("`--icon` with a file that `pack icon` finds no fault with"),
            ];
        }
    };
    let Some(first) = groups.first() else {
        let text = "it has no icon: Explorer shows that of any program";
        return vec![
            Finding::trouble(topic, text).advise("`--icon FILE` with an .ico, .png or .svg"),
        ];
    };
    let mut findings = vec![shown(first, &groups)];
    findings.extend(damaged(first));
    let missing: Vec<String> = first.icon.missing().iter().map(u32::to_string).collect();
    if !missing.is_empty() {
        let text = format!(
            "the icon lacks {} pixels: Windows stretches another size, which looks coarse or blurred",
            missing.join(", ")
        );
        let advice = "`pack build --icon` and `pack icon FILE -o NEW.ico` make them";
        findings.push(Finding::trouble(topic, text).advise(advice));
    }
    findings.push(Finding::note(topic, "Explorer keeps icons by path").advise(CACHE));
    findings
}

fn shown(first: &Group, groups: &[Group]) -> Finding {
    // One size may be there in several depths.
    let sides: BTreeSet<u32> = first.icon.images.iter().map(Image::side).collect();
    let sides: Vec<String> = sides.iter().map(u32::to_string).collect();
    let mut text = format!(
        "Explorer shows the icon `{}`: {} pixels",
        first.name,
        sides.join(", ")
    );
    let others: Vec<String> = groups
        .iter()
        .filter(|group| group.icon != first.icon)
        .map(|group| format!("`{}`", group.name))
        .collect();
    if !others.is_empty() {
        text += &format!("; others are in it, too: {}", others.join(", "));
    }
    Finding::good(Topic::Explorer, text)
}

fn damaged(group: &Group) -> Option<Finding> {
    let wrong = group.icon.images.iter().find_map(|image| {
        let mistake = image.pixels().err()?;
        Some(format!(
            "its image of {} pixels is damaged: {mistake}",
            image.side()
        ))
    })?;
    Some(Finding::trouble(Topic::Explorer, wrong).advise("save the icon anew and build again"))
}

fn properties(resources: &Resources) -> Finding {
    let topic = Topic::Properties;
    let found = resources.of_kind(kind::VERSION).next();
    let Some(info) = found.and_then(|(_, _, resource)| VersionInfo::decode(&resource.data)) else {
        let text = "it has no version information: the task manager shows the file's name, and Properties nothing";
        return Finding::trouble(topic, text).advise("`pack build` puts it in");
    };
    let [a, b, c, d] = info.fixed.file_version;
    let said = |name| info.text(name).filter(|text| !text.trim().is_empty());
    let name = said("FileDescription").or_else(|| said("ProductName"));
    let mut text = format!(
        "the task manager calls it `{}`; Properties say version {} ({a}.{b}.{c}.{d})",
        name.unwrap_or("by its file's name"),
        said("FileVersion").unwrap_or("unknown"),
    );
    match said("CompanyName") {
        Some(company) => text += &format!(", by {company}"),
        None => text += ", by nobody",
    }
    match (said("CompanyName"), info.fixed.file_version) {
        (None, _) => Finding::note(topic, text).advise("`--app-company TEXT` says who made it"),
        (_, [0, 0, 0, 0]) => {
            Finding::note(topic, text).advise("`--app-version VERSION` gives it a number")
        }
        _ => Finding::good(topic, text),
    }
}

fn manifest(resources: &Resources) -> Vec<Finding> {
    let topic = Topic::Start;
    let found = resources.of_kind(kind::MANIFEST).next();
    let text = found.map(|(_, _, resource)| String::from_utf8_lossy(&resource.data));
    let Some(text) = text else {
        let text = "it has no manifest: windows are blurred on sharp screens, controls are those of 1995, paths end at 260 \
                    characters";
        return vec![Finding::trouble(topic, text).advise("`pack build` puts one in")];
    };
    let text = text.trim_start_matches('\u{feff}');
    let document = match roxmltree::Document::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let text = format!("its manifest is wrong, and Windows does not start it: {error}");
            return vec![
                Finding::trouble(topic, text).advise("leave `--manifest` out, or correct the file"),
            ];
        }
    };
    let value = |element: &str| {
        let mut nodes = document
            .descendants()
            .filter(|node| node.tag_name().name() == element);
        nodes.find_map(|node| node.text().map(str::trim).map(str::to_owned))
    };
    let level = document.descendants().find_map(|node| {
        node.attribute("level")
            .filter(|_| node.tag_name().name() == "requestedExecutionLevel")
    });
    let mut findings = vec![match level {
        Some("requireAdministrator") => {
            Finding::note(topic, "it asks for an administrator's rights at each start")
                .advise("files cannot be dropped on it; leave `--uac-admin` out unless it must")
        }
        Some("highestAvailable") => Finding::note(
            topic,
            "it asks administrators for their rights at each start",
        ),
        Some(_) => Finding::good(topic, "it starts with the rights of its user"),
        None => Finding::note(
            topic,
            "its manifest names no rights: Windows redirects what it writes to system folders",
        ),
    }];
    let says = |element: &str, word: &str| {
        value(element).is_some_and(|text| text.to_ascii_lowercase().contains(word))
    };
    let lacks: Vec<&str> = [
        (
            says("dpiAwareness", "permonitor") || says("dpiAware", "true"),
            "sharp windows on every screen",
        ),
        (
            says("longPathAware", "true"),
            "paths of more than 260 characters",
        ),
        (says("activeCodePage", "utf-8"), "UTF-8 in the C library"),
        (
            text.contains("Microsoft.Windows.Common-Controls"),
            "today's controls",
        ),
    ]
    .into_iter()
    .filter_map(|(there, what)| (!there).then_some(what))
    .collect();
    if !lacks.is_empty() {
        let text = format!("its manifest does not ask for {}", lacks.join(", "));
        findings.push(
            Finding::note(topic, text).advise("the usual manifest does: leave `--manifest` out"),
        );
    }
    findings
}

fn console(file: &[u8], inside: Option<&Inside>) -> Option<Finding> {
    let windowed = Headers::parse(file).ok()?.subsystem == WINDOWED;
    let has_windows = inside.is_some_and(|inside| inside.toolkit.is_some());
    let topic = Topic::Start;
    Some(match (windowed, has_windows) {
        (true, _) => Finding::good(topic, "no console opens beside it"),
        (false, true) => Finding::trouble(topic, "a console window opens beside its own windows")
            .advise("`--windowed` leaves it out"),
        (false, false) => Finding::note(topic, "a console window opens when it is double-clicked"),
    })
}

fn taskbar(inside: Option<&Inside>) -> Finding {
    let topic = Topic::Taskbar;
    let Some(inside) = inside else {
        let text = "it is not packed by `pack`: whether it sets an AppUserModelID cannot be seen";
        return Finding::note(topic, text);
    };
    let id = &inside.id;
    let text = format!(
        "its windows are grouped under its own name and icon, by the AppUserModelID `{id}`"
    );
    if id.contains('.') {
        Finding::good(topic, text)
    } else {
        Finding::note(topic, text).advise(format!(
            "`--app-id Company.{id}` is one that no other program has: those with the same are grouped together"
        ))
    }
}
