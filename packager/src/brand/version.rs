//! Version information: what Explorer's Properties, the task manager and installers read.
//!
//! A tree of blocks: 2 bytes length, 2 bytes length of its value, 2 bytes kind (1: text), its name in UTF-16, its value and
//! the blocks in it, each on a multiple of 4.

use super::BrandError;
use super::version_number::numbers;
use crate::pe::bytes::{slice, u16_at, u32_at};

const SIGNATURE: u32 = 0xfeef_04bd;
const FIXED: usize = 52;
/// American English, UTF-16.
const TABLE: &str = "040904B0";
/// A pre-release.
const PRE_RELEASE: u32 = 2;

/// Version information.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VersionInfo {
    /// Numbers.
    pub fixed: Fixed,
    /// Texts by language and code page (`040904B0`), each a name and a value.
    pub tables: Vec<(String, Vec<(String, String)>)>,
    /// Further values: `Translation` lists language and code page of the tables.
    pub variables: Vec<(String, Vec<u16>)>,
}

/// What it says in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// Of the file.
    pub file_version: [u16; 4],
    /// Of the product.
    pub product_version: [u16; 4],
    /// Which flags count.
    pub mask: u32,
    /// `VS_FF_*`.
    pub flags: u32,
    /// `VOS_*`.
    pub system: u32,
    /// `VFT_*`: 1 is a program.
    pub kind: u32,
    /// Of the kind.
    pub subkind: u32,
    /// Date, high and low half.
    pub date: (u32, u32),
}

impl Default for Fixed {
    fn default() -> Self {
        Self {
            file_version: [0; 4],
            product_version: [0; 4],
            mask: 0x3f,
            flags: 0,
            system: 0x4_0004,
            kind: 1,
            subkind: 0,
            date: (0, 0),
        }
    }
}

/// What the settings say of an application.
#[derive(Debug, Clone, Default)]
pub struct Facts<'a> {
    /// The executable's name, without its suffix.
    pub name: &'a str,
    /// As its author writes it.
    pub version: Option<&'a str>,
    /// The name that people read.
    pub title: Option<&'a str>,
    /// What it is; the task manager shows it as the name.
    pub description: Option<&'a str>,
    /// Who made it.
    pub company: Option<&'a str>,
    /// Who has the rights.
    pub copyright: Option<&'a str>,
}

impl VersionInfo {
    /// What the settings come to.
    #[must_use]
    pub fn of(facts: &Facts<'_>) -> Self {
        let version = facts.version.unwrap_or_default();
        let (numbers, whole) = numbers(version);
        let title = facts.title.unwrap_or(facts.name);
        let mut texts = vec![
            ("CompanyName", facts.company.unwrap_or_default().to_owned()),
            (
                "FileDescription",
                facts.description.unwrap_or(title).to_owned(),
            ),
            ("FileVersion", version.to_owned()),
            ("InternalName", facts.name.to_owned()),
            (
                "LegalCopyright",
                facts.copyright.unwrap_or_default().to_owned(),
            ),
            ("OriginalFilename", format!("{}.exe", facts.name)),
            ("ProductName", title.to_owned()),
            ("ProductVersion", version.to_owned()),
        ];
        texts.retain(|(_, text)| !text.is_empty());
        let pre_release = !version.is_empty() && !whole;
        Self {
            fixed: Fixed {
                file_version: numbers,
                product_version: numbers,
                flags: if pre_release { PRE_RELEASE } else { 0 },
                ..Fixed::default()
            },
            tables: vec![(
                TABLE.to_owned(),
                texts
                    .into_iter()
                    .map(|(name, text)| (name.to_owned(), text))
                    .collect(),
            )],
            variables: vec![("Translation".to_owned(), vec![0x409, 1200])],
        }
    }

    /// A text of the first table that has it.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        let texts = self.tables.iter().flat_map(|(_, texts)| texts);
        let mut found = texts.filter(|(of, _)| of == name);
        found.next().map(|(_, text)| text.as_str())
    }

    /// As it is in a resource.
    ///
    /// # Errors
    /// When a text is longer than the format has room for.
    pub fn encode(&self) -> Result<Vec<u8>, BrandError> {
        let mut children = Vec::new();
        if !self.tables.is_empty() {
            let tables = self.tables.iter().map(|(key, texts)| {
                let texts = texts.iter().map(|(name, text)| {
                    let value: Vec<u8> = utf16(text);
                    block(name, Value::Text(&value), &[])
                });
                block(key, Value::None, &texts.collect::<Result<Vec<_>, _>>()?)
            });
            let tables = tables.collect::<Result<Vec<_>, _>>()?;
            children.push(block("StringFileInfo", Value::None, &tables)?);
        }
        if !self.variables.is_empty() {
            let variables = self.variables.iter().map(|(name, words)| {
                let value: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
                block(name, Value::Bytes(&value), &[])
            });
            let variables = variables.collect::<Result<Vec<_>, _>>()?;
            children.push(block("VarFileInfo", Value::None, &variables)?);
        }
        let fixed = self.fixed.encode();
        block("VS_VERSION_INFO", Value::Bytes(&fixed), &children)
    }

    /// Reads a resource; `None` where it is none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let root = Block::read(bytes)?;
        if root.name != "VS_VERSION_INFO" {
            return None;
        }
        let mut found = Self {
            fixed: Fixed::decode(root.value).unwrap_or_default(),
            ..Self::default()
        };
        for child in root.children() {
            for inner in child.children() {
                match child.name.as_str() {
                    "StringFileInfo" => {
                        let texts = inner
                            .children()
                            .map(|text| (text.name.clone(), text.text()));
                        let texts = texts.collect();
                        found.tables.push((inner.name, texts));
                    }
                    "VarFileInfo" => {
                        let (words, _) = inner.value.as_chunks::<2>();
                        let words = words.iter().map(|word| u16::from_le_bytes(*word));
                        found.variables.push((inner.name, words.collect()));
                    }
                    _ => {}
                }
            }
        }
        Some(found)
    }
}

impl Fixed {
    fn encode(&self) -> Vec<u8> {
        let pair = |high: u16, low: u16| u32::from(high) << 16 | u32::from(low);
        let [a, b, c, d] = self.file_version;
        let [e, f, g, h] = self.product_version;
        let words = [
            SIGNATURE,
            0x1_0000,
            pair(a, b),
            pair(c, d),
            pair(e, f),
            pair(g, h),
            self.mask,
            self.flags,
            self.system,
            self.kind,
            self.subkind,
            self.date.0,
            self.date.1,
        ];
        words.into_iter().flat_map(u32::to_le_bytes).collect()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        if u32_at(bytes, 0)? != SIGNATURE || bytes.len() < FIXED {
            return None;
        }
        let long = |index: usize| u32_at(bytes, 4 * index).unwrap_or_default();
        let halves = |index| [long(index), long(index + 1)];
        #[allow(clippy::cast_possible_truncation, reason = "the halves are meant")]
        let version = |[high, low]: [u32; 2]| {
            [
                (high >> 16) as u16,
                high as u16,
                (low >> 16) as u16,
                low as u16,
            ]
        };
        Some(Self {
            file_version: version(halves(2)),
            product_version: version(halves(4)),
            mask: long(6),
            flags: long(7),
            system: long(8),
            kind: long(9),
            subkind: long(10),
            date: (long(11), long(12)),
        })
    }
}

/// With the zero at its end.
fn utf16(text: &str) -> Vec<u8> {
    let units = text.encode_utf16().filter(|unit| *unit != 0).chain([0]);
    units.flat_map(u16::to_le_bytes).collect()
}

enum Value<'a> {
    None,
    /// UTF-16; its length is counted in units.
    Text(&'a [u8]),
    Bytes(&'a [u8]),
}

fn block(name: &str, value: Value<'_>, children: &[Vec<u8>]) -> Result<Vec<u8>, BrandError> {
    let (kind, bytes, length) = match value {
        Value::None => (1_u16, &[][..], 0),
        Value::Text(text) => (1, text, text.len() / 2),
        Value::Bytes(bytes) => (0, bytes, bytes.len()),
    };
    let mut out = vec![0; 6];
    out.extend(utf16(name));
    let mut align = |part: &[u8]| {
        out.resize(out.len().next_multiple_of(4), 0);
        out.extend(part);
    };
    align(bytes);
    children.iter().for_each(|child| align(child));
    let short = |length: usize| {
        u16::try_from(length)
            .map_err(|_| BrandError::Version(format!("`{name}`: it has {length} bytes")))
    };
    let head = [short(out.len())?, short(length)?, kind];
    for (place, word) in out.chunks_exact_mut(2).zip(head) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    Ok(out)
}

/// A block that is read.
struct Block<'a> {
    name: String,
    value: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Block<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let length = usize::from(u16_at(bytes, 0)?);
        let bytes = slice(bytes, 0, length)?;
        let is_text = u16_at(bytes, 4)? == 1;
        let units = bytes.get(6..)?.as_chunks::<2>().0;
        let end = units.iter().position(|unit| *unit == [0, 0])?;
        let name = decode(&units[..end]);
        let value_length = usize::from(u16_at(bytes, 2)?);
        let value_length = if is_text {
            2 * value_length
        } else {
            value_length
        };
        let start = (6 + 2 * end + 2).next_multiple_of(4).min(bytes.len());
        // Some tools count bytes where units are meant.
        let value = &bytes[start..(start + value_length).min(bytes.len())];
        let behind = (start + value.len()).next_multiple_of(4).min(bytes.len());
        Some(Self {
            name,
            value,
            rest: &bytes[behind..],
        })
    }

    fn children(&self) -> impl Iterator<Item = Self> {
        let mut rest = self.rest;
        std::iter::from_fn(move || {
            let child = Self::read(rest)?;
            // Never 0: a block that was read has its head.
            let length = usize::from(u16_at(rest, 0)?).next_multiple_of(4);
            rest = rest.get(length..).unwrap_or_default();
            Some(child)
        })
    }

    fn text(&self) -> String {
        let units = self.value.as_chunks::<2>().0;
        let end = units.iter().position(|unit| *unit == [0, 0]);
        decode(&units[..end.unwrap_or(units.len())])
    }
}

fn decode(units: &[[u8; 2]]) -> String {
    let units = units.iter().map(|unit| u16::from_le_bytes(*unit));
    char::decode_utf16(units)
        .map(|c| c.unwrap_or('\u{fffd}'))
        .collect()
}
