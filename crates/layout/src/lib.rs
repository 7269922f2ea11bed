//! Text for terminals: tables in columns, wrapped lines and bars that never run wider than they may.
//!
//! It reads and writes nothing: text goes in and comes out. Widths are those of a terminal, where some characters take two
//! columns and some none.

use marque_contracts::counts::counted;
use marque_contracts::printable;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Spaces between columns.
const GAP: usize = 2;

/// Width below which no column is cut.
const NARROWEST: usize = 20;

/// On which side a column's cells stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Alignment {
    /// On the left; may be cut at its end.
    Left,
    /// On the left; may be cut at its start, where paths are alike.
    Path,
    /// On the right, as numbers do, which are never cut.
    Right,
}

struct GridColumn {
    name: String,
    alignment: Alignment,
    cells: Vec<String>,
}

impl GridColumn {
    /// Width without cutting anything.
    fn width(&self) -> usize {
        let cells = self.cells.iter().map(|cell| cell.width());
        cells.max().unwrap_or(0).max(self.name.width())
    }
}

/// A table of texts.
#[derive(Default)]
pub struct Grid {
    columns: Vec<GridColumn>,
}

impl Grid {
    /// A table without columns.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a column with a heading and a cell per row; all columns have as many rows as the first.
    pub fn column(&mut self, name: &str, alignment: Alignment, cells: Vec<String>) {
        let shown = |text: &str| printable(text).into_owned();
        let cells = cells.iter().map(|cell| shown(cell)).collect();
        self.columns.push(GridColumn { name: shown(name), alignment, cells });
    }

    /// The table, with its headings: within `width` columns of the terminal, if given.
    pub fn to_text(&self, width: Option<usize>) -> String {
        let limit = width.unwrap_or(usize::MAX);
        let mut widths: Vec<_> = self.columns.iter().map(GridColumn::width).collect();
        let total = |widths: &[usize]| widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
        while total(&widths) > limit {
            // Numbers are never cut: a shortened number is another number.
            let left = |column: &usize| self.columns[*column].alignment != Alignment::Right;
            let widest = (0..widths.len()).filter(left).max_by_key(|column| (widths[*column], *column));
            match widest {
                Some(column) if widths[column] > NARROWEST => widths[column] -= 1,
                _ => break,
            }
        }
        while widths.len() > 1 && total(&widths) > limit {
            widths.pop();
        }
        let mut lines = vec![self.line(&widths, |column| &column.name)];
        let rows = self.columns.first().map_or(0, |column| column.cells.len());
        lines.extend((0..rows).map(|row| self.line(&widths, |column| &column.cells[row])));
        let hidden = &self.columns[widths.len()..];
        if !hidden.is_empty() {
            let names: Vec<_> = hidden.iter().map(|column| column.name.as_str()).collect();
            let more = counted(names.len() as u64, "more column", "more columns");
            lines.push(wrap(&format!("… {more}: {}", names.join(", ")), limit));
        }
        lines.join("\n")
    }

    /// One line of as many columns as there are widths.
    fn line<'a>(&'a self, widths: &[usize], cell: impl Fn(&'a GridColumn) -> &'a String) -> String {
        let mut line = String::new();
        for (i, (column, width)) in self.columns.iter().zip(widths).enumerate() {
            let text = match column.alignment {
                Alignment::Path => shorten_start(cell(column), *width),
                Alignment::Left | Alignment::Right => shorten(cell(column), *width),
            };
            let pad = " ".repeat(width.saturating_sub(text.width()));
            line.push_str(if i > 0 { "  " } else { "" });
            match column.alignment {
                Alignment::Left | Alignment::Path => line.extend([text.as_str(), &pad]),
                Alignment::Right => line.extend([pad.as_str(), &text]),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// A text on one line, cut to a width with `…` at its end.
pub fn shorten(text: &str, width: usize) -> String {
    let text = on_one_line(text);
    if text.width() <= width {
        return text;
    }
    fitting(text.chars(), width).chain(['…']).collect()
}

/// The same with `…` at its start.
fn shorten_start(text: &str, width: usize) -> String {
    let text = on_one_line(text);
    if text.width() <= width {
        return text;
    }
    let end: Vec<_> = fitting(text.chars().rev(), width).collect();
    std::iter::once('…').chain(end.into_iter().rev()).collect()
}

fn on_one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// As many characters as fit beside one more.
fn fitting(text: impl Iterator<Item = char>, width: usize) -> impl Iterator<Item = char> {
    let mut used = 1;
    text.take_while(move |c| {
        used += c.width().unwrap_or(0);
        used <= width
    })
}

/// Text in lines no wider than `width`, broken between words; lines after the first are indented more than it.
pub fn wrap(text: &str, width: usize) -> String {
    let indent = text.len() - text.trim_start_matches(' ').len();
    let (indent, text) = text.split_at(indent);
    let mut lines = vec![indent.to_owned()];
    for (position, word) in text.split(' ').enumerate() {
        let line = lines.last().map_or("", String::as_str);
        let fits = line.width() + 1 + word.width() <= width;
        match lines.last_mut() {
            Some(line) if position == 0 => line.push_str(word),
            Some(line) if fits => line.extend([" ", word]),
            _ => lines.push(format!("{indent}  {word}")),
        }
    }
    lines.join("\n")
}

/// A bar for `count` where `largest` takes `width` columns, to an eighth of a column.
pub fn bar(count: usize, largest: usize, width: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (count * width * 8).div_ceil(largest.max(1));
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_one_another_whatever_is_in_them() {
        let mut grid = Grid::new();
        let names = ["a", "gpj.\u{202e}exe", "two\nlines", "車", "\u{1b}[1m"];
        grid.column("name", Alignment::Left, names.map(str::to_owned).into());
        grid.column("photos", Alignment::Right, ["1", "22", "3", "4", "5"].map(str::to_owned).into());
        let text = grid.to_text(None);
        let widths: Vec<_> = text.lines().map(UnicodeWidthStr::width).collect();
        assert_eq!(widths, [widths[0]; 6], "{text}");
        assert!(!text.contains(['\u{202e}', '\u{1b}']) && text.contains("\\u202e"), "{text}");
    }

    #[test]
    fn lines_and_bars_stay_within_their_width() {
        assert_eq!(shorten("a long name", 6), "a lon…");
        assert_eq!(
            (shorten_start("a/b.jpg", 6), shorten_start("a.jpg", 6)),
            ("…b.jpg".to_owned(), "a.jpg".to_owned())
        );
        assert_eq!(wrap("  one two three", 9), "  one two\n    three");
        assert_eq!((bar(4, 8, 4), bar(0, 8, 4)), ("██".to_owned(), String::new()));
    }
}
