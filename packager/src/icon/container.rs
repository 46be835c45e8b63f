//! The .ico file: a list of images, and the images.
//!
//! | offset | size | field | meaning                                     |
//! |-------:|-----:|-------|---------------------------------------------|
//! |      0 |    2 |       | 0                                           |
//! |      2 |    2 | kind  | 1; 2 is a cursor                            |
//! |      4 |    2 | count | images                                      |
//! |      6 |   16 |       | for each: width, height (0: 256 and more), colours, 0, planes (2), depth (2), length (4), offset (4) |

use super::{Icon, IconError, Image, Mistake};
use crate::pe::bytes::{slice, u16_at, u32_at};

const HEAD: usize = 6;
const ENTRY: usize = 16;
const MAX_IMAGES: usize = 256;

/// Does it begin like one?
pub(super) fn is_ico(file: &[u8]) -> bool {
    file.starts_with(&[0, 0, 1, 0])
}

/// Does it begin like a mouse cursor?
pub(super) fn is_cursor(file: &[u8]) -> bool {
    file.starts_with(&[0, 0, 2, 0])
}

/// Reads an .ico file. What each image is, its own bytes say: the list is often wrong.
///
/// # Errors
/// When the list or an image's header cannot be.
pub fn parse(file: &[u8]) -> Result<Icon, IconError> {
    let cut = |what, needed: usize| {
        IconError::List(Mistake::Cut {
            what,
            needed: needed as u64,
            there: file.len() as u64,
        })
    };
    if is_cursor(file) {
        return Err(IconError::List(Mistake::Cursor));
    }
    if !is_ico(file) {
        return Err(IconError::UnknownKind { looks_like: None });
    }
    let count = u16_at(file, 4).ok_or_else(|| cut("its beginning", HEAD))?;
    let count = usize::from(count);
    match count {
        0 => return Err(IconError::List(Mistake::NoImages)),
        1..=MAX_IMAGES => {}
        more => return Err(IconError::List(Mistake::TooManyImages(more))),
    }
    if file.len() < HEAD + ENTRY * count {
        return Err(cut("the list", HEAD + ENTRY * count));
    }
    let mut total = 0_usize;
    let mut images = Vec::with_capacity(count);
    for index in 0..count {
        let at = HEAD + ENTRY * index;
        let long = |at| u32_at(file, at).unwrap_or_default() as usize;
        let (length, offset) = (long(at + 8), long(at + 12));
        let wrong = |mistake| IconError::Image {
            number: index + 1,
            count,
            mistake,
        };
        let data = slice(file, offset, length).ok_or_else(|| {
            wrong(Mistake::Cut {
                what: "it",
                needed: offset as u64 + length as u64,
                there: file.len() as u64,
            })
        })?;
        // Two entries may well name the same bytes, but not so often that it adds up.
        total += length;
        if total > file.len().saturating_mul(2) {
            return Err(IconError::List(Mistake::Overlap));
        }
        images.push(Image::of(data.to_vec()).map_err(wrong)?);
    }
    Ok(Icon { images })
}

/// The .ico file of `icon`.
#[must_use]
pub fn encode(icon: &Icon) -> Vec<u8> {
    let images = &icon.images[..icon.images.len().min(MAX_IMAGES)];
    let count = u16::try_from(images.len()).unwrap_or_default();
    let mut out = vec![0, 0, 1, 0];
    out.extend(count.to_le_bytes());
    let mut offset = HEAD + ENTRY * images.len();
    for image in images {
        out.extend(entry(image));
        out.extend(u32::try_from(offset).unwrap_or(u32::MAX).to_le_bytes());
        offset += image.data.len();
    }
    for image in images {
        out.extend(&image.data);
    }
    out
}

/// The part of an image's entry that .ico files and executables have alike: 12 bytes.
pub(super) fn entry(image: &Image) -> Vec<u8> {
    let side = |side: u32| u8::try_from(side).unwrap_or(0);
    let colours = match image.depth {
        depth @ 1..8 => 1_u8 << depth,
        _ => 0,
    };
    let length = u32::try_from(image.data.len()).unwrap_or(u32::MAX);
    let mut out = vec![side(image.width), side(image.height), colours, 0, 1, 0];
    out.extend(image.depth.to_le_bytes());
    out.extend(length.to_le_bytes());
    out
}
