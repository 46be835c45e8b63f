//! RECORD and its forerunner.

use crate::inputs;
use std::path::Path;

/// The files of a distribution, relative to the folder that holds `metadata`; `None` when nothing records them.
pub(super) fn read(metadata: &Path) -> Option<Vec<String>> {
    if let Ok(text) = inputs::read_to_string(&metadata.join("RECORD")) {
        return Some(text.lines().filter_map(first_field).collect());
    }
    // Written by pip for `setup.py install`: relative to the egg-info folder.
    let text = inputs::read_to_string(&metadata.join("installed-files.txt")).ok()?;
    let own = metadata.file_name()?.to_string_lossy().into_owned();
    let outside = |line: &str| match line.strip_prefix("../") {
        Some(rest) => rest.to_owned(),
        None => format!("{own}/{line}"),
    };
    Some(
        text.lines()
            .map(str::trim)
            .filter(|line| !matches!(*line, "" | "./" | "."))
            .map(outside)
            .collect(),
    )
}

/// The first field of a line of CSV; quotes are doubled inside quotes.
fn first_field(line: &str) -> Option<String> {
    let field = match line.strip_prefix('"') {
        Some(quoted) => {
            let mut field = String::new();
            let mut rest = quoted;
            loop {
                let (before, after) = rest.split_once('"')?;
                field.push_str(before);
                match after.strip_prefix('"') {
                    Some(after) => {
                        field.push('"');
                        rest = after;
                    }
                    None => break field,
                }
            }
        }
        None => line.split(',').next()?.trim().to_owned(),
    };
    let field = field.replace('\\', "/");
    (!field.is_empty()).then_some(field)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn fields() {
        assert_eq!(first_field("a/b.py,sha256=x,12").unwrap(), "a/b.py");
        assert_eq!(
            first_field("\"a,\"\"b\"\".py\",sha256=x,12").unwrap(),
            "a,\"b\".py"
        );
        assert_eq!(first_field("a\\b.py,,").unwrap(), "a/b.py");
        assert_eq!(first_field(""), None);
        assert_eq!(first_field("\"open"), None);
    }
}
