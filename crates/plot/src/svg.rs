//! SVG elements.

use std::fmt::{self, Display, Write};

/// The style sheet of a drawing that stands alone, on white.
const STYLE: &str = "text{font:12px sans-serif;fill:#333}.middle{text-anchor:middle}.end{text-anchor:end}\
    .grid{stroke:#e5e5e5}.curve{fill:none;stroke:#1f5fa8;stroke-width:2}circle.curve{fill:#1f5fa8}.point{fill:#9bb7d4}\
    .best{stroke:#c0392b;stroke-dasharray:5 4}.value{fill:#c0392b}";

/// An SVG drawing; elements are added on top of those before.
#[derive(Debug)]
pub struct Svg {
    text: String,
}

impl Svg {
    /// A drawing of `width` × `height` units for an HTML page with a style sheet, announced to screen readers as
    /// `label`.
    pub fn new(class: &str, width: f64, height: f64, label: &str) -> Self {
        let (width, height) = (Coordinate(width), Coordinate(height));
        let text = format!(
            "<svg class=\"{class}\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             role=\"img\" aria-label=\"{}\">",
            escaped(label)
        );
        Self { text }
    }

    /// As [`Svg::new`], for a file of its own: with a style sheet, on white.
    pub fn standalone(width: f64, height: f64, label: &str) -> Self {
        let Self { text } = Self::new("chart", width, height, label);
        let text = text.replacen("<svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"", 1);
        let back = "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>";
        Self { text: format!("{text}<style>{STYLE}</style>{back}") }
    }

    /// A straight line.
    pub fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        self.add(format_args!(
            "<line class=\"{class}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>",
            Coordinate(x1),
            Coordinate(y1),
            Coordinate(x2),
            Coordinate(y2)
        ));
    }

    /// A line through points; nothing for fewer than two.
    pub fn polyline(&mut self, class: &str, points: &[(f64, f64)]) {
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
    pub fn dot(&mut self, class: &str, (x, y): (f64, f64), radius: f64, tip: &str) {
        self.add(format_args!(
            "<circle class=\"{class}\" cx=\"{}\" cy=\"{}\" r=\"{}\"><title>{}</title></circle>",
            Coordinate(x),
            Coordinate(y),
            Coordinate(radius),
            escaped(tip)
        ));
    }

    /// A rectangle with rounded corners, of some opacity from 0 to 1, that tells `tip` when pointed at.
    pub fn rectangle(&mut self, class: &str, area: Area, opacity: f64, tip: &str) {
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
    pub fn text(&mut self, class: &str, (x, y): (f64, f64), text: impl Display) {
        self.add(format_args!(
            "<text class=\"{class}\" x=\"{}\" y=\"{}\">{}</text>",
            Coordinate(x),
            Coordinate(y),
            escaped(&text.to_string())
        ));
    }

    /// Text that rises to the right from a point, by `degrees`.
    pub fn slanted_text(&mut self, class: &str, (x, y): (f64, f64), degrees: f64, text: &str) {
        let (x, y) = (Coordinate(x), Coordinate(y));
        self.add(format_args!(
            "<text class=\"{class}\" transform=\"translate({x} {y}) rotate({})\">{}</text>",
            Coordinate(-degrees),
            escaped(text)
        ));
    }

    /// The drawing as text.
    pub fn finish(mut self) -> String {
        self.text.push_str("</svg>");
        self.text
    }

    fn add(&mut self, element: fmt::Arguments<'_>) {
        // Writing into a String cannot fail.
        let _ = self.text.write_fmt(element);
    }
}

/// A rectangle with rounded corners.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Area {
    /// Left end.
    pub x: f64,
    /// Top end.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
    /// Radius of the corners.
    pub rounding: f64,
}

/// Estimated width of a text at a font size of 12 units, by the advance of a digit in a wide sans-serif.
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

/// Text for an element or an attribute in quotes, of HTML as of XML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' | '>' | '&' | '"' | '\'' => escaped += &format!("&#{};", character as u32),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A coordinate rounded to a tenth of a unit, without a decimal if it is whole.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_coordinates_are_short() {
        let mut svg = Svg::new("chart", 300.0, 19.96, "<a & 'b'>");
        svg.text("tick", (0.04, -7.25), "\"");
        let expected = "<svg class=\"chart\" width=\"300\" height=\"20\" viewBox=\"0 0 300 20\" role=\"img\" \
             aria-label=\"&#60;a &#38; &#39;b&#39;&#62;\"><text class=\"tick\" x=\"0\" y=\"-7.3\">&#34;</text></svg>";
        assert_eq!(svg.finish(), expected);
    }

    #[test]
    fn long_names_end_in_an_ellipsis() {
        assert_eq!(shortened("Chevrolet", 9), "Chevrolet");
        assert_eq!(shortened("Aston Martin", 7), "Aston…");
    }
}
