//! How a Windows executable looks and what it says of itself.

use super::absolute;
use super::environment::Environment;
use super::error::ConfigError;
use super::layer::Layer;
use super::value::{Given, Origin};
use crate::brand::resource::Rule;
use crate::icon::Choice;
use crate::plan::{Brand, IconFile, ManifestSource, Signing};
use std::path::{Path, PathBuf};

const EPOCH: &str = "SOURCE_DATE_EPOCH";

/// Settings that mean something for Windows alone.
const KEYS: [&str; 14] = [
    "app.icon",
    "app.title",
    "app.description",
    "app.company",
    "app.copyright",
    "windows.version-file",
    "windows.manifest",
    "windows.resources",
    "windows.uac-admin",
    "windows.uac-uiaccess",
    "sign.certificate",
    "sign.key",
    "sign.password-file",
    "sign.timestamp",
];

/// The settings, paths absolute. Each file must be there.
///
/// # Errors
/// When one is not, or a `--resource` cannot be taken apart.
pub(super) fn brand(settings: &Layer, current: &Path) -> Result<Brand, ConfigError> {
    let text = |key| settings.text(key).map(|(text, _)| text.to_owned());
    let truth = |key| settings.truth(key).unwrap_or(false);
    let version_file = settings.text("windows.version-file");
    Ok(Brand {
        icons: icons(settings.list("app.icon"), current)?,
        title: text("app.title"),
        description: text("app.description"),
        company: text("app.company"),
        copyright: text("app.copyright"),
        version_file: version_file
            .map(|(text, origin)| existing(text, origin, current))
            .transpose()?,
        manifest: settings
            .text("windows.manifest")
            .map(|(text, origin)| manifest(text, origin, current))
            .transpose()?,
        uac_admin: truth("windows.uac-admin"),
        uac_uiaccess: truth("windows.uac-uiaccess"),
        resources: settings
            .list("windows.resources")
            .iter()
            .map(|given| resource(given, current))
            .collect::<Result<_, _>>()?,
    })
}

/// Who signs; each file must be there.
///
/// # Errors
/// When one is not, or something is said about signing and nothing about the certificate.
pub(super) fn signing(
    settings: &Layer,
    current: &Path,
    environment: &Environment,
) -> Result<Option<Signing>, ConfigError> {
    let file = |key| {
        let given = settings.text(key);
        given
            .map(|(text, origin)| existing(text, origin, current))
            .transpose()
    };
    let Some(certificate) = file("sign.certificate")? else {
        let rest = ["sign.key", "sign.password-file", "sign.timestamp"];
        return match rest.into_iter().find_map(|key| settings.get(key)) {
            None => Ok(None),
            Some(given) => Err(ConfigError::Invalid {
                origin: given.origin.clone(),
                got: "given".into(),
                expected: "left out where nothing is signed: `--sign FILE` names the certificate"
                    .into(),
            }),
        };
    };
    let timestamp = match settings.text("sign.timestamp") {
        Some((url, origin)) if !url.starts_with("http://") && !url.starts_with("https://") => {
            return Err(ConfigError::Invalid {
                origin: origin.clone(),
                got: format!("`{url}`"),
                expected: "a URL that begins with http:// or https://".into(),
            });
        }
        given => given.map(|(url, _)| url.to_owned()),
    };
    Ok(Some(Signing {
        certificate,
        key: file("sign.key")?,
        password_file: file("sign.password-file")?,
        timestamp,
        time: environment.get(EPOCH).map(|text| epoch(text)).transpose()?,
    }))
}

/// The time that a reproducible build gives out as its own (reproducible-builds.org/specs/source-date-epoch).
fn epoch(text: &str) -> Result<u64, ConfigError> {
    text.parse().map_err(|_| ConfigError::Invalid {
        origin: Origin::Variable(EPOCH.into()),
        got: format!("`{text}`"),
        expected: "a number of seconds since 1970".into(),
    })
}

/// One line about what was given of them, for a target where they mean nothing.
pub(super) fn without_effect(settings: &Layer, target: &str) -> Option<String> {
    let first = |key| match settings.list(key) {
        [] => settings.get(key).map(|given| &given.origin),
        [given, ..] => Some(&given.origin),
    };
    let given: Vec<String> = KEYS
        .into_iter()
        .filter_map(first)
        .map(Origin::to_string)
        .collect();
    let (last, others) = given.split_last()?;
    let (named, change, them) = match others {
        [] => (last.clone(), "changes", "it"),
        others => (
            format!("{} and {last}", others.join(", ")),
            "change",
            "them",
        ),
    };
    Some(format!(
        "{named} {change} nothing: only programs for Windows have {them}, and this one is for {target}"
    ))
}

fn icons(given: &[Given<String>], current: &Path) -> Result<Vec<IconFile>, ConfigError> {
    let is_none = |given: &Given<String>| given.value.eq_ignore_ascii_case("none");
    // PyInstaller's way to say that there is to be no icon.
    if given.iter().any(is_none) {
        return Ok(Vec::new());
    }
    let icon = |given: &Given<String>| {
        // A file's own name may hold a comma.
        if let Ok(path) = existing(&given.value, &given.origin, current) {
            let choice = Choice::First;
            return Ok(IconFile { path, choice });
        }
        let (file, choice) = Choice::split(&given.value);
        let path = existing(file, &given.origin, current)?;
        Ok(IconFile { path, choice })
    };
    given.iter().map(icon).collect()
}

fn existing(text: &str, origin: &Origin, current: &Path) -> Result<PathBuf, ConfigError> {
    let path = absolute(&origin.base(current).join(text));
    if path.is_file() {
        return Ok(path);
    }
    let origin = origin.clone();
    if path.is_dir() {
        return Err(ConfigError::Invalid {
            origin,
            got: format!("`{text}`, a folder"),
            expected: "a file".into(),
        });
    }
    Err(ConfigError::Missing { origin, path })
}

fn manifest(text: &str, origin: &Origin, current: &Path) -> Result<ManifestSource, ConfigError> {
    if text.trim_start().starts_with('<') {
        return Ok(ManifestSource::Text(text.to_owned()));
    }
    existing(text, origin, current).map(ManifestSource::File)
}

fn resource(given: &Given<String>, current: &Path) -> Result<(Rule, PathBuf), ConfigError> {
    let rule = Rule::parse(&given.value).map_err(|why| ConfigError::Invalid {
        origin: given.origin.clone(),
        got: format!("`{}` ({why})", given.value),
        expected: "FILE[,TYPE[,NAME[,LANGUAGE]]]".into(),
    })?;
    let path = existing(&rule.file, &given.origin, current)?;
    Ok((rule, path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::configure::file::check;
    use crate::pe::Id;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new(files: &[&str]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            for file in files {
                std::fs::write(folder.path().join(file), "").unwrap();
            }
            Self(folder)
        }

        fn settings(&self, text: &str) -> Layer {
            check(&self.0.path().join("pack.toml"), text).unwrap()
        }

        /// Paths are taken from the file's folder, not from the current one.
        fn brand(&self, text: &str) -> Result<Brand, ConfigError> {
            brand(&self.settings(text), Path::new("/nowhere"))
        }

        fn error(&self, error: &ConfigError) -> String {
            error
                .to_string()
                .replace(&crate::report::path(self.0.path()), "")
        }
    }

    #[test]
    fn icons_are_one_or_several_files_and_of_executables_by_number() {
        let folder = Folder::new(&["a.ico", "b,1.png", "c.exe"]);
        let icons = |given: &str| -> Vec<(String, Choice)> {
            let brand = folder.brand(&format!("[app]\nicon = {given}\n")).unwrap();
            let name = |icon: IconFile| {
                let path = icon.path.strip_prefix(folder.0.path()).unwrap().to_owned();
                (path.to_str().unwrap().to_owned(), icon.choice)
            };
            brand.icons.into_iter().map(name).collect()
        };
        assert_eq!(icons("\"a.ico\""), [("a.ico".into(), Choice::First)]);
        let several = [
            ("c.exe".into(), Choice::Number(2)),
            ("b,1.png".into(), Choice::First),
        ];
        assert_eq!(icons("[\"c.exe,2\", \"b,1.png\"]"), several);
        assert_eq!(icons("\"NONE\""), []);
        let error = folder.brand("[app]\nicon = \"gone.ico\"\n").unwrap_err();
        insta::assert_snapshot!(folder.error(&error), @"/pack.toml:2:8: `app.icon` names `/gone.ico`, which does not exist");
        let error = folder.brand("[app]\nicon = \".\"\n").unwrap_err();
        insta::assert_snapshot!(folder.error(&error), @"/pack.toml:2:8: `app.icon` is `.`, a folder, but must be a file");
    }

    #[test]
    fn a_manifest_is_a_file_or_stands_there_itself() {
        let folder = Folder::new(&["own.manifest"]);
        let manifest = |given: &str| {
            let text = format!("[windows]\nmanifest = '{given}'\n");
            folder.brand(&text).unwrap().manifest.unwrap()
        };
        let file = folder.0.path().join("own.manifest");
        assert_eq!(manifest("own.manifest"), ManifestSource::File(file));
        assert_eq!(manifest("<a/>"), ManifestSource::Text("<a/>".into()));
    }

    #[test]
    fn resources_are_taken_apart() {
        let folder = Folder::new(&["data.bin"]);
        let brand = folder
            .brand("[windows]\nresources = [\"data.bin,10,NAME\"]\nuac-admin = true\n")
            .unwrap();
        assert!(brand.uac_admin && !brand.uac_uiaccess);
        let (rule, path) = &brand.resources[0];
        assert_eq!(
            (&rule.kind, path),
            (&Some(Id::Number(10)), &folder.0.path().join("data.bin"))
        );
        let error = folder
            .brand("[windows]\nresources = [\"data.bin,10,NAME,en\"]\n")
            .unwrap_err();
        insta::assert_snapshot!(folder.error(&error), @"/pack.toml:2:14: `windows.resources` is `data.bin,10,NAME,en` (its language `en` is no number from 0 to 65535), but must be FILE[,TYPE[,NAME[,LANGUAGE]]]");
    }

    #[test]
    fn a_signature_needs_a_certificate() {
        let folder = Folder::new(&["key.p12"]);
        let signing_at = |text: &str, epoch: Option<&str>| {
            let environment = epoch.map(|time| (EPOCH.to_owned(), time.to_owned()));
            let environment = environment.into_iter().collect();
            signing(&folder.settings(text), Path::new("/nowhere"), &environment)
                .map_err(|error| folder.error(&error))
        };
        let signing = |text: &str| signing_at(text, None);
        assert_eq!(signing(""), Ok(None));
        let found = signing("[sign]\ncertificate = \"key.p12\"\ntimestamp = \"http://time\"\n")
            .unwrap()
            .unwrap();
        assert_eq!(found.certificate, folder.0.path().join("key.p12"));
        assert_eq!(found.timestamp.as_deref(), Some("http://time"));
        assert_eq!(found.time, None);
        let certificate = "[sign]\ncertificate = \"key.p12\"\n";
        let found = signing_at(certificate, Some("1700000000"))
            .unwrap()
            .unwrap();
        assert_eq!(found.time, Some(1_700_000_000));
        insta::assert_snapshot!(signing_at(certificate, Some("today")).unwrap_err(), @"`SOURCE_DATE_EPOCH` is `today`, but must be a number of seconds since 1970");
        insta::assert_snapshot!(signing("[sign]\ntimestamp = \"http://time\"\n").unwrap_err(), @"/pack.toml:2:13: `sign.timestamp` is given, but must be left out where nothing is signed: `--sign FILE` names the certificate");
        insta::assert_snapshot!(signing("[sign]\ncertificate = \"key.p12\"\ntimestamp = \"time\"\n").unwrap_err(), @"/pack.toml:3:13: `sign.timestamp` is `time`, but must be a URL that begins with http:// or https://");
    }
}
