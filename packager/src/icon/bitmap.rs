//! Images stored as device-independent bitmaps: a header, colours, rows from the bottom, and a mask of one bit for each
//! pixel that says where nothing is.

use super::{MAX_SIDE, Mistake, Pixels};
use crate::pe::bytes::{slice, u16_at, u32_at};

const HEADER: u32 = 40;
const RGB: u32 = 0;
/// Bit masks behind the header say where a pixel's colours are.
const BIT_FIELDS: u32 = 3;

/// What a header says.
struct Header {
    width: u32,
    height: u32,
    depth: u16,
    compression: u32,
    /// Bytes before the colours.
    length: usize,
    /// Colours in the palette.
    colours: usize,
}

/// Width, height and depth.
pub(super) fn size(data: &[u8]) -> Result<(u32, u32, u16), Mistake> {
    let header = Header::parse(data)?;
    Ok((header.width, header.height, header.depth))
}

impl Header {
    fn parse(data: &[u8]) -> Result<Self, Mistake> {
        let cut = || cut("its header", HEADER as usize, data);
        let long = |at| u32_at(data, at).ok_or_else(cut);
        let length = long(0)?;
        if !(HEADER..=256).contains(&length) {
            return Err(Mistake::Header(length));
        }
        let (width, double) = (i64::from(signed(long(4)?)), i64::from(signed(long(8)?)));
        if !(1..=i64::from(MAX_SIDE)).contains(&width) {
            let height = double / 2;
            return Err(Mistake::Size { width, height });
        }
        // Twice the rows, as the mask is counted; a picture of one row and no mask is no icon.
        let height = double / 2;
        if double == width && double % 2 == 1 {
            return Err(Mistake::Height(double));
        }
        if !(1..=i64::from(MAX_SIDE)).contains(&height) {
            return Err(Mistake::Size { width, height });
        }
        let depth = u16_at(data, 14).ok_or_else(cut)?;
        let compression = long(16)?;
        match (depth, compression) {
            (1 | 4 | 8 | 24, RGB) | (16 | 32, RGB | BIT_FIELDS) => {}
            (1 | 4 | 8 | 16 | 24 | 32, other) => return Err(Mistake::Compression(other)),
            (other, _) => return Err(Mistake::Depth(other)),
        }
        let named = long(32)?;
        let colours = match depth {
            1 | 4 | 8 if named == 0 => 1 << depth,
            _ if named > 256 => return Err(Mistake::Palette(named)),
            _ => named,
        };
        let fields = if compression == BIT_FIELDS && length == HEADER {
            12
        } else {
            0
        };
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked to be small and above zero"
        )]
        Ok(Self {
            width: width as u32,
            height: height as u32,
            depth,
            compression,
            length: length as usize + fields,
            colours: colours as usize,
        })
    }
}

fn signed(number: u32) -> i32 {
    i32::from_le_bytes(number.to_le_bytes())
}

fn cut(what: &'static str, needed: usize, data: &[u8]) -> Mistake {
    Mistake::Cut {
        what,
        needed: needed as u64,
        there: data.len() as u64,
    }
}

/// Bytes of a row: rows begin at multiples of 4.
fn stride(width: usize, depth: u16) -> usize {
    (width * usize::from(depth)).div_ceil(32) * 4
}

/// Decodes one. Where no pixel of 32 bits has an alpha, or there is none, the mask says what is transparent.
pub(super) fn decode(data: &[u8]) -> Result<Pixels, Mistake> {
    let header = Header::parse(data)?;
    let (width, height) = (header.width as usize, header.height as usize);
    let palette = slice(data, header.length, 4 * header.colours)
        .ok_or_else(|| cut("its palette", header.length + 4 * header.colours, data))?;
    let start = header.length + palette.len();
    let row = stride(width, header.depth);
    let rows = slice(data, start, row * height)
        .ok_or_else(|| cut("its pixels", start + row * height, data))?;
    let fields = Fields::of(&header, data);
    let mut rgba = Vec::with_capacity(4 * width * height);
    for line in rows.chunks_exact(row).rev() {
        (0..width).for_each(|x| rgba.extend(colour(line, x, header.depth, palette, &fields)));
    }
    let has_alpha = header.depth == 32 && rgba.chunks_exact(4).any(|pixel| pixel[3] != 0);
    if !has_alpha {
        let mask_row = stride(width, 1);
        let at = start + row * height;
        match slice(data, at, mask_row * height) {
            Some(mask) => mask_out(&mut rgba, width, mask.chunks_exact(mask_row).rev()),
            None if header.depth == 32 => rgba.chunks_exact_mut(4).for_each(|pixel| pixel[3] = 255),
            None => return Err(cut("its mask", at + mask_row * height, data)),
        }
    }
    Ok(Pixels {
        width: header.width,
        height: header.height,
        rgba,
    })
}

/// Where in a pixel of 16 or 32 bits each colour is.
struct Fields([u32; 4]);

impl Fields {
    fn of(header: &Header, data: &[u8]) -> Self {
        let usual = match header.depth {
            16 => [0x7c00, 0x03e0, 0x001f, 0],
            _ => [0x00ff_0000, 0x0000_ff00, 0x0000_00ff, 0xff00_0000],
        };
        if header.compression != BIT_FIELDS {
            return Self(usual);
        }
        let mask = |index: usize| u32_at(data, HEADER as usize + 4 * index);
        let alpha = usual[3];
        Self(
            [0, 1, 2]
                .map(|index| mask(index).unwrap_or(usual[index]))
                .into_iter()
                .chain([alpha])
                .collect::<Vec<_>>()
                .try_into()
                .unwrap_or(usual),
        )
    }

    fn value(&self, pixel: u32, index: usize) -> u8 {
        let mask = self.0[index];
        if mask == 0 {
            return 0;
        }
        let most = u64::from(mask >> mask.trailing_zeros());
        let value = u64::from((pixel & mask) >> mask.trailing_zeros());
        u8::try_from((value * 255 + most / 2) / most).unwrap_or(u8::MAX)
    }
}

/// The pixel at `x` of a row, its alpha 0 where the row has none but for 24 bits and less, which are opaque.
fn colour(line: &[u8], x: usize, depth: u16, palette: &[u8], fields: &Fields) -> [u8; 4] {
    let from_palette = |index: u8| {
        let at = 4 * usize::from(index);
        match palette.get(at..at + 3) {
            Some(bgr) => [bgr[2], bgr[1], bgr[0], 255],
            None => [0, 0, 0, 255],
        }
    };
    let byte = |at: usize| line.get(at).copied().unwrap_or_default();
    match depth {
        1 => from_palette(byte(x / 8) >> (7 - x % 8) & 1),
        4 => from_palette(byte(x / 2) >> (4 * (1 - x % 2)) & 15),
        8 => from_palette(byte(x)),
        24 => [byte(3 * x + 2), byte(3 * x + 1), byte(3 * x), 255],
        16 => {
            let pixel = u32::from(u16::from_le_bytes([byte(2 * x), byte(2 * x + 1)]));
            [
                fields.value(pixel, 0),
                fields.value(pixel, 1),
                fields.value(pixel, 2),
                255,
            ]
        }
        _ => {
            let pixel = u32_at(line, 4 * x).unwrap_or_default();
            [0, 1, 2, 3].map(|index| fields.value(pixel, index))
        }
    }
}

/// Makes transparent what the mask has bits for, and opaque all else.
fn mask_out<'a>(rgba: &mut [u8], width: usize, mask: impl Iterator<Item = &'a [u8]>) {
    for (line, bits) in rgba.chunks_exact_mut(4 * width).zip(mask) {
        for (x, pixel) in line.chunks_exact_mut(4).enumerate() {
            let masked = bits[x / 8] >> (7 - x % 8) & 1 == 1;
            if masked {
                pixel.fill(0);
            } else {
                pixel[3] = 255;
            }
        }
    }
}

/// Stores `pixels` with 32 bits each. The mask has a bit where nothing of a pixel is to be seen, and its colours are black
/// there: where alpha is not understood, a pixel's colours are combined with what is behind it by exclusive or.
pub(super) fn encode(pixels: &Pixels) -> Vec<u8> {
    let (width, height) = (pixels.width as usize, pixels.height as usize);
    let mask_row = stride(width, 1);
    let size = 4 * width * height;
    let mut out = Vec::with_capacity(40 + size + mask_row * height);
    for word in [HEADER, pixels.width, 2 * pixels.height] {
        out.extend(word.to_le_bytes());
    }
    out.extend([1, 0, 32, 0]);
    let length = u32::try_from(size + mask_row * height).unwrap_or(0);
    for word in [RGB, length, 0, 0, 0, 0] {
        out.extend(word.to_le_bytes());
    }
    let lines = || pixels.rgba.chunks_exact((4 * width).max(1)).rev();
    for pixel in lines().flat_map(|line| line.chunks_exact(4)) {
        match pixel {
            [_, _, _, 0] => out.extend([0; 4]),
            [red, green, blue, alpha] => out.extend([blue, green, red, alpha]),
            _ => {}
        }
    }
    for line in lines() {
        let mut bits = vec![0_u8; mask_row];
        for (x, pixel) in line.chunks_exact(4).enumerate() {
            if pixel[3] == 0 {
                bits[x / 8] |= 0x80 >> (x % 8);
            }
        }
        out.extend(bits);
    }
    out
}
