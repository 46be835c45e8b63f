//! Other sizes of a picture.

use super::{Mistake, Pixels};
use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

/// `pixels` as a square with `side` pixels on each side: resampled by Lanczos' filter, colours weighted by their alpha so
/// that none bleeds out of what is transparent, and centred where it is no square.
pub(super) fn square(pixels: &Pixels, side: u32) -> Result<Pixels, Mistake> {
    let (width, height) = fit(pixels.width, pixels.height, side);
    let scaled = resample(pixels, width, height)?;
    Ok(centre(&scaled, side))
}

/// The largest size of that shape within a square.
fn fit(width: u32, height: u32, side: u32) -> (u32, u32) {
    let longer = u64::from(width.max(height).max(1));
    let scaled = |length: u32| {
        let length = (u64::from(length) * u64::from(side) + longer / 2) / longer;
        u32::try_from(length).unwrap_or(side).clamp(1, side)
    };
    (scaled(width), scaled(height))
}

fn resample(pixels: &Pixels, width: u32, height: u32) -> Result<Pixels, Mistake> {
    if (pixels.width, pixels.height) == (width, height) {
        return Ok(pixels.clone());
    }
    let failed = |error: &dyn std::fmt::Display| Mistake::Png(error.to_string());
    let kind = PixelType::U8x4;
    let from = Image::from_vec_u8(pixels.width, pixels.height, pixels.rgba.clone(), kind)
        .map_err(|error| failed(&error))?;
    let mut to = Image::new(width, height, kind);
    let lanczos = ResizeAlg::Convolution(FilterType::Lanczos3);
    let options = ResizeOptions::new().resize_alg(lanczos).use_alpha(true);
    let resized = Resizer::new().resize(&from, &mut to, &options);
    resized.map_err(|error| failed(&error))?;
    Ok(Pixels {
        width,
        height,
        rgba: to.into_vec(),
    })
}

fn centre(pixels: &Pixels, side: u32) -> Pixels {
    if (pixels.width, pixels.height) == (side, side) {
        return pixels.clone();
    }
    let mut out = Pixels::transparent(side, side);
    let left = (side - pixels.width.min(side)) / 2;
    let top = (side - pixels.height.min(side)) / 2;
    let row = 4 * pixels.width as usize;
    for (y, line) in pixels.rgba.chunks_exact(row.max(4)).enumerate() {
        let at = 4 * ((top as usize + y) * side as usize + left as usize);
        if let Some(place) = out.rgba.get_mut(at..at + line.len()) {
            place.copy_from_slice(line);
        }
    }
    out
}
