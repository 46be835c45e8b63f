//! What can be wrong with an icon.

use super::{MAX_FILE, MAX_SIDE};
use crate::pe::PeError;

/// Why a file gives no icon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IconError {
    /// Nothing is in it.
    #[error("it is empty")]
    Empty,
    /// It is larger than any icon.
    #[error("it has {size} bytes, more than the {MAX_FILE} that an icon may have")]
    FileTooLarge {
        /// Bytes.
        size: u64,
    },
    /// It is none of the kinds that are known.
    #[error("it is no .ico, .png, .svg or Windows executable{}", looks_like.map(|kind| format!(": it is {kind}")).unwrap_or_default())]
    UnknownKind {
        /// What it is instead, if that is known.
        looks_like: Option<&'static str>,
    },
    /// The list of images in an .ico is wrong.
    #[error("its list of images is wrong: {0}")]
    List(Mistake),
    /// One image of several is wrong.
    #[error("image {number} of {count}: {mistake}")]
    Image {
        /// 1 for the first.
        number: usize,
        /// How many there are.
        count: usize,
        /// What is wrong with it.
        mistake: Mistake,
    },
    /// A .png is wrong.
    #[error("the PNG cannot be read: {0}")]
    Png(Mistake),
    /// An .svg is wrong.
    #[error("the SVG cannot be drawn: {0}")]
    Svg(Mistake),
    /// Nothing can be seen of it.
    #[error("it is fully transparent: nothing would be seen of it")]
    Invisible,
    /// The executable cannot be read.
    #[error(transparent)]
    Executable(#[from] PeError),
    /// The executable has no icon.
    #[error("it has no icon")]
    NoIcon,
    /// The executable has no such icon.
    #[error("it has no icon {wanted}; it has {}", if names.is_empty() { "none".to_owned() } else { names.join(", ") })]
    NoSuchIcon {
        /// As asked for.
        wanted: String,
        /// Names of those that it has.
        names: Vec<String>,
    },
}

impl IconError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::UnknownKind {
                looks_like: Some(_),
            } => Some("save it as .png of 256 pixels or more, or as .svg"),
            Self::UnknownKind { .. } | Self::Empty => {
                Some("name an .ico, .png or .svg file, or a Windows executable with an icon")
            }
            Self::List(_) | Self::Image { .. } | Self::Png(_) => Some(
                "save it anew from the program that drew it; `pack icon FILE` shows what is in it",
            ),
            Self::Svg(Mistake::Text) => Some(
                "in the drawing program convert texts to paths: fonts differ from machine to machine",
            ),
            Self::Svg(Mistake::RasterImage) => {
                Some("save the picture as .png of 256 pixels or more instead")
            }
            _ => None,
        }
    }
}

/// One thing that is wrong with an image or a list of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// The bytes end too early.
    #[error("it is cut off: {what} should end at byte {needed}, and {there} are there")]
    Cut {
        /// What should be there.
        what: &'static str,
        /// Bytes it needs, from the beginning.
        needed: u64,
        /// Bytes that are there.
        there: u64,
    },
    /// No images at all.
    #[error("it names no image")]
    NoImages,
    /// More images than an icon has.
    #[error("it names {0} images, and 256 are the most")]
    TooManyImages(usize),
    /// An executable's icon names an image that is not there.
    #[error("the executable has no image {0}, which its icon names")]
    NoSuchImage(u16),
    /// A mouse cursor.
    #[error("it is one of a mouse cursor (.cur), not of an icon")]
    Cursor,
    /// Images that share bytes.
    #[error("its images overlap")]
    Overlap,
    /// Width or height cannot be.
    #[error("it is {width} x {height} pixels, and must have from 1 to {MAX_SIDE} on each side")]
    Size {
        /// As it says itself.
        width: i64,
        /// As it says itself.
        height: i64,
    },
    /// The height does not count the mask.
    #[error("its height of {0} does not count the mask: an icon's bitmap says twice its rows")]
    Height(i64),
    /// A bitmap's header that is not known.
    #[error("its header has {0} bytes, and 40 or more are known")]
    Header(u32),
    /// A depth that there is none of.
    #[error("it has {0} bits to a pixel, and 1, 4, 8, 16, 24 and 32 are known")]
    Depth(u16),
    /// A compression that icons do not have.
    #[error("it is compressed in way {0}, which icons cannot be")]
    Compression(u32),
    /// More colours than its depth allows.
    #[error("its palette has {0} colours, and 256 are the most")]
    Palette(u32),
    /// What the PNG reader says.
    #[error("{0}")]
    Png(String),
    /// What the SVG reader says.
    #[error("{0}")]
    Svg(String),
    /// Text in an SVG.
    #[error("it holds text, which looks as the fonts of the machine make it")]
    Text,
    /// A photograph in an SVG.
    #[error("it holds or names another picture, which is not read")]
    RasterImage,
}
