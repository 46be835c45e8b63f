//! `pack.toml`, and `[tool.pack]` of `pyproject.toml`.

use super::entry::is_dotted;
use super::error::ConfigError;
use super::layer::Layer;
use super::settings::{SETTINGS, Setting};
use super::suggest::nearest;
use super::value::{Given, Kind, NotOfKind, Origin, Place, Value};
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml_edit::{Document, Item, TableLike};

/// What a project's files say.
#[derive(Debug, Default)]
pub struct Project {
    /// Settings of `pack.toml` or `[tool.pack]`.
    pub settings: Layer,
    /// The file they are from.
    pub file: Option<PathBuf>,
    /// `name` of `[project]`.
    pub name: Option<String>,
    /// `version` of `[project]`.
    pub version: Option<String>,
    /// `[project.scripts]`, then `[project.gui-scripts]`.
    pub scripts: Vec<Script>,
    /// Lines for the reader.
    pub notes: Vec<String>,
}

/// A program that `[project]` declares, and an installer would make.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    /// What it is called.
    pub name: String,
    /// `package.module:function`.
    pub entry: Given<String>,
    /// Of `[project.gui-scripts]`: without a console.
    pub windowed: bool,
}

impl Script {
    /// The settings that make a program of it.
    #[must_use]
    pub fn settings(&self) -> Layer {
        let mut layer = Layer::default();
        let mut set = |key, value| {
            if let Some(setting) = super::settings::find(key) {
                layer.set(setting, value, self.entry.origin.clone());
            }
        };
        set("app.entry", Value::Text(self.entry.value.clone()));
        set("app.name", Value::Text(self.name.clone()));
        if self.windowed {
            set("app.windowed", Value::Bool(true));
        }
        layer
    }
}

/// What `[project]` of pyproject.toml in `folder` says, as far as it can be read.
#[must_use]
pub fn declared(folder: &Path) -> Project {
    let file = folder.join("pyproject.toml");
    let mut project = Project::default();
    let text = text(&file).ok().flatten().unwrap_or_default();
    let text = Text {
        file: &file,
        text: &text,
    };
    if let Ok(document) = text.parse() {
        text.project(&document, &mut project);
    }
    project
}

/// Reads the settings files in `folder`; none is needed.
///
/// # Errors
/// When one cannot be read, is no TOML, or holds what is no setting or does not fit it.
pub fn read(folder: &Path) -> Result<Project, ConfigError> {
    let (own, pyproject) = (folder.join("pack.toml"), folder.join("pyproject.toml"));
    let mut project = Project::default();
    if let Some(text) = text(&pyproject)? {
        let document = Text {
            file: &pyproject,
            text: &text,
        };
        document.pyproject(&mut project)?;
    }
    if let Some(text) = text(&own)? {
        if project.file.is_some() {
            project
                .notes
                .push("[tool.pack] of pyproject.toml is not used: there is a pack.toml".into());
        }
        project.settings = Text {
            file: &own,
            text: &text,
        }
        .settings()?;
        project.file = Some(own);
    }
    Ok(project)
}

/// Does `folder` hold settings?
#[must_use]
pub fn has_settings(folder: &Path) -> bool {
    let pyproject = || {
        fs_err::read_to_string(folder.join("pyproject.toml"))
            .is_ok_and(|text| text.contains("[tool.pack"))
    };
    folder.join("pack.toml").is_file() || pyproject()
}

/// Checks one pack.toml that is not on disk yet.
///
/// # Errors
/// As [`read`].
pub fn check(file: &Path, text: &str) -> Result<Layer, ConfigError> {
    Text { file, text }.settings()
}

fn text(file: &Path) -> Result<Option<String>, ConfigError> {
    match fs_err::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ConfigError::Read(error)),
    }
}

/// One file's text, for the places in it.
struct Text<'a> {
    file: &'a Path,
    text: &'a str,
}

impl Text<'_> {
    fn settings(&self) -> Result<Layer, ConfigError> {
        let document = self.parse()?;
        let mut layer = Layer::default();
        self.tables(document.as_table(), "", &mut layer)?;
        Ok(layer)
    }

    fn pyproject(&self, project: &mut Project) -> Result<(), ConfigError> {
        let document = self.parse()?;
        self.project(&document, project);
        let Some(tool) = document.get("tool").and_then(|tool| tool.get("pack")) else {
            return Ok(());
        };
        let Some(table) = tool.as_table_like() else {
            return Err(self.wrong_type("tool.pack", tool, "a table".into()));
        };
        self.tables(table, "tool.pack.", &mut project.settings)?;
        project.file = Some(self.file.to_owned());
        Ok(())
    }

    fn project(&self, document: &Document<&str>, project: &mut Project) {
        let table = document.get("project");
        let stated = |key| table?.get(key)?.as_str().map(str::to_owned);
        project.name = stated("name");
        project.version = stated("version");
        for (key, windowed) in [("scripts", false), ("gui-scripts", true)] {
            let scripts = table.and_then(|table| table.get(key)?.as_table_like());
            let scripts = scripts.into_iter().flat_map(|scripts| scripts.iter());
            project.scripts.extend(scripts.filter_map(|(name, item)| {
                let full = format!("project.{key}.{name}");
                let entry = Given {
                    value: function(item.as_str()?)?,
                    origin: self.origin(item.span(), &full),
                };
                Some(Script {
                    name: name.to_owned(),
                    entry,
                    windowed,
                })
            }));
        }
    }

    fn parse(&self) -> Result<Document<&str>, ConfigError> {
        Document::parse(self.text).map_err(|error| ConfigError::Syntax {
            place: self.place(error.span(), ""),
            message: error.message().trim().replace('\n', "; "),
        })
    }

    /// The outermost level: tables, and settings that are one.
    fn tables(
        &self,
        root: &dyn TableLike,
        prefix: &str,
        layer: &mut Layer,
    ) -> Result<(), ConfigError> {
        for (name, item) in root.iter() {
            let full = format!("{prefix}{name}");
            if let Some(setting) = super::settings::find(name) {
                self.set(setting, item, &full, layer)?;
            } else if !sections().contains(&name) {
                return Err(self.unknown_key(root, name, &full, top_level()));
            } else if let Some(table) = item.as_table_like() {
                self.section(table, name, &full, layer)?;
            } else {
                return Err(self.wrong_type(&full, item, "a table".into()));
            }
        }
        Ok(())
    }

    /// The settings of one table.
    fn section(
        &self,
        table: &dyn TableLike,
        section: &str,
        full: &str,
        layer: &mut Layer,
    ) -> Result<(), ConfigError> {
        for (name, item) in table.iter() {
            let full = format!("{full}.{name}");
            match super::settings::find(&format!("{section}.{name}")) {
                Some(setting) => self.set(setting, item, &full, layer)?,
                None => return Err(self.unknown_key(table, name, &full, keys_of(section))),
            }
        }
        Ok(())
    }

    fn set(
        &self,
        setting: &'static Setting,
        item: &Item,
        full: &str,
        layer: &mut Layer,
    ) -> Result<(), ConfigError> {
        let value = self.value(setting, item, full)?;
        layer.set(setting, value, self.origin(item.span(), full));
        Ok(())
    }

    fn value(&self, setting: &Setting, item: &Item, full: &str) -> Result<Value, ConfigError> {
        let kind = setting.kind;
        match kind {
            Kind::Table => return self.rows(item, full, kind),
            _ if kind.is_one_or_more() && item.is_str() => {
                return self.list(std::iter::once(item.clone()), full, kind);
            }
            _ if kind.is_list() => {
                let array = item
                    .as_array()
                    .ok_or_else(|| self.wrong_type(full, item, kind.expected()))?;
                return self.list(array.iter().cloned().map(Item::Value), full, kind);
            }
            _ => {}
        }
        scalar(kind, item).map_err(|NotOfKind| self.wrong_type(full, item, kind.expected()))
    }

    fn list(
        &self,
        items: impl Iterator<Item = Item>,
        full: &str,
        kind: Kind,
    ) -> Result<Value, ConfigError> {
        items
            .map(
                |item| match item.as_str().filter(|text| !text.trim().is_empty()) {
                    Some(text) => Ok(Given {
                        value: text.to_owned(),
                        origin: self.origin(item.span(), full),
                    }),
                    None => Err(self.wrong_type(full, &item, kind.expected())),
                },
            )
            .collect::<Result<_, _>>()
            .map(Value::List)
    }

    fn rows(&self, item: &Item, full: &str, kind: Kind) -> Result<Value, ConfigError> {
        let table = item
            .as_table_like()
            .ok_or_else(|| self.wrong_type(full, item, kind.expected()))?;
        table
            .iter()
            .map(|(name, item)| {
                let full = format!("{full}.{name}");
                match item.as_str().filter(|text| !text.is_empty()) {
                    Some(text) => Ok((
                        name.to_owned(),
                        Given {
                            value: text.to_owned(),
                            origin: self.origin(item.span(), &full),
                        },
                    )),
                    None => Err(self.wrong_type(&full, item, Kind::Text.expected())),
                }
            })
            .collect::<Result<_, _>>()
            .map(Value::Table)
    }

    fn unknown_key(
        &self,
        table: &dyn TableLike,
        name: &str,
        full: &str,
        known: Vec<&'static str>,
    ) -> ConfigError {
        let span = table.get_key_value(name).and_then(|(key, _)| key.span());
        // A right key in a wrong table is as common a slip as a wrong letter.
        let elsewhere = || {
            SETTINGS
                .iter()
                .map(|s| s.key)
                .find(|key| key.rsplit('.').next() == Some(name))
        };
        let nearest = nearest(name, known.iter().copied()).or_else(elsewhere);
        ConfigError::UnknownKey {
            place: self.place(span, full),
            nearest,
            known,
        }
    }

    fn wrong_type(&self, full: &str, item: &Item, expected: String) -> ConfigError {
        let got = match item.type_name() {
            "string" => format!("{:?}", item.as_str().unwrap_or_default()),
            "integer" | "float" | "boolean" => item.to_string().trim().to_owned(),
            "array" => "a list".into(),
            "array of tables" => "a list of tables".into(),
            "none" => "nothing".into(),
            "inline table" => "a table".into(),
            other => format!("a {other}"),
        };
        ConfigError::Invalid {
            origin: self.origin(item.span(), full),
            got,
            expected,
        }
    }

    fn origin(&self, span: Option<Range<usize>>, key: &str) -> Origin {
        Origin::File(self.place(span, key))
    }

    fn place(&self, span: Option<Range<usize>>, key: &str) -> Place {
        let before = span
            .and_then(|span| self.text.get(..span.start))
            .unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            key: key.to_owned(),
        }
    }
}

/// `package.module:function` of an entry point, which may have extras behind it.
fn function(text: &str) -> Option<String> {
    let text = text.split('[').next()?;
    let (module, function) = text.split_once(':')?;
    let (module, function) = (module.trim(), function.trim());
    (is_dotted(module) && is_dotted(function)).then(|| format!("{module}:{function}"))
}

fn scalar(kind: Kind, item: &Item) -> Result<Value, NotOfKind> {
    match kind {
        Kind::Bool => item.as_bool().map(Value::Bool).ok_or(NotOfKind),
        Kind::Integer { .. } => kind.integer(item.as_integer().ok_or(NotOfKind)?),
        Kind::Size { .. } if item.is_integer() => {
            kind.read(&item.as_integer().ok_or(NotOfKind)?.to_string())
        }
        #[allow(clippy::cast_precision_loss)] // seconds: far below 2^53
        Kind::Interval if item.is_integer() => {
            kind.seconds(item.as_integer().ok_or(NotOfKind)? as f64)
        }
        Kind::Interval if item.is_float() => kind.seconds(item.as_float().ok_or(NotOfKind)?),
        Kind::Interval if item.as_str() != Some("auto") => Err(NotOfKind),
        _ => kind.read(item.as_str().ok_or(NotOfKind)?),
    }
}

fn sections() -> Vec<&'static str> {
    let mut names: Vec<_> = SETTINGS
        .iter()
        .filter_map(|s| Some(s.key.split_once('.')?.0))
        .collect();
    names.dedup();
    names.sort_unstable();
    names.dedup();
    names
}

fn top_level() -> Vec<&'static str> {
    let mut names = sections();
    names.extend(
        SETTINGS
            .iter()
            .map(|s| s.key)
            .filter(|key| !key.contains('.')),
    );
    names
}

fn keys_of(section: &str) -> Vec<&'static str> {
    SETTINGS
        .iter()
        .filter_map(|s| s.key.split_once('.'))
        .filter(|(of, _)| *of == section)
        .map(|(_, key)| key)
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The error of `text` as the reader sees it.
    fn error(text: &str) -> String {
        let error = check(Path::new("pack.toml"), text).unwrap_err();
        let hint = error
            .hint()
            .map(|hint| format!("\nhint: {hint}"))
            .unwrap_or_default();
        format!("{error}{hint}")
    }

    #[test]
    fn reads_every_kind() {
        let text = "[app]\nname = \"a\"\nwindowed = true\n[commands]\nmanage = \"manage.py\"\n[wsgi]\nthreads = 2\n\
                    switch-interval = 0.01\nbind = \"a:1\"\n[include]\ndata = [\"a:b\"]\n";
        let layer = check(Path::new("/p/pack.toml"), text).unwrap();
        assert_eq!(layer.text("app.name").unwrap().0, "a");
        assert_eq!(layer.truth("app.windowed"), Some(true));
        assert_eq!(layer.table("commands")[0].1.value, "manage.py");
        assert_eq!(layer.integer("wsgi.threads"), Some(2));
        assert_eq!(
            layer.get("wsgi.switch-interval").unwrap().value,
            Value::Seconds(0.01)
        );
        assert_eq!(layer.list("wsgi.bind")[0].value, "a:1");
        assert_eq!(
            layer.list("include.data")[0].origin.to_string(),
            "/p/pack.toml:11:9: `include.data`"
        );
    }

    #[test]
    fn names_file_line_column_and_key() {
        insta::assert_snapshot!(error("[app]\nname = 3\n"), @"pack.toml:2:8: `app.name` is 3, but must be a text that is not empty");
        insta::assert_snapshot!(error("[wsgi]\nthreads = \"four\"\n"), @r#"pack.toml:2:11: `wsgi.threads` is "four", but must be a whole number from 1 to 1024"#);
        insta::assert_snapshot!(error("[wsgi]\nthreads = 0\n"), @"pack.toml:2:11: `wsgi.threads` is 0, but must be a whole number from 1 to 1024");
        insta::assert_snapshot!(error("[wsgi]\nswitch-interval = \"fast\"\n"), @r#"pack.toml:2:19: `wsgi.switch-interval` is "fast", but must be a number of seconds above 0 and at most 3600, or "auto""#);
        insta::assert_snapshot!(error("[app]\nwindowed = \"yes\"\n"), @r#"pack.toml:2:12: `app.windowed` is "yes", but must be true or false"#);
        insta::assert_snapshot!(error("[include]\ndata = [\"a:b\",\n  7]\n"), @r#"pack.toml:3:3: `include.data` is 7, but must be a list of "SRC:DEST" rules"#);
        insta::assert_snapshot!(error("[include]\nmodules = \"a\"\n"), @r#"pack.toml:2:11: `include.modules` is "a", but must be a list of dotted module names"#);
        insta::assert_snapshot!(error("[commands]\nmanage = { script = \"x\" }\n"), @"pack.toml:2:10: `commands.manage` is a table, but must be a text that is not empty");
        insta::assert_snapshot!(error("app = \"app.py\"\n"), @r#"pack.toml:1:7: `app` is "app.py", but must be a table"#);
        insta::assert_snapshot!(error("[bundle]\nmode = \"file\"\n"), @r#"pack.toml:2:8: `bundle.mode` is "file", but must be "onefile" or "onedir""#);
    }

    #[test]
    fn suggests_keys() {
        insta::assert_snapshot!(error("[app]\nnaem = \"x\"\n"), @r"
        pack.toml:2:1: there is no setting `app.naem`
        hint: did you mean `name`?
        ");
        insta::assert_snapshot!(error("[apps]\nname = \"x\"\n"), @r"
        pack.toml:1:2: there is no setting `apps`
        hint: did you mean `app`?
        ");
        insta::assert_snapshot!(error("name = \"x\"\n"), @r"
        pack.toml:1:1: there is no setting `name`
        hint: did you mean `app.name`?
        ");
        insta::assert_snapshot!(error("[exclude]\nfiles = []\n"), @r"
        pack.toml:2:1: there is no setting `exclude.files`
        hint: known there: modules, distributions, libraries, slim
        ");
    }

    #[test]
    fn places_syntax_errors() {
        insta::assert_snapshot!(error("[app]\nname = \n"), @"pack.toml:2:8: string values must be quoted, expected literal string");
        insta::assert_snapshot!(error("[app]\nname = \"a\"\nname = \"b\"\n"), @"pack.toml:3:1: duplicate key");
    }
}
