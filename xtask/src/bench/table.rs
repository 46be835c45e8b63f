//! Markdown tables that read well as plain text too.

/// The first column is words, the others are numbers and stand to the right.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(header: &[&str]) -> Self {
        Self {
            rows: vec![header.iter().map(|&cell| cell.to_owned()).collect()],
        }
    }

    /// Adds a row; a missing cell is an empty one.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let cell = |row: &[String], at: usize| row.get(at).cloned().unwrap_or_default();
        let width = |at: usize| {
            let widths = self.rows.iter().map(|row| cell(row, at).chars().count());
            widths.max().unwrap_or(0).max(2)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (index, row) in self.rows.iter().enumerate() {
            for (at, &width) in widths.iter().enumerate() {
                let cell = cell(row, at);
                match at {
                    0 => write!(out, "| {cell:width$} ")?,
                    _ => write!(out, "| {cell:>width$} ")?,
                }
            }
            writeln!(out, "|")?;
            if index == 0 {
                for (at, &width) in widths.iter().enumerate() {
                    let line = "-".repeat(width - 1);
                    write!(out, "| {line}{} ", if at == 0 { '-' } else { ':' })?;
                }
                writeln!(out, "|")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["start", "CPU"]);
        table.row(["`é`".to_owned(), "12.5 ms".to_owned()]);
        table.row(["a longer one".to_owned()]);
        let wanted = "\
| start        |     CPU |
| ------------ | ------: |
| `é`          | 12.5 ms |
| a longer one |         |
";
        assert_eq!(table.to_string(), wanted);
    }
}
