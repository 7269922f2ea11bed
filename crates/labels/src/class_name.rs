//! Class names of the form "Make Model Body Year".

use marque_contracts::schema::model_year;

/// Makes of several words. Any other make is the first word of the name.
const LONG_MAKES: [&str; 9] = [
    "AM General",
    "Alfa Romeo",
    "Aston Martin",
    "De Tomaso",
    "Great Wall",
    "Land Rover",
    "Mercedes Benz",
    "Rolls Royce",
    "Shelby American",
];

/// Body styles; of two that match at the same word, the one of more words comes first.
const BODIES: [&str; 16] = [
    "Club Cab",
    "Crew Cab",
    "Double Cab",
    "Extended Cab",
    "King Cab",
    "Quad Cab",
    "Regular Cab",
    "Convertible",
    "Coupe",
    "Hatchback",
    "Minivan",
    "Sedan",
    "SuperCab",
    "SUV",
    "Van",
    "Wagon",
];

/// A class name in its parts.
///
/// ```
/// use marque_labels::ClassName;
///
/// let name = ClassName::parse("Aston Martin V8 Vantage Convertible 2012");
/// assert_eq!(name.make.as_deref(), Some("Aston Martin"));
/// assert_eq!(name.model.as_deref(), Some("V8 Vantage"));
/// assert_eq!(name.body.as_deref(), Some("Convertible"));
/// assert_eq!(name.year, Some(2012));
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ClassName {
    /// The name as published.
    pub text: String,
    /// The first word, or the longest known make that the name starts with.
    pub make: Option<String>,
    /// What is neither make nor body nor year.
    pub model: Option<String>,
    /// The last body style in the name. Some names have none: "Acura TL Type-S 2008".
    pub body: Option<String>,
    /// The last word, if it is one of [`MODEL_YEARS`](marque_contracts::schema::MODEL_YEARS).
    pub year: Option<i64>,
}

impl ClassName {
    /// Parses a name. Every text can be parsed; a part that it does not have is `None`.
    pub fn parse(text: &str) -> Self {
        let mut words: Vec<&str> = text.split_whitespace().collect();
        let year = words.last().and_then(|word| parse_year(word));
        if year.is_some() {
            words.pop();
        }
        let make = words.drain(..make_length(&words)).collect::<Vec<_>>();
        let body = find_body(&words).map_or(Vec::new(), |place| words.drain(place).collect());
        Self { text: text.to_owned(), make: joined(&make), model: joined(&words), body: joined(&body), year }
    }
}

fn parse_year(word: &str) -> Option<i64> {
    let four_digits = word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit());
    four_digits.then(|| model_year(word)).flatten()
}

fn make_length(words: &[&str]) -> usize {
    let known = LONG_MAKES.iter().filter(|make| starts_with(words, make));
    let longest = known.map(|make| make.split(' ').count()).max();
    longest.unwrap_or(1).min(words.len())
}

fn find_body(words: &[&str]) -> Option<std::ops::Range<usize>> {
    (0..words.len()).rev().find_map(|start| {
        let body = BODIES.iter().find(|body| starts_with(&words[start..], body))?;
        Some(start..start + body.split(' ').count())
    })
}

fn starts_with(words: &[&str], phrase: &str) -> bool {
    let phrase = phrase.split(' ');
    phrase.clone().count() <= words.len() && phrase.zip(words).all(|(a, b)| a.eq_ignore_ascii_case(b))
}

fn joined(words: &[&str]) -> Option<String> {
    (!words.is_empty()).then(|| words.join(" "))
}
