//! pylock.toml (PEP 751): what is for the target, as lines with the hashes of its wheels.

use super::source::failed;
use super::{RequirementsError, Target};
use crate::installed::Markers;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Lock {
    lock_version: String,
    #[serde(default)]
    packages: Vec<Package>,
}

#[derive(serde::Deserialize)]
struct Package {
    name: String,
    version: Option<String>,
    marker: Option<String>,
    index: Option<String>,
    #[serde(default)]
    wheels: Vec<Wheel>,
    archive: Option<Wheel>,
}

#[derive(serde::Deserialize)]
struct Wheel {
    url: Option<String>,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

/// Where installers look by themselves.
const USUAL_INDEX: &str = "https://pypi.org/simple";

/// What `text`, the content of `file`, has for `target`.
pub(super) fn lines(
    file: &Path,
    text: &str,
    target: &Target<'_>,
) -> Result<String, RequirementsError> {
    let lock: Lock = toml_edit::de::from_str(text)
        .map_err(|error| failed(file, error.to_string().trim_end()))?;
    if lock.lock_version.split('.').next() != Some("1") {
        let reason = format!("its version is {}, and 1.0 is known", lock.lock_version);
        return Err(failed(file, reason));
    }
    let markers = Markers::of(target.facts);
    let (mut indexes, mut lines) = (BTreeSet::new(), String::new());
    for package in &lock.packages {
        if let Some(marker) = &package.marker {
            let holds = markers.holds(marker).ok_or_else(|| {
                failed(
                    file,
                    format!(
                        "the marker of `{}` is not understood: {marker}",
                        package.name
                    ),
                )
            })?;
            if !holds {
                continue;
            }
        }
        lines.push_str(&line(file, package, target)?);
        let index = package
            .index
            .as_deref()
            .map(|index| index.trim_end_matches('/'));
        index.into_iter().try_for_each(|index| word(file, index))?;
        indexes.extend(index.filter(|index| *index != USUAL_INDEX));
    }
    // A file of another index than the one meant has another hash.
    let indexes: String = indexes
        .iter()
        .map(|index| format!("--extra-index-url {index}\n"))
        .collect();
    Ok(indexes + &lines)
}

/// `name==version --hash=sha256:… --hash=…`
fn line(file: &Path, package: &Package, target: &Target<'_>) -> Result<String, RequirementsError> {
    let Package {
        name,
        version,
        wheels,
        archive,
        ..
    } = package;
    let is_wheel = |wheel: &&Wheel| wheel.url.as_ref().is_some_and(|url| url.ends_with(".whl"));
    let source = archive.as_ref().filter(is_wheel);
    if wheels.is_empty() && source.is_none() {
        return Err(RequirementsError::NoWheel {
            name: name.clone(),
            target: target.describe(),
            said: format!("`{}` lists none of it", file.display()),
        });
    }
    let mut line = match (version, source.and_then(|archive| archive.url.as_ref())) {
        (_, Some(url)) => format!("{name} @ {url}"),
        (Some(version), None) => format!("{name}=={version}"),
        (None, None) => return Err(failed(file, format!("`{name}` has no version in it"))),
    };
    let mut hashed = false;
    for (kind, hash) in wheels.iter().chain(source).flat_map(|wheel| &wheel.hashes) {
        let is_known = ["sha256", "sha384", "sha512"].contains(&kind.as_str());
        if is_known && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            line.push_str(&format!(" --hash={kind}:{hash}"));
            hashed = true;
        }
    }
    let words = [
        Some(name),
        version.as_ref(),
        source.and_then(|archive| archive.url.as_ref()),
    ];
    words
        .into_iter()
        .flatten()
        .try_for_each(|text| word(file, text))?;
    if !hashed {
        return Err(failed(
            file,
            format!("`{name}` has no hash in it that counts (SHA-256)"),
        ));
    }
    line.push('\n');
    Ok(line)
}

/// Refuses a text that an installer would read as more than one word, or as an option.
fn word(file: &Path, text: &str) -> Result<(), RequirementsError> {
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || ";\\\"'`#".contains(c);
    match text.is_empty() || text.starts_with('-') || text.contains(is_odd) {
        true => Err(failed(
            file,
            format!(
                "`{}` stands where a name, a version or an address must be",
                text.escape_debug()
            ),
        )),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::facts;

    const LOCK: &str = r#"
lock-version = "1.0"
created-by = "hand"
[[packages]]
name = "markupsafe"
version = "3.0.2"
index = "https://pypi.org/simple/"
wheels = [{ name = "a.whl", url = "https://x/a.whl", hashes = { sha256 = "aa" } }, { url = "https://x/b.whl", hashes = { sha256 = "bb", md5 = "0" } }]
[[packages]]
name = "colorama"
version = "0.4.6"
marker = "sys_platform == 'win32'"
index = "https://other.example/simple"
wheels = [{ url = "https://x/c.whl", hashes = { sha256 = "cc" } }]
"#;

    fn read(text: &str, platform: &str) -> Result<String, String> {
        let mut facts = facts();
        facts.markers.insert("sys_platform".into(), platform.into());
        let target = Target {
            facts: &facts,
            windows: platform == "win32",
        };
        lines(Path::new("pylock.toml"), text, &target).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_for_the_target_with_its_hashes() {
        let first = "markupsafe==3.0.2 --hash=sha256:aa --hash=sha256:bb\n";
        assert_eq!(read(LOCK, "linux").unwrap(), first);
        let both = format!(
            "--extra-index-url https://other.example/simple\n{first}colorama==0.4.6 --hash=sha256:cc\n"
        );
        assert_eq!(read(LOCK, "win32").unwrap(), both);
    }

    #[test]
    fn what_cannot_be_installed_is_named() {
        for (from, to, words) in [
            ("{ sha256 = \"cc\" }", "{}", "`colorama` has no hash"),
            ("sys_platform ==", "sys_platform ~", "marker of `colorama`"),
            ("\"1.0\"", "\"2.0\"", "version is 2.0"),
            ("version = \"0.4.6\"", "", "`colorama` has no version"),
            ("\"colorama\"", "\"-e x\"", "`-e x` stands where"),
            ("0.4.6", "1\\n-r y", "stands where"),
            ("[[packages]]", "[[packages", "TOML parse error"),
        ] {
            let error = read(&LOCK.replace(from, to), "win32").unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        let sources = LOCK.replace(
            "wheels = [{ url = \"https://x/c.whl\"",
            "sdist = [{ url = \"x\"",
        );
        let error = read(&sources, "win32").unwrap_err();
        assert!(
            error.starts_with("`colorama` cannot be had for Windows"),
            "{error}"
        );
    }
}
