//! Content codings that a client takes (RFC 9110, section 12.5.3).

use super::exchange::Fields;

/// The codings among `known` that `fields` accept, as the client likes them; of equal ones the first of `known` is first.
pub(crate) fn accepted<const N: usize>(
    fields: &Fields<'_>,
    known: [&'static str; N],
) -> Vec<&'static str> {
    let values = fields.iter().filter_map(|(name, value)| {
        name.eq_ignore_ascii_case(b"accept-encoding")
            .then_some(value)
    });
    among(values, known)
}

fn among<'a, const N: usize>(
    values: impl Iterator<Item = &'a [u8]>,
    known: [&'static str; N],
) -> Vec<&'static str> {
    let mut weights: [Option<u16>; N] = [None; N];
    let mut others = 0;
    for element in values.flat_map(|value| value.split(|&byte| byte == b',')) {
        let mut parts = element.split(|&byte| byte == b';');
        let coding = parts.next().unwrap_or_default().trim_ascii();
        let weight = weight(parts);
        if coding == b"*" {
            others = weight;
        }
        let position = known.iter().position(|name| {
            coding.eq_ignore_ascii_case(name.as_bytes())
                || (*name == "gzip" && coding.eq_ignore_ascii_case(b"x-gzip"))
        });
        if let Some(weight_of) = position.and_then(|position| weights.get_mut(position)) {
            *weight_of = Some(weight);
        }
    }
    let mut accepted: Vec<_> = known
        .into_iter()
        .zip(weights)
        .map(|(coding, weight)| (weight.unwrap_or(others), coding))
        .filter(|(weight, _)| *weight > 0)
        .collect();
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
            let names = among(values_of, ["br", "zstd", "gzip"]);
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
