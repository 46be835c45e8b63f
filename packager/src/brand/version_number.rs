//! Windows' four numbers of a version.

/// The numbers at the beginning of `text`, at most four; and whether they say all of it. `1.4.0rc1` is `1.4.0.0`, not all
/// of it; numbers above 65535 have no room.
#[must_use]
pub(super) fn numbers(text: &str) -> ([u16; 4], bool) {
    let mut numbers = [0; 4];
    let text = text.trim();
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let mut whole = true;
    let mut parts = text.split('.');
    for number in &mut numbers {
        let Some(part) = parts.next() else {
            return (numbers, whole && !text.is_empty());
        };
        let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        match part[..digits].parse::<u16>() {
            Ok(value) => *number = value,
            // Empty, or above what there is room for.
            Err(_) if digits == 0 => return (numbers, false),
            Err(_) => {
                *number = u16::MAX;
                whole = false;
            }
        }
        if digits < part.len() {
            return (numbers, false);
        }
    }
    (numbers, whole && parts.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn reads_what_there_is_room_for() {
        let check = |text, expect, whole| assert_eq!(numbers(text), (expect, whole), "{text}");
        check("1.4.0", [1, 4, 0, 0], true);
        check("v2", [2, 0, 0, 0], true);
        check("1.2.3.4", [1, 2, 3, 4], true);
        check("1.2.3.4.5", [1, 2, 3, 4], false);
        check("1.4.0rc1", [1, 4, 0, 0], false);
        check("1.4+local.7", [1, 4, 0, 0], false);
        check("2024.70000.1", [2024, 65535, 1, 0], false);
        check("unknown", [0; 4], false);
        check("", [0; 4], false);
        check("1..2", [1, 0, 0, 0], false);
    }
}
