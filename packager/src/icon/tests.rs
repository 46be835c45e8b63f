#![allow(clippy::unwrap_used)]
use super::*;
use crate::pe::{Id, Resources, kind};

/// A picture with a colour of its own in each corner, a hole, and a half transparent stripe.
pub(crate) fn picture(width: u32, height: u32) -> Pixels {
    let mut pixels = Pixels::transparent(width, height);
    for y in 0..height {
        for x in 0..width {
            let byte = |number: u32| u8::try_from(number % 256).unwrap();
            let alpha = match (x, y) {
                _ if x == width / 2 && y == height / 2 => 0,
                _ if y == height / 3 => 128,
                _ => 255,
            };
            let at = 4 * (y * width + x) as usize;
            let colours = [byte(255 + 253 * x), byte(7 * y), byte(x + y), alpha];
            if alpha > 0 {
                pixels.rgba[at..at + 4].copy_from_slice(&colours);
            }
        }
    }
    pixels
}

fn png(width: u32, height: u32) -> Vec<u8> {
    portable::encode(&picture(width, height)).unwrap()
}

/// An .ico of bitmaps and PNGs of these sizes.
pub(crate) fn ico(sizes: &[u32]) -> Vec<u8> {
    let images = sizes
        .iter()
        .map(|&side| Image::new(&picture(side, side)).unwrap());
    encode_ico(&Icon {
        images: images.collect(),
    })
}

fn error(file: &[u8]) -> String {
    let complete = |source: Source| source.complete(Choice::First).map(drop);
    Source::parse(file)
        .and_then(complete)
        .unwrap_err()
        .to_string()
}

#[test]
fn bitmaps_and_pngs_come_back_as_they_were() {
    for (width, height) in [(16, 16), (17, 5), (33, 64), (128, 1)] {
        let pixels = picture(width, height);
        let image = Image::new(&pixels).unwrap();
        assert_eq!(
            (image.width, image.height, image.depth, image.encoding),
            (width, height, 32, Encoding::Bitmap)
        );
        assert_eq!(image.pixels().unwrap(), pixels);
    }
    let pixels = picture(256, 200);
    let image = Image::new(&pixels).unwrap();
    assert_eq!((image.encoding, image.depth), (Encoding::Png, 32));
    assert_eq!(image.pixels().unwrap(), pixels);
}

#[test]
fn the_mask_has_a_bit_where_nothing_is() {
    let mut pixels = picture(9, 2);
    pixels.rgba[..4].copy_from_slice(&[9, 9, 9, 0]);
    let data = Image::new(&pixels).unwrap().data;
    let mask = &data[40 + 9 * 2 * 4..];
    // From the bottom, each row on a multiple of 4 bytes.
    assert_eq!(mask, [0b0000_1000, 0, 0, 0, 0b1000_0000, 0, 0, 0]);
    // Black where the mask has a bit, for the sake of exclusive or.
    assert_eq!(data[40 + 9 * 4..][..4], [0; 4]);
}

/// A bitmap of `depth` bits, 4 x 2 pixels.
fn bitmap(depth: u16, palette: &[[u8; 4]], rows: [&[u8]; 2], mask: [u8; 2]) -> Vec<u8> {
    let mut data = Vec::new();
    for word in [40_u32, 4, 4] {
        data.extend(word.to_le_bytes());
    }
    data.extend([1, 0]);
    data.extend(depth.to_le_bytes());
    data.extend([0; 24]);
    data.extend(palette.as_flattened());
    for row in rows.iter().rev() {
        data.extend(*row);
        data.resize(data.len().next_multiple_of(4), 0);
    }
    for bits in mask.iter().rev() {
        data.extend([*bits, 0, 0, 0]);
    }
    data
}

#[test]
fn every_depth_is_read() {
    const RED: [u8; 4] = [0, 0, 255, 0];
    const BLUE: [u8; 4] = [255, 0, 0, 0];
    let two = [RED, BLUE];
    let many = |count: usize| -> Vec<[u8; 4]> { two.into_iter().cycle().take(count).collect() };
    let (red, blue, none) = ([255, 0, 0, 255], [0, 0, 255, 255], [0; 4]);
    let expected = [red, blue, red, blue, none, red, blue, red].concat();
    let mask = [0, 0b1000_0000];
    let check = |data: Vec<u8>| {
        let image = Image::of(data.clone()).unwrap();
        let depth = image.depth;
        assert_eq!(image.pixels().unwrap().rgba, expected, "{depth} bits");
        for length in 40..data.len() {
            let cut = Image::of(data[..length].to_vec()).unwrap().pixels();
            if let Err(mistake) = cut {
                assert!(matches!(mistake, Mistake::Cut { .. }), "{mistake}");
            } else {
                // A mask that is not there is not missed where pixels may have an alpha.
                assert!(depth == 32 && length >= data.len() - 8);
            }
        }
    };
    check(bitmap(1, &two, [&[0b0101_0000], &[0b0010_0000]], mask));
    check(bitmap(4, &many(16), [&[0x01, 0x01], &[0x00, 0x10]], mask));
    check(bitmap(8, &many(256), [&[0, 1, 0, 1], &[1, 0, 1, 0]], mask));
    let (r, b) = ([0, 0x7c], [0x1f, 0]);
    check(bitmap(
        16,
        &[],
        [&[r, b, r, b].concat(), &[r, r, b, r].concat()],
        mask,
    ));
    let (r, b) = ([0, 0, 255], [255, 0, 0]);
    check(bitmap(
        24,
        &[],
        [&[r, b, r, b].concat(), &[r, r, b, r].concat()],
        mask,
    ));
    // No alpha anywhere: the mask says what is transparent.
    check(bitmap(
        32,
        &[],
        [
            &[RED, BLUE, RED, BLUE].concat(),
            &[RED, RED, BLUE, RED].concat(),
        ],
        mask,
    ));
}

trait Tap: Sized {
    fn tap(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

impl Tap for Vec<u8> {}

#[test]
fn images_of_an_ico_stay_byte_by_byte_and_missing_ones_are_made() {
    let file = ico(&[16, 48, 256]);
    let source = Source::parse(&file).unwrap();
    let done = source.complete(Choice::First).unwrap();
    assert_eq!(done.made, [20, 24, 32, 40, 64, 96, 128]);
    assert!(done.notes().is_empty(), "{:?}", done.notes());
    let sides: Vec<u32> = done.icon.images.iter().map(Image::side).collect();
    assert_eq!(sides, SIZES);
    let before = parse_ico(&file).unwrap();
    for image in &before.images {
        assert!(done.icon.images.contains(image), "{}", image.side());
    }
    let encodings = done
        .icon
        .images
        .iter()
        .map(|image| (image.depth, image.encoding));
    let expected = |side: u32| match side {
        256 => (32, Encoding::Png),
        _ => (32, Encoding::Bitmap),
    };
    assert!(encodings.eq(SIZES.into_iter().map(expected)));
    // What is whole stays as it is.
    let whole = encode_ico(&done.icon);
    let again = Source::parse(&whole)
        .unwrap()
        .complete(Choice::First)
        .unwrap();
    assert_eq!((encode_ico(&again.icon), again.made), (whole, vec![]));
}

#[test]
fn a_small_image_is_enlarged_and_that_is_said() {
    let done = Source::parse(&ico(&[48]))
        .unwrap()
        .complete(Choice::First)
        .unwrap();
    assert_eq!(done.icon.missing(), [0; 0]);
    let notes = done.notes().concat();
    assert!(
        notes.starts_with("its largest image has 48 pixels: 64, 96, 128, 256 are enlarged"),
        "{notes}"
    );
}

#[test]
fn resampling_keeps_colours_and_shape() {
    // A red square whose surroundings are transparent and would be green: none of it bleeds in.
    let mut pixels = Pixels::transparent(256, 128);
    for (index, pixel) in pixels.rgba.chunks_exact_mut(4).enumerate() {
        let (x, y) = (index % 256, index / 256);
        let inside = (64..192).contains(&x) && (32..96).contains(&y);
        pixel.copy_from_slice(if inside {
            &[255, 0, 0, 255]
        } else {
            &[0, 255, 0, 0]
        });
    }
    for side in SIZES {
        let small = scale::square(&pixels, side).unwrap();
        assert_eq!((small.width, small.height), (side, side));
        let at = |x: u32, y: u32| &small.rgba[4 * (y * side + x) as usize..][..4];
        let middle = at(side / 2, side / 2);
        assert!(
            middle[..3] == [255, 0, 0] && middle[3] > 240,
            "{side}: {middle:?}"
        );
        // It is centred: nothing in the upper and lower quarter.
        assert_eq!(at(side / 2, side / 8)[3], 0, "{side}");
        assert_eq!(at(side / 2, side - 1 - side / 8)[3], 0, "{side}");
        let greenish = small.rgba.chunks_exact(4).any(|p| p[3] > 8 && p[1] > 0);
        assert!(!greenish, "{side}");
        let visible = small
            .rgba
            .chunks_exact(4)
            .map(|p| u64::from(p[3]))
            .sum::<u64>();
        let expected = f64::from(side * side) / 8.0 * 255.0;
        assert!(
            (visible as f64 / expected - 1.0).abs() < 0.05,
            "{side}: {visible} for {expected}"
        );
    }
}

const SVG: &str = r##"<?xml version="1.0"?><!-- drawn --><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 20">
<rect width="10" height="20" fill="#00f"/><circle cx="5" cy="10" r="2" fill="#f00"/></svg>"##;

#[test]
fn svg_is_drawn_in_every_size() {
    let done = Source::parse(SVG.as_bytes())
        .unwrap()
        .complete(Choice::First)
        .unwrap();
    assert!(done.centred && done.from.is_none());
    for image in &done.icon.images {
        let pixels = image.pixels().unwrap();
        let side = pixels.width;
        let at = |x: u32, y: u32| &pixels.rgba[4 * (y * side + x) as usize..][..4];
        assert_eq!(at(side / 2, side / 2), [255, 0, 0, 255]);
        assert_eq!(at(side / 2, 0), [0, 0, 255, 255]);
        assert_eq!(at(0, side / 2)[3], 0);
    }
}

#[test]
fn svg_reads_nothing_of_the_machine() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.png");
    std::fs::write(&other, png(8, 8)).unwrap();
    let with = |inside: &str| {
        format!(
            "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' viewBox='0 0 9 9'>{inside}</svg>"
        )
    };
    let picture = with(&format!(
        "<image xlink:href='{}' width='9' height='9'/>",
        other.display()
    ));
    assert!(error(picture.as_bytes()).contains("another picture"));
    assert!(error(with("<text>hello</text>").as_bytes()).contains("holds text"));
    // A picture that comes by way of a filter is not read either: nothing is to be seen.
    let filter = with(&format!(
        "<filter id='f'><feImage xlink:href='{}'/></filter><rect width='9' height='9' fill='none' filter='url(#f)'/>",
        other.display()
    ));
    assert_eq!(error(filter.as_bytes()), IconError::Invisible.to_string());
    let entity = format!(
        "<!DOCTYPE svg [<!ENTITY x SYSTEM 'file://{}'>]>{}",
        other.display(),
        with("<desc>&x;</desc><rect width='9' height='9'/>")
    );
    assert!(Source::parse(entity.as_bytes()).is_err());
    let laughs: String = (1..12)
        .map(|n| format!("<!ENTITY l{n} '{}'>", format!("&l{};", n - 1).repeat(10)))
        .collect();
    let laughs = format!(
        "<!DOCTYPE svg [<!ENTITY l0 '<g/>'>{laughs}]>{}",
        with("&l11;")
    );
    assert!(Source::parse(laughs.as_bytes()).is_err());
    // Nested as deep as is allowed, and deeper.
    let nested = |depth: usize| {
        let (open, close) = ("<g opacity='.9'>".repeat(depth), "</g>".repeat(depth));
        let drawing = with(&format!("{open}<path d='M0 0h9v9z'/>{close}"));
        Source::parse(drawing.as_bytes()).map(|source| source.complete(Choice::First).is_ok())
    };
    assert_eq!(nested(100), Ok(true));
    assert!(nested(1000).is_ok() && nested(100_000).is_err());
}

#[test]
fn says_what_is_wrong() {
    insta::assert_snapshot!(error(b""), @"it is empty");
    insta::assert_snapshot!(error(b"\xff\xd8\xff\xe0 JFIF"), @"it is no .ico, .png, .svg or Windows executable: it is a JPEG picture");
    insta::assert_snapshot!(error(b"hello"), @"it is no .ico, .png, .svg or Windows executable");
    insta::assert_snapshot!(error(&[0, 0, 2, 0, 1, 0]), @"its list of images is wrong: it is one of a mouse cursor (.cur), not of an icon");
    insta::assert_snapshot!(error(&[0, 0, 1, 0, 0, 0]), @"its list of images is wrong: it names no image");
    insta::assert_snapshot!(error(&[0, 0, 1, 0, 2, 0, 1]), @"its list of images is wrong: it is cut off: the list should end at byte 38, and 7 are there");
    let file = ico(&[16, 32]);
    insta::assert_snapshot!(error(&file[..file.len() - 1]), @"image 2 of 2: it is cut off: it should end at byte 5430, and 5429 are there");
    insta::assert_snapshot!(error(&file.clone().tap(|f| f[38 + 4] = 0)), @"image 1 of 2: it is 0 x 16 pixels, and must have from 1 to 4096 on each side");
    insta::assert_snapshot!(error(&file.clone().tap(|f| f[38 + 14] = 7)), @"image 1 of 2: it has 7 bits to a pixel, and 1, 4, 8, 16, 24 and 32 are known");
    insta::assert_snapshot!(error(&file.clone().tap(|f| f[38 + 16] = 1)), @"image 1 of 2: it is compressed in way 1, which icons cannot be");
    insta::assert_snapshot!(error(&file.clone().tap(|f| f[38] = 12)), @"image 1 of 2: its header has 12 bytes, and 40 or more are known");
    let picture = png(16, 16);
    insta::assert_snapshot!(error(&picture[..40]), @"the PNG cannot be read: it is cut off");
    insta::assert_snapshot!(error(&picture.clone().tap(|f| f[45] ^= 1)), @"the PNG cannot be read: CRC error: expected 0xe4b8598e have 0xb40b3352 while decoding ChunkType { type: IDAT, critical: true, private: false, reserved: false, safecopy: false } chunk.");
    insta::assert_snapshot!(error(b"<svg xmlns='http://www.w3.org/2000/svg'><g></svg>"), @"the SVG cannot be drawn: expected 'g' tag, not 'svg' at 1:44");
    insta::assert_snapshot!(error(&portable::encode(&Pixels::transparent(20, 20)).unwrap()), @"it is fully transparent: nothing would be seen of it");
}

#[test]
fn sizes_are_bounded_before_anything_is_decoded() {
    // A PNG of 60000 x 60000 pixels in 60 bytes.
    let mut bomb = png(8, 8)[..33].to_vec();
    bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let crc = crc(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&crc.to_be_bytes());
    assert!(
        error(&bomb).contains("60000 x 60000 pixels"),
        "{}",
        error(&bomb)
    );
    let mut wide = ico(&[16]);
    wide[22 + 4..22 + 8].copy_from_slice(&5000_u32.to_le_bytes());
    assert!(
        error(&wide).contains("5000 x 16 pixels"),
        "{}",
        error(&wide)
    );
    // 256 entries that name the same bytes.
    let one = ico(&[128]);
    let mut many = vec![0, 0, 1, 0, 0, 1];
    for _ in 0..256 {
        many.extend(&one[6..18]);
        many.extend(u32::try_from(6 + 16 * 256).unwrap().to_le_bytes());
    }
    many.extend(&one[22..]);
    assert!(error(&many).contains("overlap"), "{}", error(&many));
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ 0xedb8_8320
            } else {
                crc >> 1
            };
        }
    }
    !crc
}

#[test]
fn damage_never_panics() {
    let files = [
        ico(&[16, 24]),
        ico(&[256]),
        png(20, 20),
        SVG.as_bytes().to_vec(),
    ];
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % below as u64).unwrap()
    };
    for file in &files {
        for length in (0..file.len()).step_by(7) {
            let _ = Source::parse(&file[..length]);
        }
        for _ in 0..1500 {
            let mut damaged = file.clone();
            for _ in 0..=next(3) {
                // Headers are where it hurts most.
                let at = if next(2) == 0 {
                    next(damaged.len().min(80))
                } else {
                    next(damaged.len())
                };
                damaged[at] = [0, 1, 0x7f, 0x80, 0xff, u8::try_from(next(256)).unwrap()][next(6)];
            }
            if let Ok(Source::Ico(icon)) = Source::parse(&damaged) {
                for image in &icon.images {
                    let _ = image.pixels();
                }
            }
        }
    }
}

#[test]
fn explorer_finds_the_applications_icon_first() {
    let icon = parse_ico(&ico(&[16, 32])).unwrap();
    let other = parse_ico(&ico(&[48])).unwrap();
    let mut resources = Resources::default();
    resources.insert(kind::RCDATA, Id::Number(1), 0, vec![1]);
    put_groups(&mut resources, &[other.clone(), icon.clone()], |_| false);
    let found = groups(&resources).unwrap();
    assert_eq!(
        found.iter().map(|g| g.name.to_string()).collect::<Vec<_>>(),
        ["IDI_ICON1", "1", "2"]
    );
    assert_eq!((&found[0].icon, &found[2].icon), (&other, &icon));
    // What was there goes, with its images.
    put_groups(&mut resources, std::slice::from_ref(&icon), |_| false);
    assert_eq!(groups(&resources).unwrap().len(), 2);
    assert_eq!(resources.of_kind(kind::ICON).count(), 2);
    assert_eq!(resources.of_kind(kind::RCDATA).count(), 1);
    // What is to stay stays behind, even with a name.
    let list = resources
        .of_kind(kind::GROUP_ICON)
        .next()
        .unwrap()
        .2
        .data
        .clone();
    resources.insert(kind::GROUP_ICON, Id::name("A"), 0, list);
    put_groups(&mut resources, std::slice::from_ref(&other), |name| {
        *name == Id::name("A")
    });
    let found = groups(&resources).unwrap();
    assert_eq!(found[0].icon, other);
    assert_eq!(
        (found[1].name.to_string().as_str(), &found[1].icon),
        ("A", &icon)
    );
    assert_eq!(resources.of_kind(kind::ICON).count(), 3);
}

#[test]
fn an_icon_of_an_executable_is_chosen_as_windows_counts() {
    let icon = |side| parse_ico(&ico(&[side])).unwrap();
    let mut resources = Resources::default();
    put_groups(&mut resources, &[icon(16), icon(32)], |_| false);
    let source = Source::Executable(groups(&resources).unwrap());
    let side = |text: &str| {
        let (file, choice) = Choice::split(text);
        assert_eq!(file, "app.exe");
        source.icon(choice).map(|icon| icon.unwrap().largest())
    };
    assert_eq!(side("app.exe"), Ok(16));
    assert_eq!(side("app.exe,2"), Ok(32));
    assert_eq!(side("app.exe, -2"), Ok(32));
    assert_eq!(
        side("app.exe,7").unwrap_err().to_string(),
        "it has no icon 7; it has IDI_ICON1, 1, 2"
    );
    assert_eq!(Choice::split("a,b.ico"), ("a,b.ico", Choice::First));
}
