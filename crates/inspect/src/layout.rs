//! Text in columns that never runs wider than it may.

use marque_contracts::counts::counted;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Spaces between columns.
const GAP: usize = 2;

/// Width below which no column is cut.
const NARROWEST: usize = 20;

/// On which side a column's cells stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Alignment {
    Left,
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
pub(crate) struct Grid {
    columns: Vec<GridColumn>,
}

impl Grid {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn column(&mut self, name: &str, alignment: Alignment, cells: Vec<String>) {
        self.columns.push(GridColumn { name: name.to_owned(), alignment, cells });
    }

    /// The table; within `width` columns of the terminal, if given.
    pub(crate) fn to_text(&self, width: Option<usize>) -> String {
        let limit = width.unwrap_or(usize::MAX);
        let mut widths: Vec<_> = self.columns.iter().map(GridColumn::width).collect();
        let total = |widths: &[usize]| widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
        while total(&widths) > limit {
            // Numbers are never cut: a shortened number is another number.
            let left = |column: &usize| self.columns[*column].alignment == Alignment::Left;
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
            let text = shorten(cell(column), *width);
            let pad = " ".repeat(width.saturating_sub(text.width()));
            line.push_str(if i > 0 { "  " } else { "" });
            match column.alignment {
                Alignment::Left => line.extend([text.as_str(), &pad]),
                Alignment::Right => line.extend([pad.as_str(), &text]),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// A text on one line, cut to a width with `…` at its end.
pub(crate) fn shorten(text: &str, width: usize) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.width() <= width {
        return text;
    }
    let mut used = 1;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= width
    };
    text.chars().take_while(fits).chain(['…']).collect()
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
pub(crate) fn bar(count: usize, largest: usize, width: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (count * width * 8).div_ceil(largest.max(1));
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}
