//! The two halves of BENCHMARKS.md, each written by a command of its own, which leaves the other one alone.

/// A half.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Section {
    /// From the title on, by `bench start`.
    Starting,
    /// From its heading on, by `bench serve`.
    Serving,
}

/// The heading of the second half.
pub(super) const SERVING: &str = "# Serving";

/// `page` with one of its halves replaced by `text`.
pub(super) fn replace(page: &str, section: Section, text: &str) -> String {
    let (starting, serving) = split(page);
    let (starting, serving) = match section {
        Section::Starting => (text, serving),
        Section::Serving => (starting, text),
    };
    let halves: Vec<&str> = [starting, serving]
        .into_iter()
        .map(str::trim_end)
        .filter(|half| !half.is_empty())
        .collect();
    halves.join("\n\n") + "\n"
}

fn split(page: &str) -> (&str, &str) {
    if page.starts_with(&format!("{SERVING}\n")) {
        return ("", page);
    }
    match page.find(&format!("\n{SERVING}\n")) {
        Some(end) => page.split_at(end + 1),
        None => (page, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_half_is_replaced_without_touching_the_other() {
        let page = replace("", Section::Starting, "# Benchmarks\n\nfast\n");
        assert_eq!(page, "# Benchmarks\n\nfast\n");
        let page = replace(&page, Section::Serving, "# Serving\n\nmany\n");
        assert_eq!(page, "# Benchmarks\n\nfast\n\n# Serving\n\nmany\n");
        let page = replace(&page, Section::Serving, "# Serving\n\nmore\n");
        assert_eq!(page, "# Benchmarks\n\nfast\n\n# Serving\n\nmore\n");
        let page = replace(&page, Section::Starting, "# Benchmarks\n\nfaster\n");
        assert_eq!(page, "# Benchmarks\n\nfaster\n\n# Serving\n\nmore\n");
        assert_eq!(
            replace("# Serving\n\nx\n", Section::Serving, "# Serving\n"),
            "# Serving\n"
        );
    }
}
