//! SVG drawings.

use super::{Mistake, Pixels};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Error, ImageHrefResolver, Options, Tree};

/// Bytes of a drawing; one with more elements than any icon takes minutes.
const MAX_TEXT: usize = 4 << 20;
const SVG: &str = "http://www.w3.org/2000/svg";

/// A drawing that has been read.
pub struct Drawing(Tree);

impl std::fmt::Debug for Drawing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Drawing({:?})", self.0.size())
    }
}

/// Does it begin like one? Comments and a declaration may stand before it.
pub(super) fn is_svg(file: &[u8]) -> bool {
    let start = &file[..file.len().min(4096)];
    let text = String::from_utf8_lossy(start);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    text.starts_with('<') && (text.contains("<svg") || text.contains(":svg"))
}

/// Reads one. It is drawn from itself alone: pictures and fonts that it names are not looked for, so that it looks the
/// same everywhere and reads nothing of this machine.
pub(super) fn parse(file: &[u8]) -> Result<Drawing, Mistake> {
    // What it nests is followed by recursion, by as much as it allows itself: more than some threads have room for.
    let failed = |error: std::io::Error| Err(Mistake::Svg(error.to_string()));
    crate::stack::deep(|| parse_here(file)).unwrap_or_else(failed)
}

fn parse_here(file: &[u8]) -> Result<Drawing, Mistake> {
    if file.len() > MAX_TEXT {
        let why = format!("it has {} bytes, and {MAX_TEXT} are the most", file.len());
        return Err(Mistake::Svg(why));
    }
    let text = std::str::from_utf8(file).map_err(|_| Mistake::Svg("it is no UTF-8".into()))?;
    refuse_what_is_not_drawn(text)?;
    let options = Options {
        resources_dir: None,
        image_href_resolver: ImageHrefResolver {
            resolve_data: Box::new(|_, _, _| None),
            resolve_string: Box::new(|_, _| None),
        },
        ..Options::default()
    };
    let tree = Tree::from_str(text, &options).map_err(|error| said(&error))?;
    Ok(Drawing(tree))
}

/// What would silently be missing.
fn refuse_what_is_not_drawn(text: &str) -> Result<(), Mistake> {
    let options = roxmltree::ParsingOptions {
        allow_dtd: true,
        ..Default::default()
    };
    let document = roxmltree::Document::parse_with_options(text, options)
        .map_err(|error| Mistake::Svg(error.to_string()))?;
    // Drawing programs put elements of their own in.
    let is_drawn = |node: &roxmltree::Node<'_, '_>| node.tag_name().namespace() == Some(SVG);
    for node in document.descendants().filter(is_drawn) {
        match node.tag_name().name() {
            "text" if node.text().is_some() || node.has_children() => return Err(Mistake::Text),
            "image" => return Err(Mistake::RasterImage),
            _ => {}
        }
    }
    Ok(())
}

fn said(error: &Error) -> Mistake {
    Mistake::Svg(match error {
        Error::InvalidSize => "it has no size: neither `viewBox` nor `width` and `height`".into(),
        Error::ElementsLimitReached => "it has more than a million elements".into(),
        error => error.to_string(),
    })
}

impl Drawing {
    /// Draws it into a square with `side` pixels on each side, centred where it is no square.
    pub(super) fn draw(&self, side: u32) -> Result<Pixels, Mistake> {
        let failed = || Mistake::Svg(format!("it cannot be drawn with {side} pixels"));
        let mut map = Pixmap::new(side, side).ok_or_else(failed)?;
        let (width, height) = (self.0.size().width(), self.0.size().height());
        #[allow(clippy::cast_precision_loss, reason = "at most 4096")]
        let full = side as f32;
        let scale = full / width.max(height);
        if !scale.is_finite() || scale <= 0.0 {
            return Err(failed());
        }
        let (left, top) = ((full - width * scale) / 2.0, (full - height * scale) / 2.0);
        let placed = Transform::from_row(scale, 0.0, 0.0, scale, left, top);
        crate::stack::deep(|| resvg::render(&self.0, placed, &mut map.as_mut()))
            .map_err(|error| Mistake::Svg(error.to_string()))?;
        let rgba = map.pixels().iter().flat_map(|pixel| {
            let pixel = pixel.demultiply();
            [pixel.red(), pixel.green(), pixel.blue(), pixel.alpha()]
        });
        Ok(Pixels {
            width: side,
            height: side,
            rgba: rgba.collect(),
        })
    }

    /// Width and height as the drawing says.
    #[must_use]
    pub fn size(&self) -> (f32, f32) {
        (self.0.size().width(), self.0.size().height())
    }
}
