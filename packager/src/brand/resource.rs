//! `--resource FILE[,TYPE[,NAME[,LANGUAGE]]]`, as PyInstaller has it.

use crate::pe::{Id, Language, Resource, Resources, is_pe};

/// A `--resource` that has been taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// FILE, as given.
    pub file: String,
    /// TYPE; `None` for `*` and for none.
    pub kind: Option<Id>,
    /// NAME.
    pub name: Option<Id>,
    /// LANGUAGE.
    pub language: Tongue,
}

/// LANGUAGE of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tongue {
    /// None was given.
    Unsaid,
    /// `*`.
    All,
    /// A number.
    One(Language),
}

impl Rule {
    /// Takes it apart. The last three commas separate; a file's name may hold more.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',').map(str::trim);
        let file = parts.next().unwrap_or_default().to_owned();
        if file.is_empty() {
            return Err("no file is named".into());
        }
        let id = |part: Option<&str>, what: &str| match part {
            None | Some("*") => Ok(None),
            Some("") => Err(format!("its {what} is empty")),
            Some(text) => Ok(Some(id(text))),
        };
        let kind = id(parts.next(), "type")?;
        let name = id(parts.next(), "name")?;
        let language = match parts.next() {
            None => Tongue::Unsaid,
            Some("*") => Tongue::All,
            Some(number) => match integer(number).filter(|number| *number <= 0xffff) {
                Some(number) => Tongue::One(number),
                None => {
                    return Err(format!(
                        "its language `{number}` is no number from 0 to 65535"
                    ));
                }
            },
        };
        if parts.next().is_some() {
            return Err("there are more than three commas".into());
        }
        Ok(Self {
            file,
            kind,
            name,
            language,
        })
    }

    /// What it does with the file's `content`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(&self, content: &[u8]) -> Result<Change, String> {
        if is_pe(content) {
            let found = Resources::parse(content).map_err(|error| error.to_string())?;
            let found = self.chosen(found);
            if found.0.is_empty() {
                return Err("there is no such resource in it".into());
            }
            return Ok(Change::Put(found));
        }
        let (Some(kind), Some(name)) = (&self.kind, &self.name) else {
            return Err("it is no executable: say TYPE and NAME of the resource that it is".into());
        };
        let data = content.to_vec();
        Ok(match self.language {
            Tongue::All => Change::Replace {
                kind: kind.clone(),
                name: name.clone(),
                data,
            },
            Tongue::Unsaid => Change::Put(one(kind, name, 0, data)),
            Tongue::One(language) => Change::Put(one(kind, name, language, data)),
        })
    }

    fn chosen(&self, mut found: Resources) -> Resources {
        found.0.retain(|(kind, name, language), _| {
            self.kind.as_ref().is_none_or(|wanted| wanted == kind)
                && self.name.as_ref().is_none_or(|wanted| wanted == name)
                && match self.language {
                    Tongue::One(wanted) => wanted == *language,
                    Tongue::Unsaid | Tongue::All => true,
                }
        });
        found
    }
}

/// A change of an executable's resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Puts these in, in place of those that are called the same.
    Put(Resources),
    /// Replaces one in all languages in which it is there.
    Replace {
        /// Its type.
        kind: Id,
        /// Its name.
        name: Id,
        /// Its new content.
        data: Vec<u8>,
    },
}

impl Change {
    /// Makes it. What it brings is noted in `given`.
    pub(super) fn apply(&self, resources: &mut Resources, given: &mut Resources) {
        match self {
            Self::Put(new) => {
                for (place, resource) in &new.0 {
                    resources.0.insert(place.clone(), resource.clone());
                    given.0.insert(place.clone(), resource.clone());
                }
            }
            Self::Replace { kind, name, data } => {
                let mut found = false;
                for ((of, called, _), resource) in &mut resources.0 {
                    if of == kind && called == name {
                        resource.data.clone_from(data);
                        found = true;
                    }
                }
                if !found {
                    let new = Self::Put(one(kind, name, 0, data.clone()));
                    new.apply(resources, given);
                }
            }
        }
    }
}

fn one(kind: &Id, name: &Id, language: Language, data: Vec<u8>) -> Resources {
    let mut resources = Resources::default();
    let place = (kind.clone(), name.clone(), language);
    resources.0.insert(place, Resource { data, code_page: 0 });
    resources
}

/// A number, or a name.
fn id(text: &str) -> Id {
    match integer(text) {
        Some(number) if number <= 0xffff => Id::Number(number),
        _ => Id::name(text),
    }
}

fn integer(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}
