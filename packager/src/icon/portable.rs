//! PNG images.

use super::{MAX_SIDE, Mistake, Pixels};
use png::{
    BitDepth, ColorType, Compression, Decoder, DecodingError, Encoder, Limits, Transformations,
};
use std::io::Cursor;

/// Bytes that decoding may take: the pixels, and what is needed on the way.
const MEMORY: usize = 2 * 4 * (MAX_SIDE as usize) * (MAX_SIDE as usize);

/// Does it begin like one?
pub(super) fn is_png(data: &[u8]) -> bool {
    data.starts_with(b"\x89PNG\r\n\x1a\n")
}

/// Width, height and bits of a pixel, of which nothing else has been read.
pub(super) fn size(data: &[u8]) -> Result<(u32, u32, u16), Mistake> {
    let (width, height, colours) = {
        let reader = reader(data)?;
        let info = reader.info();
        let bits = info.color_type.samples() as u16 * u16::from(info.bit_depth as u8);
        (info.width, info.height, bits)
    };
    Ok((width, height, colours))
}

fn reader(data: &[u8]) -> Result<png::Reader<Cursor<&[u8]>>, Mistake> {
    let mut decoder = Decoder::new_with_limits(Cursor::new(data), Limits { bytes: MEMORY });
    decoder.set_transformations(
        Transformations::EXPAND | Transformations::STRIP_16 | Transformations::ALPHA,
    );
    // Texts and colour profiles are not looked at, and may be made to take memory.
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let (width, height) = decoder.read_header_info().map_err(said)?.size();
    if !(1..=MAX_SIDE).contains(&width) || !(1..=MAX_SIDE).contains(&height) {
        return Err(Mistake::Size {
            width: width.into(),
            height: height.into(),
        });
    }
    decoder.read_info().map_err(said)
}

#[allow(clippy::needless_pass_by_value, reason = "given to `map_err`")]
fn said(error: DecodingError) -> Mistake {
    match error {
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Mistake::Png("it is cut off".into())
        }
        error => Mistake::Png(error.to_string()),
    }
}

/// Decodes one; of an animation the first picture.
pub(super) fn decode(data: &[u8]) -> Result<Pixels, Mistake> {
    let mut reader = reader(data)?;
    let (width, height) = reader.info().size();
    let size = reader.output_buffer_size().filter(|size| *size <= MEMORY);
    let mut buffer = vec![0; size.ok_or_else(|| Mistake::Png("it is too large".into()))?];
    let frame = reader.next_frame(&mut buffer).map_err(said)?;
    buffer.truncate(frame.buffer_size());
    let rgba = match frame.color_type {
        ColorType::Rgba => buffer,
        ColorType::GrayscaleAlpha => {
            let (pairs, _) = buffer.as_chunks::<2>();
            pairs
                .iter()
                .flat_map(|&[grey, alpha]| [grey, grey, grey, alpha])
                .collect()
        }
        other => return Err(Mistake::Png(format!("its colours are {other:?}"))),
    };
    if rgba.len() != 4 * width as usize * height as usize {
        return Err(Mistake::Png("it has fewer pixels than it says".into()));
    }
    Ok(Pixels {
        width,
        height,
        rgba,
    })
}

/// Stores `pixels`, as small as it gets.
pub(super) fn encode(pixels: &Pixels) -> Result<Vec<u8>, Mistake> {
    let said = |error: png::EncodingError| Mistake::Png(error.to_string());
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, pixels.width, pixels.height);
    encoder.set_color(ColorType::Rgba);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::High);
    let mut writer = encoder.write_header().map_err(said)?;
    writer.write_image_data(&pixels.rgba).map_err(said)?;
    writer.finish().map_err(said)?;
    Ok(out)
}
