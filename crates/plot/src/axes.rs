//! The axes of a chart: where values are on it, grid lines and their labels.

use crate::{Scale, Svg};

/// Two scales and the frame that grid lines fill.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Axes {
    /// Scale from left to right.
    pub x: Scale,
    /// Scale from bottom to top.
    pub y: Scale,
    /// Left and right ends of the frame.
    pub horizontal: (f64, f64),
    /// Top and bottom ends of the frame.
    pub vertical: (f64, f64),
}

impl Axes {
    /// Position of a point.
    pub fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.x.place(x), self.y.place(y))
    }

    /// Draws a horizontal grid line for each value on the y axis, with its label at the left.
    pub fn draw_rows(&self, svg: &mut Svg, ticks: impl IntoIterator<Item = (f64, String)>) {
        let (left, right) = self.horizontal;
        for (value, label) in ticks {
            let y = self.y.place(value);
            svg.line("grid", (left, y), (right, y));
            svg.text("tick end", (left - 6.0, y + 3.5), label);
        }
    }

    /// Draws a vertical grid line for each value on the x axis, with its label below.
    pub fn draw_columns(&self, svg: &mut Svg, ticks: impl IntoIterator<Item = (f64, String)>) {
        let (top, bottom) = self.vertical;
        for (value, label) in ticks {
            let x = self.x.place(value);
            svg.line("grid", (x, top), (x, bottom));
            self.draw_column_label(svg, value, label);
        }
    }

    /// Writes the label of a value on the x axis below the frame.
    pub fn draw_column_label(&self, svg: &mut Svg, value: f64, label: String) {
        svg.text("tick middle", (self.x.place(value), self.vertical.1 + 16.0), label);
    }

    /// Draws a line through points; only one is drawn as a dot. Points with a `y` that is not finite are left out.
    pub fn draw_line(&self, svg: &mut Svg, class: &str, points: impl IntoIterator<Item = (f64, f64)>) {
        let finite = points.into_iter().filter(|(_, y)| y.is_finite());
        let places: Vec<_> = finite.map(|point| self.place(point)).collect();
        svg.polyline(class, &places);
        if let [only] = places[..] {
            svg.dot(class, only, 2.5, "");
        }
    }
}
