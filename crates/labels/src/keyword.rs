//! Finding keywords in class names, by whole words or as the article does.

use crate::NameMatching;

/// A word that counts as a keyword, unless it is a keyword itself.
const SYNONYMS: [(&str, &str); 1] = [("Minivan", "Van")];

/// A keyword found in a name.
pub(crate) struct Found {
    /// Position of the keyword in the list.
    pub(crate) keyword: usize,
    /// The words of the name that matched, if they are not the keyword's own.
    pub(crate) synonym: Option<&'static str>,
}

/// The last of the keywords in a name, by whole words and whatever their case; of two that end at the same
/// word, the longer one; ties go to the first keyword. The body style stands near the end of a name, so the last match is it:
/// "Phantom Drophead Coupe Convertible" is a convertible.
pub(crate) fn last_word_match(name: &str, keywords: &[String]) -> Option<Found> {
    let name = words(name);
    let own = keywords.iter().enumerate().map(|(keyword, text)| (keyword, text.as_str(), None));
    let synonyms = SYNONYMS.iter().filter_map(|(synonym, meant)| {
        let position = |text: &str| keywords.iter().position(|k| k.eq_ignore_ascii_case(text));
        let keyword = position(meant)?;
        position(synonym).is_none().then_some((keyword, *synonym, Some(*synonym)))
    });
    own.chain(synonyms)
        .filter_map(|(keyword, text, synonym)| {
            let phrase = words(text);
            let end = last_end(&name, &phrase)?;
            Some(((end, phrase.len()), Found { keyword, synonym }))
        })
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, found)| found)
}

/// The article's way: the last keyword of the list that is anywhere in the name, case counting.
pub(crate) fn last_substring_match(name: &str, keywords: &[String]) -> Option<usize> {
    keywords.iter().rposition(|keyword| name.contains(keyword.as_str()))
}

/// All keywords in a name, ascending: for tags.
pub(crate) fn all_matches(name: &str, keywords: &[String], matching: NameMatching) -> Vec<usize> {
    let found = |keyword: &usize| {
        let alone = std::slice::from_ref(&keywords[*keyword]);
        match matching {
            NameMatching::Article => last_substring_match(name, alone).is_some(),
            NameMatching::Words => match last_word_match(name, alone) {
                // A synonym that is a keyword itself stands for itself only.
                Some(Found { synonym: Some(synonym), .. }) => {
                    !keywords.iter().any(|k| k.eq_ignore_ascii_case(synonym))
                }
                found => found.is_some(),
            },
        }
    };
    (0..keywords.len()).filter(found).collect()
}

/// Why the two ways differ on a name.
pub(crate) fn explain(name: &str, keywords: &[String]) -> String {
    let whole = last_word_match(name, keywords);
    let part = last_substring_match(name, keywords);
    let text = |keyword: usize| keywords.get(keyword).map_or("", String::as_str);
    match (whole, part) {
        (Some(Found { keyword, synonym: Some(synonym) }), _) => {
            format!("`{synonym}` counts as `{}`, which the article does not find in it", text(keyword))
        }
        (Some(whole), Some(part)) if last_end(&words(name), &words(text(part))).is_some() => {
            format!("`{}` comes after `{}` in the name", text(whole.keyword), text(part))
        }
        (Some(whole), None) => format!("`{}` is written in other letter case", text(whole.keyword)),
        (_, Some(part)) => {
            let within = name.split_whitespace().find(|word| word.contains(text(part)));
            format!("`{}` is only a part of `{}`", text(part), within.unwrap_or(name))
        }
        (None, None) => "no keyword is in the name".to_owned(),
    }
}

/// Runs of letters and digits, in lower case.
fn words(text: &str) -> Vec<String> {
    let runs = text.split(|c: char| !c.is_alphanumeric());
    runs.filter(|run| !run.is_empty()).map(str::to_lowercase).collect()
}

/// Where the last occurrence of `phrase` in `name` ends.
fn last_end(name: &[String], phrase: &[String]) -> Option<usize> {
    if phrase.is_empty() {
        return None;
    }
    name.windows(phrase.len()).rposition(|window| window == phrase).map(|start| start + phrase.len())
}
