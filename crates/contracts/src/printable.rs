//! Text that came from outside, made fit to be shown.

use std::borrow::Cow;

/// The text with every character that would act on what shows it written as its code, `\u001b`: control characters, of
/// which terminals take orders, but for ends of lines and tabs; and those that turn the direction of what stands around
/// them, by which names of files pretend to be others. JSON and TOML have the same form for them, so that both stay what
/// they are.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match acts(c) {
            // All of them are in the basic plane: four digits.
            true => shown.push_str(&format!("\\u{:04x}", u32::from(c))),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Whether a character acts instead of being seen: Unicode's category Cc, and its bidirectional controls (UAX #9, 2.7).
fn acts(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\t'
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_shown_and_all_else_stays() {
        for (text, shown) in [
            ("Renault Mégane\t5\nسيارة", "Renault Mégane\t5\nسيارة"),
            ("\u{1b}[31mred\u{7}", "\\u001b[31mred\\u0007"),
            ("gpj.\u{202e}exe", "gpj.\\u202eexe"),
            ("a\u{2066}b\u{2069}\u{200f}", "a\\u2066b\\u2069\\u200f"),
            ("\r\u{9b}", "\\u000d\\u009b"),
        ] {
            assert_eq!(printable(text), shown);
        }
    }

    #[test]
    fn json_is_the_same_value_as_before() {
        let value = serde_json::json!({ "file_name": "\u{202e}gpj.exe", "tab": "\t\n\u{1}" });
        let text = printable(&value.to_string()).into_owned();
        assert!(!text.contains('\u{202e}'));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
