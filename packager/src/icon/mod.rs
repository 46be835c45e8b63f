//! Icons: .ico, .png and .svg files and those in Windows executables, and what Windows needs made of them.
//!
//! All bytes are hostile until checked: sizes are bounded before anything is decoded, and an SVG reads no file but itself.

mod bitmap;
mod complete;
mod container;
mod error;
mod group;
mod portable;
mod scale;
mod source;
mod vector;

pub use complete::{Completed, SIZES};
pub use container::{encode as encode_ico, parse as parse_ico};
pub use error::{IconError, Mistake};
pub use group::{Group, groups, put_groups};
pub use source::{Choice, Source};
pub use vector::Drawing;

/// Pixels on a side that an image may have: far above what any icon needs, and 64 MiB when decoded.
pub const MAX_SIDE: u32 = 4096;
/// Bytes that a file with an icon may have.
pub const MAX_FILE: u64 = 64 << 20;

/// Decoded pixels, row by row from the top: red, green, blue and alpha, colours not multiplied by alpha.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `4 * width * height` bytes.
    pub rgba: Vec<u8>,
}

impl Pixels {
    /// All transparent.
    #[must_use]
    pub fn transparent(width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            rgba: vec![0; 4 * width as usize * height as usize],
        }
    }

    /// Is nothing to be seen?
    #[must_use]
    pub fn is_invisible(&self) -> bool {
        self.rgba.chunks_exact(4).all(|pixel| pixel[3] == 0)
    }
}

/// How an image is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// A device-independent bitmap with a mask, as icons have always had.
    Bitmap,
    /// PNG: understood since Windows Vista.
    Png,
}

/// One image of an icon, as it is in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bits of a pixel.
    pub depth: u16,
    /// How it is stored.
    pub encoding: Encoding,
    /// Its bytes, without those of the file around it.
    pub data: Vec<u8>,
}

impl Image {
    /// An image of `data`, whose kind and size are read from it.
    ///
    /// # Errors
    /// When its header is not that of a PNG or a bitmap, or it is too large.
    pub fn of(data: Vec<u8>) -> Result<Self, Mistake> {
        let encoding = if portable::is_png(&data) {
            Encoding::Png
        } else {
            Encoding::Bitmap
        };
        let (width, height, depth) = match encoding {
            Encoding::Png => portable::size(&data)?,
            Encoding::Bitmap => bitmap::size(&data)?,
        };
        Ok(Self {
            width,
            height,
            depth,
            encoding,
            data,
        })
    }

    /// Stores `pixels` as Windows wants them: above 128 pixels as PNG, else as a bitmap of 32 bits with a mask.
    ///
    /// # Errors
    /// When they are no image: nothing of one, or more than [`MAX_SIDE`].
    pub fn new(pixels: &Pixels) -> Result<Self, Mistake> {
        if pixels.width.max(pixels.height) > 128 {
            Self::of(portable::encode(pixels)?)
        } else {
            Self::of(bitmap::encode(pixels))
        }
    }

    /// Decodes it.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn pixels(&self) -> Result<Pixels, Mistake> {
        match self.encoding {
            Encoding::Png => portable::decode(&self.data),
            Encoding::Bitmap => bitmap::decode(&self.data),
        }
    }

    /// Pixels on the longer side: what Windows calls its size.
    #[must_use]
    pub fn side(&self) -> u32 {
        self.width.max(self.height)
    }
}

/// One icon in several sizes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Icon {
    /// In the order of the file.
    pub images: Vec<Image>,
}

impl Icon {
    /// The sizes of [`SIZES`] that it lacks.
    #[must_use]
    pub fn missing(&self) -> Vec<u32> {
        let has = |size| self.images.iter().any(|image| image.side() == size);
        SIZES.into_iter().filter(|size| !has(*size)).collect()
    }

    /// Pixels on the longer side of its largest image.
    #[must_use]
    pub fn largest(&self) -> u32 {
        self.images.iter().map(Image::side).max().unwrap_or(0)
    }
}

#[cfg(test)]
pub(crate) mod tests;
