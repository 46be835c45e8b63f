//! Files that icons are made of.

use super::vector::{self, Drawing};
use super::{Icon, IconError, MAX_FILE, Pixels, container, group, portable};
use crate::pe::{self, Id, Resources};
use std::fmt;

/// What a file holds that an icon can be made of. Its content says what it is, not its name.
#[derive(Debug)]
pub enum Source {
    /// An .ico.
    Ico(Icon),
    /// A .png, decoded.
    Png(Pixels),
    /// An .svg.
    Svg(Box<Drawing>),
    /// A Windows executable: each of its icons and what it is called, in Explorer's order.
    Executable(Vec<group::Group>),
}

/// Which icon of an executable is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// The one that Explorer shows.
    #[default]
    First,
    /// As Windows counts: from 0; below 0 the number that it is called by.
    Number(i32),
}

impl Choice {
    /// Splits `FILE,NUMBER`, as Windows and PyInstaller name an icon of an executable.
    #[must_use]
    pub fn split(text: &str) -> (&str, Self) {
        match text.rsplit_once(',') {
            Some((file, number)) => match number.trim().parse() {
                Ok(number) => (file.trim_end(), Self::Number(number)),
                Err(_) => (text, Self::First),
            },
            None => (text, Self::First),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => f.write_str("0"),
            Self::Number(number) => number.fmt(f),
        }
    }
}

impl Source {
    /// Reads it.
    ///
    /// # Errors
    /// When it is none of the kinds that are known, or is damaged.
    pub fn parse(file: &[u8]) -> Result<Self, IconError> {
        if file.is_empty() {
            return Err(IconError::Empty);
        }
        if pe::is_pe(file) {
            let groups = group::groups(&Resources::parse(file)?)?;
            return Ok(Self::Executable(groups));
        }
        if file.len() as u64 > MAX_FILE {
            let size = file.len() as u64;
            return Err(IconError::FileTooLarge { size });
        }
        if portable::is_png(file) {
            return portable::decode(file)
                .map(Self::Png)
                .map_err(IconError::Png);
        }
        if container::is_ico(file) || container::is_cursor(file) {
            return container::parse(file).map(Self::Ico);
        }
        if vector::is_svg(file) {
            let drawing = vector::parse(file).map_err(IconError::Svg)?;
            return Ok(Self::Svg(Box::new(drawing)));
        }
        Err(IconError::UnknownKind {
            looks_like: looks_like(file),
        })
    }

    /// What it is, for the reader.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Ico(_) => ".ico",
            Self::Png(_) => ".png",
            Self::Svg(_) => ".svg",
            Self::Executable(_) => "Windows executable",
        }
    }

    /// The icon that `choice` means; `None` for a picture of which one is yet to be made.
    ///
    /// # Errors
    /// When the executable has no such icon.
    pub fn icon(&self, choice: Choice) -> Result<Option<&Icon>, IconError> {
        match self {
            Self::Ico(icon) => Ok(Some(icon)),
            Self::Png(_) | Self::Svg(_) => Ok(None),
            Self::Executable(groups) if groups.is_empty() => Err(IconError::NoIcon),
            Self::Executable(groups) => {
                let found = match choice {
                    Choice::First => groups.first(),
                    Choice::Number(number) if number < 0 => {
                        let called = Id::Number(number.unsigned_abs());
                        groups.iter().find(|group| group.name == called)
                    }
                    Choice::Number(number) => {
                        usize::try_from(number).ok().and_then(|at| groups.get(at))
                    }
                };
                let no_such = || IconError::NoSuchIcon {
                    wanted: choice.to_string(),
                    names: groups.iter().map(|group| group.name.to_string()).collect(),
                };
                Ok(Some(&found.ok_or_else(no_such)?.icon))
            }
        }
    }
}

/// What people take for icons.
fn looks_like(file: &[u8]) -> Option<&'static str> {
    let kinds: [(&[u8], &str); 12] = [
        (b"\xff\xd8\xff", "a JPEG picture"),
        (b"GIF8", "a GIF picture"),
        (b"BM", "a BMP picture"),
        (b"icns", "an icon for macOS (.icns)"),
        (b"II*\0", "a TIFF picture"),
        (b"MM\0*", "a TIFF picture"),
        (b"\x1f\x8b", "compressed with gzip (.svgz?)"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"%PDF", "a PDF document"),
        (b"8BPS", "a Photoshop document"),
        (b"\x7fELF", "an executable for Linux"),
        (b"<", "an XML or HTML document"),
    ];
    if file.starts_with(b"RIFF") && file.get(8..12) == Some(b"WEBP") {
        return Some("a WebP picture");
    }
    let found = kinds.iter().find(|(start, _)| file.starts_with(start));
    found.map(|(_, kind)| *kind)
}
