//! Between a file and what lies compressed beside it: `app.js`, `app.js.br`, `app.js.zst`, `app.js.gz`.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use platform::beneath::Folder;

use crate::wsgi::exchange::Fields;

/// Content codings, the one that we like best first, and the ends of their files.
const CODINGS: [(&str, &str); 3] = [("br", ".br"), ("zstd", ".zst"), ("gzip", ".gz")];

/// Opens what the client gets of `name`, with its coding.
pub(super) fn choose(
    folder: &Folder,
    name: &Path,
    fields: &Fields<'_>,
) -> io::Result<(File, Option<&'static str>)> {
    // What is not there uncompressed is not there: `app.js.br` alone is a file of its own.
    let plain = folder.file(name)?;
    let accepted = accepted(fields.iter().filter_map(|(name, value)| {
        name.eq_ignore_ascii_case(b"accept-encoding")
            .then_some(value)
    }));
    for (coding, end) in accepted {
        let mut name = name.as_os_str().to_owned();
        name.push(end);
        if let Ok(file) = folder.file(&PathBuf::from(name)) {
            return Ok((file, Some(coding)));
        }
    }
    Ok((plain, None))
}

/// The codings that a client takes, as it likes them.
fn accepted<'a>(values: impl Iterator<Item = &'a [u8]>) -> Vec<(&'static str, &'static str)> {
    let mut weights: [Option<u16>; CODINGS.len()] = [None; CODINGS.len()];
    let mut others = 0;
    for element in values.flat_map(|value| value.split(|&byte| byte == b',')) {
        let mut parts = element.split(|&byte| byte == b';');
        let coding = parts.next().unwrap_or_default().trim_ascii();
        let weight = weight(parts);
        if coding == b"*" {
            others = weight;
        }
        let known = CODINGS.iter().position(|(name, _)| {
            coding.eq_ignore_ascii_case(name.as_bytes())
                || (*name == "gzip" && coding.eq_ignore_ascii_case(b"x-gzip"))
        });
        if let Some(weight_of) = known.and_then(|known| weights.get_mut(known)) {
            *weight_of = Some(weight);
        }
    }
    let mut accepted: Vec<_> = CODINGS
        .into_iter()
        .zip(weights)
        .map(|(coding, weight)| (weight.unwrap_or(others), coding))
        .filter(|(weight, _)| *weight > 0)
        .collect();
    // Of equal ones the first stays first.
    accepted.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    accepted.into_iter().map(|(_, coding)| coding).collect()
}

/// `q=0.5` in thousandths; 0 when it is malformed.
fn weight<'a>(parameters: impl Iterator<Item = &'a [u8]>) -> u16 {
    for parameter in parameters {
        let parameter = parameter.trim_ascii();
        let value = parameter
            .strip_prefix(b"q=")
            .or(parameter.strip_prefix(b"Q="));
        if let Some(value) = value {
            let weight = std::str::from_utf8(value)
                .ok()
                .and_then(|text| text.parse::<f32>().ok())
                .filter(|weight| (0.0..=1.0).contains(weight));
            // In the range, by the line above.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            return weight.map_or(0, |weight| (weight * 1000.0) as u16);
        }
    }
    1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_choose() {
        let check = |values: &[&str], expect: &[&str]| {
            let values_of = values.iter().map(|value| value.as_bytes());
            let names: Vec<&str> = accepted(values_of).iter().map(|(name, _)| *name).collect();
            assert_eq!(names, expect, "{values:?}");
        };
        check(&[], &[]);
        check(&[""], &[]);
        check(&["identity"], &[]);
        check(&["gzip, deflate, br, zstd"], &["br", "zstd", "gzip"]);
        check(&["gzip", "br"], &["br", "gzip"]);
        check(&["br;q=0.5, gzip;q=0.9"], &["gzip", "br"]);
        check(&["br;q=0, *"], &["zstd", "gzip"]);
        check(&["*;q=0"], &[]);
        check(&["GZIP ; q=1.0"], &["gzip"]);
        check(&["gzip;q=2, br;q=x, zstd;q=-1"], &[]);
    }
}
