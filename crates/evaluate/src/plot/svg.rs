//! Writing SVG elements.

use std::fmt::{self, Display, Write};

use askama::filters::{Html, escape};

/// A drawing under way: elements are added at the end.
pub(crate) struct Svg {
    text: String,
}

impl Svg {
    /// Begins a drawing of `width` × `height` units, announced to screen readers as `label`.
    pub(crate) fn new(class: &str, width: f64, height: f64, label: &str) -> Self {
        let (width, height) = (Coordinate(width), Coordinate(height));
        let text = format!(
            "<svg class=\"{class}\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             role=\"img\" aria-label=\"{}\">",
            escaped(label)
        );
        Self { text }
    }

    /// A straight line.
    pub(crate) fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        self.add(format_args!(
            "<line class=\"{class}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>",
            Coordinate(x1),
            Coordinate(y1),
            Coordinate(x2),
            Coordinate(y2)
        ));
    }

    /// A line through points; nothing for fewer than two.
    pub(crate) fn polyline(&mut self, class: &str, points: &[(f64, f64)]) {
        if points.len() < 2 {
            return;
        }
        self.add(format_args!("<polyline class=\"{class}\" points=\""));
        for (i, (x, y)) in points.iter().enumerate() {
            let space = if i == 0 { "" } else { " " };
            self.add(format_args!("{space}{},{}", Coordinate(*x), Coordinate(*y)));
        }
        self.add(format_args!("\"/>"));
    }

    /// A dot that tells `tip` when pointed at.
    pub(crate) fn dot(&mut self, class: &str, (x, y): (f64, f64), radius: f64, tip: &str) {
        self.add(format_args!(
            "<circle class=\"{class}\" cx=\"{}\" cy=\"{}\" r=\"{}\"><title>{}</title></circle>",
            Coordinate(x),
            Coordinate(y),
            Coordinate(radius),
            escaped(tip)
        ));
    }

    /// A rectangle with rounded corners, of some opacity from 0 to 1, that tells `tip` when pointed at.
    pub(crate) fn rectangle(&mut self, class: &str, area: Area, opacity: f64, tip: &str) {
        self.add(format_args!(
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\" \
             fill-opacity=\"{opacity:.3}\"><title>{}</title></rect>",
            Coordinate(area.x),
            Coordinate(area.y),
            Coordinate(area.width),
            Coordinate(area.height),
            Coordinate(area.rounding),
            escaped(tip)
        ));
    }

    /// Text with its anchor at a point.
    pub(crate) fn text(&mut self, class: &str, (x, y): (f64, f64), text: impl Display) {
        self.add(format_args!(
            "<text class=\"{class}\" x=\"{}\" y=\"{}\">{}</text>",
            Coordinate(x),
            Coordinate(y),
            escaped(&text.to_string())
        ));
    }

    /// Text that rises to the right from a point, by `degrees`.
    pub(crate) fn slanted_text(&mut self, class: &str, (x, y): (f64, f64), degrees: f64, text: &str) {
        let (x, y) = (Coordinate(x), Coordinate(y));
        self.add(format_args!(
            "<text class=\"{class}\" transform=\"translate({x} {y}) rotate({})\">{}</text>",
            Coordinate(-degrees),
            escaped(text)
        ));
    }

    /// Ends the drawing.
    pub(crate) fn finish(mut self) -> String {
        self.text.push_str("</svg>");
        self.text
    }

    fn add(&mut self, element: fmt::Arguments<'_>) {
        // Writing into a String cannot fail.
        let _ = self.text.write_fmt(element);
    }
}

/// Place, size and corner radius of a rectangle.
#[derive(Clone, Copy)]
pub(crate) struct Area {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) rounding: f64,
}

/// About how wide a text of 12 units' size is, for leaving room: the digits of a wide sans-serif.
pub(crate) fn text_width(text: &str) -> f64 {
    text.chars().count() as f64 * 7.2
}

/// A text cut to `characters`, the last of them an ellipsis if anything is lost.
pub(crate) fn shortened(text: &str, characters: usize) -> String {
    if text.chars().count() <= characters {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(characters.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

fn escaped(text: &str) -> String {
    // `escape` cannot fail on text; an empty label is the worst that could come of it.
    escape(text, Html).map_or_else(|_| String::new(), |text| text.to_string())
}

/// A coordinate with a tenth of a unit, and none where there is none: short, and the same everywhere.
struct Coordinate(f64);

impl Display for Coordinate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0 * 10.0).round();
        if tenths % 10.0 == 0.0 {
            write!(f, "{}", (tenths / 10.0) as i64)
        } else {
            write!(f, "{:.1}", tenths / 10.0)
        }
    }
}
