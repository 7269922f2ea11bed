//! The summary of a label table as text.

use std::fmt::Write;

use marque_contracts::counts::{counted, grouped};
use marque_contracts::schema::HeadKind;
use marque_layout::{Alignment, Grid, bar, shorten, wrap};
use unicode_width::UnicodeWidthStr;

use crate::summary::{CrossTable, HeadCounts, LabelSummary};

/// Longest bar of a count, in columns of the terminal.
const BAR: usize = 24;

/// Shortest bar that is worth its place.
const SHORTEST_BAR: usize = 4;

/// Longest name of a class that is shown in full.
const NAME: usize = 28;

/// Classes of a head that are listed, unless the head alone is asked for.
const CLASSES: usize = 20;

impl LabelSummary {
    /// The summary as text no wider than `width`: rows per split, columns if all rows and heads are asked for,
    /// for each head a table with a bar per class, and cross-tables between heads.
    pub fn to_text(&self, width: usize) -> String {
        let mut text = wrap(&self.headline(), width);
        text.push('\n');
        if self.request.condition.is_none() && self.request.head.is_none() {
            let _ = write!(text, "\n{}\n", self.schema(width));
        }
        for head in &self.heads {
            let _ = write!(text, "\n{}\n", self.head(head, width));
        }
        for cross in self.crosses.iter().filter(|cross| self.is_telling(cross)) {
            let _ = write!(text, "\n{}\n", cross_table(cross, width));
        }
        text.truncate(text.trim_end().len());
        text
    }

    /// Whether a cross-table has rows, and few enough classes unless its head is asked for.
    fn is_telling(&self, cross: &CrossTable) -> bool {
        let asked_for = |head: &String| self.request.head.as_ref() == Some(head);
        let mut heads = cross.heads.iter().zip(&cross.classes);
        heads.all(|(head, classes)| classes.len() <= CLASSES || asked_for(head))
            && cross.counts.iter().flatten().any(|count| *count > 0)
    }

    fn headline(&self) -> String {
        let mut text = match &self.request.condition {
            Some(condition) => {
                let all = counted(self.all_rows as u64, "row", "rows");
                format!("{} of {all} where {condition}", grouped(self.rows as u64))
            }
            None => counted(self.rows as u64, "row", "rows"),
        };
        for (i, (split, count)) in self.splits.iter().enumerate() {
            let separator = if i == 0 && self.request.condition.is_some() { ":" } else { "," };
            let _ = write!(text, "{separator} {count} {split}");
        }
        text
    }

    fn schema(&self, width: usize) -> String {
        let mut grid = Grid::new();
        let cells =
            |cell: fn(&crate::summary::ColumnSummary) -> String| self.columns.iter().map(cell).collect();
        grid.column("column", Alignment::Left, cells(|column| column.name.clone()));
        grid.column("type", Alignment::Left, cells(|column| column.type_name.to_owned()));
        grid.column("nulls", Alignment::Right, cells(|column| column.nulls.to_string()));
        grid.to_text(Some(width))
    }

    fn head(&self, head: &HeadCounts, width: usize) -> String {
        let listed = self.listed(head);
        let totals: Vec<_> = listed.iter().map(|class| head.total(*class)).collect();
        let largest = totals.iter().copied().max().unwrap_or(0);
        let extra: Vec<(&str, &Vec<usize>)> = [("(none)", &head.none), ("(unknown)", &head.unknown)]
            .into_iter()
            .filter(|(_, counts)| counts.iter().any(|count| *count > 0))
            .collect();
        let mut grid = Grid::new();
        let mut names: Vec<_> = listed.iter().map(|class| shorten(&head.classes[*class], NAME)).collect();
        names.extend(extra.iter().map(|(name, _)| (*name).to_owned()));
        let mut used = names.iter().map(|name| name.width()).max().unwrap_or(0).max(head.name.len());
        grid.column(&head.name, Alignment::Left, names);
        for (position, (split, _)) in self.splits.iter().enumerate() {
            let mut counts: Vec<_> =
                listed.iter().map(|class| head.counts[position][*class].to_string()).collect();
            counts.extend(extra.iter().map(|(_, counts)| counts[position].to_string()));
            used += 2 + counts.iter().map(String::len).max().unwrap_or(0).max(split.len());
            grid.column(split, Alignment::Right, counts);
        }
        let mut all: Vec<_> = totals.iter().map(usize::to_string).collect();
        all.extend(extra.iter().map(|(_, counts)| counts.iter().sum::<usize>().to_string()));
        used += 2 + all.iter().map(String::len).max().unwrap_or(0).max("all".len());
        grid.column("all", Alignment::Right, all);
        let room = width.saturating_sub(used + 2).min(BAR);
        if room >= SHORTEST_BAR {
            let mut bars: Vec<_> = totals.iter().map(|total| bar(*total, largest, room)).collect();
            bars.resize(listed.len() + extra.len(), String::new());
            grid.column("", Alignment::Left, bars);
        }
        let mut text = grid.to_text(Some(width));
        if listed.len() < head.classes.len() {
            let more = head.classes.len() - listed.len();
            let more = counted(more as u64, "smaller class", "smaller classes");
            let more = format!("… {more} (--limit {} shows all)", head.classes.len());
            let _ = write!(text, "\n{}", wrap(&more, width));
        }
        if head.kind == HeadKind::Tags {
            let _ = write!(text, "\n{}", wrap("(tags: a photo counts once for each that it has)", width));
        }
        text
    }

    /// Classes to list, in order: all, or the largest.
    fn listed(&self, head: &HeadCounts) -> Vec<usize> {
        let all: Vec<_> = (0..head.classes.len()).collect();
        let most = match (self.request.limit, &self.request.head) {
            (Some(limit), _) => limit,
            (None, Some(_)) => usize::MAX,
            (None, None) => CLASSES,
        };
        largest(&all, most, |class| head.total(class))
    }
}

/// The `count` largest of `classes`, in their order.
fn largest(classes: &[usize], count: usize, size: impl Fn(usize) -> usize) -> Vec<usize> {
    let mut order = classes.to_vec();
    order.sort_by_key(|class| std::cmp::Reverse(size(*class)));
    order.truncate(count);
    order.sort_unstable();
    order
}

/// A cross-table no wider than `width`: names of columns are cut until it fits, then the smallest columns are
/// summed up in a last one.
fn cross_table(cross: &CrossTable, width: usize) -> String {
    let cross = Cross::of(cross);
    let all = [NAME, NAME / 2, NAME / 4].map(|cut| (cross.columns.len(), cut));
    let fewer = (1..cross.columns.len()).rev().map(|columns| (columns, NAME / 2));
    let mut text = String::new();
    for (columns, cut) in all.into_iter().chain(fewer) {
        text = cross.grid(columns, cut).to_text(None);
        if text.lines().all(|line| line.width() <= width) {
            break;
        }
    }
    text
}

/// A cross-table with the head of more classes going down, and only the classes that have rows.
struct Cross<'a> {
    table: &'a CrossTable,
    down: usize,
    across: usize,
    rows: Vec<usize>,
    columns: Vec<usize>,
}

impl<'a> Cross<'a> {
    fn of(table: &'a CrossTable) -> Self {
        let (down, across) = if table.classes[0].len() < table.classes[1].len() { (1, 0) } else { (0, 1) };
        let mut cross = Self { table, down, across, rows: Vec::new(), columns: Vec::new() };
        let (rows, columns): (Vec<_>, Vec<_>) =
            ((0..table.classes[down].len()).collect(), (0..table.classes[across].len()).collect());
        cross.rows = rows.iter().copied().filter(|row| cross.sum(&[*row], &columns) > 0).collect();
        cross.columns = columns.iter().copied().filter(|column| cross.sum(&rows, &[*column]) > 0).collect();
        cross
    }

    fn count(&self, row: usize, column: usize) -> usize {
        match self.down {
            0 => self.table.counts[row][column],
            _ => self.table.counts[column][row],
        }
    }

    fn grid(&self, columns: usize, cut: usize) -> Grid {
        let rows = parts(&self.rows, CLASSES, |row| self.sum(&[row], &self.columns));
        let columns = parts(&self.columns, columns, |column| self.sum(&self.rows, &[column]));
        let name = |head: usize, part: &Vec<usize>, cut| match part.as_slice() {
            [class] => shorten(&self.table.classes[head][*class], cut),
            more => format!("({} more)", more.len()),
        };
        // Zeros as dots: what is empty shows at once.
        let shown = |count: usize| if count == 0 { "·".to_owned() } else { count.to_string() };
        let corner = format!("{} \\ {}", self.table.heads[self.down], self.table.heads[self.across]);
        let mut grid = Grid::new();
        grid.column(&corner, Alignment::Left, rows.iter().map(|row| name(self.down, row, NAME)).collect());
        for column in &columns {
            let cells = rows.iter().map(|row| shown(self.sum(row, column))).collect();
            grid.column(&name(self.across, column, cut), Alignment::Right, cells);
        }
        grid
    }

    fn sum(&self, rows: &[usize], columns: &[usize]) -> usize {
        rows.iter().flat_map(|row| columns.iter().map(|column| self.count(*row, *column))).sum()
    }
}

/// The `count` largest classes, each a part of its own, and all others as a last part.
fn parts(classes: &[usize], count: usize, size: impl Fn(usize) -> usize) -> Vec<Vec<usize>> {
    let listed = largest(classes, count, size);
    let other: Vec<_> = classes.iter().copied().filter(|class| !listed.contains(class)).collect();
    let mut parts: Vec<_> = listed.into_iter().map(|class| vec![class]).collect();
    parts.extend((!other.is_empty()).then_some(other));
    parts
}
