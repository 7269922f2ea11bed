//! Confusion matrices: labelled classes in rows, predicted classes in columns, shaded by share of the row.

use crate::svg::{Area, Svg, shortened, text_width};

/// Up to so many classes, cells carry their counts.
const COUNTED: usize = 24;
/// Up to so many classes, rows and columns carry their names.
const NAMED: usize = 28;
/// Slant of column names that do not fit level, in degrees.
const SLANT: f64 = 40.0;
const LONGEST_NAME: usize = 20;
/// Room around the matrix.
const MARGIN: f64 = 2.0;

/// Draws the confusion matrix of what is called `name`: a row per labelled class with the photos by predicted class.
/// All is named as in `classes`.
pub fn confusion_matrix(name: &str, classes: &[&str], rows: &[Vec<u64>]) -> String {
    let layout = Layout::of(classes);
    let size = classes.len() as f64 * layout.cell;
    let label = format!("confusion matrix of {name}: true classes in rows, answers in columns");
    let (width, height) = (layout.left + size + layout.right, layout.top + size + MARGIN);
    let mut svg = Svg::new("matrix", width, height, &label);
    layout.draw_names(&mut svg);
    let many = classes.len() > COUNTED;
    if many {
        let area = Area { x: layout.left, y: layout.top, width: size, height: size, rounding: 2.0 };
        svg.rectangle("cell none", area, 1.0, "");
    }
    for (label, row) in rows.iter().enumerate() {
        let support = row.iter().sum();
        for (predicted, count) in row.iter().enumerate() {
            // Many classes: only what is there, or the page would hold a rectangle for every pair.
            if *count > 0 || !many {
                layout.draw_cell(&mut svg, (label, predicted), *count, support);
            }
        }
    }
    svg.finish()
}

/// Sizes of the matrix, in the drawing's units.
struct Layout {
    names: Vec<String>,
    cell: f64,
    left: f64,
    top: f64,
    right: f64,
    slanted: bool,
}

impl Layout {
    fn of(classes: &[&str]) -> Self {
        let names: Vec<_> = classes.iter().map(|class| shortened(class, LONGEST_NAME)).collect();
        let cell = (400.0 / names.len().max(1) as f64).clamp(14.0, 116.0);
        if names.len() > NAMED {
            return Self { names, cell: 6.0, left: MARGIN, top: MARGIN, right: MARGIN, slanted: false };
        }
        let longest = names.iter().map(|name| text_width(name)).fold(0.0, f64::max);
        let slanted = longest > cell;
        let (sin, cos) = SLANT.to_radians().sin_cos();
        let (top, right) = if slanted { (longest * sin + 20.0, longest * cos) } else { (24.0, 0.0) };
        // The last name starts in the middle of its column and may stand out of the matrix.
        Self {
            cell,
            left: longest + 12.0,
            top,
            right: (right - cell / 2.0 + 8.0).max(MARGIN),
            slanted,
            names,
        }
    }

    fn draw_names(&self, svg: &mut Svg) {
        if self.names.len() > NAMED {
            return;
        }
        for (i, name) in self.names.iter().enumerate() {
            let middle = (i as f64 + 0.5) * self.cell;
            svg.text("name end", (self.left - 8.0, self.top + middle + 4.0), name);
            let column = (self.left + middle, self.top - 8.0);
            match self.slanted {
                true => svg.slanted_text("name", column, SLANT, name),
                false => svg.text("name middle", column, name),
            }
        }
    }

    fn draw_cell(&self, svg: &mut Svg, (label, predicted): (usize, usize), count: u64, support: u64) {
        let share = if support == 0 { 0.0 } else { count as f64 / support as f64 };
        let class = match (count, label == predicted) {
            (0, _) => "cell none",
            (_, true) => "cell hit",
            (_, false) => "cell miss",
        };
        let gap = (self.cell / 8.0).min(2.0);
        let area = Area {
            x: self.left + predicted as f64 * self.cell + gap / 2.0,
            y: self.top + label as f64 * self.cell + gap / 2.0,
            width: self.cell - gap,
            height: self.cell - gap,
            rounding: (self.cell / 14.0).min(5.0),
        };
        // Even a single photo among hundreds is to be seen.
        let opacity = if count == 0 { 1.0 } else { 0.14 + 0.86 * share };
        let percent =
            if count > 0 && share < 0.005 { "<1%".to_owned() } else { format!("{:.0}%", share * 100.0) };
        let (from, to) = (&self.names[label], &self.names[predicted]);
        svg.rectangle(class, area, opacity, &format!("{from} → {to}: {count} of {support} ({percent})"));
        if count == 0 || self.names.len() > COUNTED {
            return;
        }
        let middle = (area.x + area.width / 2.0, area.y + area.height / 2.0);
        // Where the shade is dark enough for light text; the misses' colour is the lighter one.
        let dark = if label == predicted { 0.6 } else { 0.8 };
        let on = if share > dark { " on" } else { "" };
        if self.cell >= 44.0 {
            svg.text(&format!("count middle{on}"), (middle.0, middle.1 + 1.0), count);
            svg.text(&format!("percent middle{on}"), (middle.0, middle.1 + 14.0), percent);
        } else {
            svg.text(&format!("percent middle{on}"), (middle.0, middle.1 + 4.0), count);
        }
    }
}
