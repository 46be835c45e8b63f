//! Any bytes as an icon: it is read or refused, and what is read can be made whole. Drawings are another's to fuzz.
#![no_main]

use libfuzzer_sys::fuzz_target;
use packager_fuzz::icon::{Choice, Encoding, MAX_SIDE, SIZES, Source, encode_ico, parse_ico};

fuzz_target!(|file: &[u8]| {
    if file.trim_ascii_start().starts_with(b"<") {
        return;
    }
    let Ok(source) = Source::parse(file) else {
        return;
    };
    if let Ok(Some(icon)) = source.icon(Choice::First) {
        for image in &icon.images {
            assert!(image.side() <= MAX_SIDE);
            if let Ok(pixels) = image.pixels() {
                assert_eq!((pixels.width, pixels.height), (image.width, image.height));
            }
        }
        assert_eq!(parse_ico(&encode_ico(icon)).as_ref(), Ok(icon));
        // Pictures of many millions of pixels take their time.
        let pixels = |image: &packager_fuzz::icon::Image| u64::from(image.width) * u64::from(image.height);
        if icon.images.iter().map(pixels).sum::<u64>() > 1 << 20 {
            return;
        }
    }
    if let Source::Png(pixels) = &source
        && pixels.rgba.len() > 4 << 20
    {
        return;
    }
    if let Ok(done) = source.complete(Choice::First) {
        assert!(SIZES.iter().all(|size| done.icon.images.iter().any(|image| image.side() == *size)));
        assert!(done.icon.images.iter().any(|image| image.encoding == Encoding::Png || image.side() != 256));
    }
});
