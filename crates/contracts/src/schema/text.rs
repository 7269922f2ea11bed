//! The normal form of text from users.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Code points with the property `Default_Ignorable_Code_Point` (Unicode 16, DerivedCoreProperties.txt): zero-width
/// characters, controls of the writing direction, soft hyphens, variation selectors, tags.
const IGNORABLE: [(char, char); 17] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fff8}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// The normal form of a class name, a tag, a keyword, a column name or any word that is compared with such: composed
/// (Unicode's NFC), without white space around it, with one space for each white space inside, and without characters
/// that nobody sees. Every such text goes through here where it enters, from an annotation file, a table or the
/// configuration, so that what looks alike is alike.
///
/// ```
/// use marque_contracts::schema::normalised;
///
/// assert_eq!(normalised(" Citroe\u{308}n\u{a0} C3\u{200b}"), "Citroën C3");
/// ```
pub fn normalised(text: &str) -> Cow<'_, str> {
    let trimmed = text.trim();
    let plain = trimmed.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if plain && !trimmed.contains("  ") {
        return Cow::Borrowed(trimmed);
    }
    let seen: String = text.chars().filter(|c| !is_invisible(*c)).nfc().collect();
    Cow::Owned(seen.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A name in lower case, without accents, and in ordinary width: for pointing out names that are likely meant to be the
/// same. They are not taken for the same.
pub fn folded(name: &str) -> String {
    name.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

/// Whether a character leaves no trace on a page, and is no white space: one that can be ignored, or a control.
fn is_invisible(c: char) -> bool {
    let ignorable = IGNORABLE.iter().any(|(first, last)| (*first..=*last).contains(&c));
    ignorable || (c.is_control() && !c.is_whitespace())
}

/// Names as they are spelled, by their normal form: for telling where that joins spellings, or leaves characters out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Spellings(BTreeMap<String, BTreeSet<String>>);

impl Spellings {
    /// Notes one spelling. White space around it does not count.
    pub fn add(&mut self, text: &str) {
        let text = text.trim();
        self.0.entry(normalised(text).into_owned()).or_default().insert(text.to_owned());
    }

    /// What is worth a warning, a sentence for each name, sorted.
    pub fn joined(&self) -> impl Iterator<Item = String> {
        self.0.iter().filter_map(|(normal, spellings)| {
            let escaped: Vec<_> = spellings.iter().map(|text| escaped(text)).collect();
            let hidden = || spellings.iter().find(|text| text.chars().any(is_invisible));
            match escaped.as_slice() {
                [_] => hidden().map(|text| {
                    format!(
                        "\"{}\" has characters that are not seen: they are left out, and it is taken for `{normal}`",
                        self::escaped(text)
                    )
                }),
                several => Some(format!(
                    "`{normal}` is spelled in {} ways that look alike and are taken for the same: \"{}\"",
                    several.len(),
                    several.join("\", \"")
                )),
            }
        })
    }
}

/// Text with an escape for each character that is not ASCII, so that spellings can be told apart.
fn escaped(text: &str) -> String {
    let character = |c: char| {
        if c.is_ascii_graphic() || c == ' ' { c.to_string() } else { c.escape_unicode().to_string() }
    };
    text.chars().map(character).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_that_look_alike_have_one_normal_form() {
        let cases = [
            ("BMW", "BMW"),
            (" BMW\t", "BMW"),
            ("BMW  X5", "BMW X5"),
            ("BMW\u{a0}X5", "BMW X5"),
            ("BMW\u{3000}\u{2009}X5", "BMW X5"),
            ("BMW\r\nX5", "BMW X5"),
            ("\u{feff}BMW", "BMW"),
            ("BM\u{200b}W\u{2060}", "BMW"),
            ("\u{202e}BMW\u{202c}\u{200f}", "BMW"),
            ("\u{2067}BMW\u{2069}", "BMW"),
            ("BM\u{ad}W", "BMW"),
            ("\u{7}BMW\0", "BMW"),
            ("Citroe\u{308}n", "Citroën"),
            ("Citroe\u{200d}\u{308}n", "Citroën"),
            ("Škoda", "S\u{30c}koda"),
            ("\u{212b}", "Å"),
            ("\u{200b} \u{a0}", ""),
            ("", ""),
        ];
        for (text, normal) in cases {
            assert_eq!(normalised(text), normalised(normal), "{text:?}");
            assert_eq!(normalised(&normalised(text)), normalised(text), "{text:?}");
        }
        assert_eq!(normalised("S\u{30c}koda"), "\u{160}koda");
        // Letter case, width and marks that are seen count.
        for (one, other) in [("BMW", "bmw"), ("BMW", "ＢＭＷ"), ("Citroën", "Citroen")] {
            assert_ne!(normalised(one), normalised(other));
            assert_eq!(folded(one), folded(other));
        }
        assert_ne!(folded("X 5"), folded("X5"));
    }

    #[test]
    fn joined_spellings_and_characters_left_out_are_told() {
        let mut spellings = Spellings::default();
        for text in ["Citroën", "Citroe\u{308}n", "BMW", " BMW ", "Audi\u{200b}", "Bad  Ems"] {
            spellings.add(text);
        }
        let told: Vec<_> = spellings.joined().collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("\"Audi\\u{200b}\" has characters that are not seen"), "{told:?}");
        assert!(told[1].starts_with("`Citroën` is spelled in 2 ways"), "{told:?}");
        assert!(told[1].contains("\"Citroe\\u{308}n\", \"Citro\\u{eb}n\""), "{told:?}");
    }
}
