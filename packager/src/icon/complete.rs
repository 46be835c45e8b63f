//! From what a file holds to an icon with every size that Windows asks for.

use super::{Choice, Icon, IconError, Image, Mistake, Pixels, Source, scale};

/// Sizes that Windows shows icons in, at the usual scalings: 16 and 32 in lists and title bars, 48 in Explorer, 20, 24,
/// 40, 64, 96 at 125 % to 200 %, 256 as large icons.
pub const SIZES: [u32; 10] = [16, 20, 24, 32, 40, 48, 64, 96, 128, 256];

/// An icon with all sizes.
#[derive(Debug)]
pub struct Completed {
    /// It. Images that were there before are the same, byte by byte.
    pub icon: Icon,
    /// Sizes that were made.
    pub made: Vec<u32>,
    /// Of how many pixels the largest image was that others are made of; `None` for a drawing, which has any size.
    pub from: Option<u32>,
    /// It was no square, and stands in the middle of one.
    pub centred: bool,
}

impl Completed {
    /// What the reader should know about it.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let blurred: Vec<String> = self
            .made
            .iter()
            .filter(|size| self.from.is_some_and(|from| **size > from))
            .map(u32::to_string)
            .collect();
        if let (Some(from), false) = (self.from, blurred.is_empty()) {
            notes.push(format!(
                "its largest image has {from} pixels: {} {} enlarged and blurred; an .svg, or a .png of 256 pixels or more, \
                 is sharp in all sizes",
                blurred.join(", "),
                if blurred.len() == 1 { "is" } else { "are" },
            ));
        }
        if self.centred {
            notes.push("it is no square: it stands in the middle of one".into());
        }
        notes
    }
}

impl Source {
    /// The icon that `choice` means, with every size of [`SIZES`]; missing ones are made of the next larger image, or drawn.
    ///
    /// # Errors
    /// When there is none, or an image that is needed is damaged.
    pub fn complete(&self, choice: Choice) -> Result<Completed, IconError> {
        match self {
            Self::Png(pixels) => {
                let draw = |side| scale::square(pixels, side).map_err(IconError::Png);
                let from = Some(pixels.width.max(pixels.height));
                new(draw, from, pixels.width != pixels.height)
            }
            Self::Svg(drawing) => {
                let draw = |side| drawing.draw(side).map_err(IconError::Svg);
                let (width, height) = drawing.size();
                let shape = width / height;
                new(draw, None, !(0.99..=1.01).contains(&shape))
            }
            Self::Ico(_) | Self::Executable(_) => {
                let icon = self.icon(choice)?.ok_or(IconError::NoIcon)?;
                fill(icon)
            }
        }
    }
}

/// An icon whose images are all made by `draw`.
fn new(
    draw: impl Fn(u32) -> Result<Pixels, IconError>,
    from: Option<u32>,
    centred: bool,
) -> Result<Completed, IconError> {
    let mut images = Vec::new();
    for side in SIZES {
        let pixels = draw(side)?;
        if side == 256 && pixels.is_invisible() {
            return Err(IconError::Invisible);
        }
        images.push(Image::new(&pixels).map_err(IconError::Png)?);
    }
    Ok(Completed {
        icon: Icon { images },
        made: SIZES.to_vec(),
        from,
        centred,
    })
}

/// Adds what is missing. Every image is decoded, so that a damaged one is found now and not on a user's screen.
fn fill(icon: &Icon) -> Result<Completed, IconError> {
    let count = icon.images.len();
    let wrong = |index: usize, mistake: Mistake| IconError::Image {
        number: index + 1,
        count,
        mistake,
    };
    let mut visible = false;
    for (index, image) in icon.images.iter().enumerate() {
        let pixels = image.pixels().map_err(|mistake| wrong(index, mistake))?;
        visible |= !pixels.is_invisible();
    }
    if !visible {
        return Err(IconError::Invisible);
    }
    let missing = icon.missing();
    let mut images = icon.images.clone();
    let mut centred = false;
    for &side in &missing {
        let index = model(icon, side).ok_or(IconError::NoIcon)?;
        let model = &icon.images[index];
        centred |= model.width != model.height;
        let made = model
            .pixels()
            .and_then(|pixels| scale::square(&pixels, side));
        let made = made.and_then(|pixels| Image::new(&pixels));
        images.push(made.map_err(|mistake| wrong(index, mistake))?);
    }
    images.sort_by_key(Image::side);
    Ok(Completed {
        icon: Icon { images },
        from: Some(icon.largest()),
        made: missing,
        centred,
    })
}

/// The image to make one of `side` pixels from: the smallest that is larger, else the largest; of several the one with
/// most colours.
fn model(icon: &Icon, side: u32) -> Option<usize> {
    let colours = |image: &Image| image.depth.min(32);
    let indices = || (0..icon.images.len()).map(|index| (index, &icon.images[index]));
    // Few colours make a poor model: they serve only where there is nothing else.
    let most = icon.images.iter().map(colours).max()?;
    let good = || indices().filter(|(_, image)| colours(image) == most || image.depth >= 24);
    let larger = good().filter(|(_, image)| image.side() > side);
    let larger = larger.min_by_key(|(_, image)| (image.side(), u16::MAX - colours(image)));
    larger
        .or_else(|| good().max_by_key(|(_, image)| (image.side(), colours(image))))
        .map(|(index, _)| index)
}
