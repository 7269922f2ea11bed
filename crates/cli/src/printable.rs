//! Text that may come from anywhere, such as names of files, made safe to show.

use std::borrow::Cow;

/// The text with everything spelt out that would steer a terminal or turn the order of what follows: control characters
/// but for new lines and tabs, and the marks of writing direction.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match steers(c) {
            true => shown.extend(c.escape_unicode()),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

fn steers(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (c.is_control() && !matches!(c, '\n' | '\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        let cases = [
            ("Škoda Octavia\t2012\n", "Škoda Octavia\t2012\n"),
            ("\u{1b}]0;owned\u{7}.jpg", "\\u{1b}]0;owned\\u{7}.jpg"),
            ("a\rb\u{9b}2J\u{7f}", "a\\u{d}b\\u{9b}2J\\u{7f}"),
            ("car\u{202e}gpj.exe", "car\\u{202e}gpj.exe"),
        ];
        for (text, shown) in cases {
            assert_eq!(printable(text), shown);
        }
    }
}
