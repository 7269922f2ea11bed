//! `section.key=value`, alone or several in a line.

/// A change of the configuration: where, and what to.
pub(crate) struct Pair<'a> {
    /// The parts of the key: at least a section and a key in it.
    pub(crate) key: Vec<&'a str>,
    /// The value, without spaces around it.
    pub(crate) value: &'a str,
}

impl<'a> Pair<'a> {
    /// Reads one pair.
    ///
    /// # Errors
    /// What to do about it.
    pub(crate) fn read(pair: &'a str) -> Result<Self, &'static str> {
        let (key, value) = pair.split_once('=').ok_or("write it as section.key=value")?;
        let key: Vec<&str> = key.trim().split('.').collect();
        if key.len() < 2 || key.iter().any(|part| part.is_empty()) {
            return Err("the key must name a section and a key in it, as in train.epochs=3");
        }
        Ok(Self { key, value: value.trim() })
    }
}

/// Cuts a line of `section.key=value` pairs, as `make` passes them on, into pairs, each as it was written. A pair ends
/// where the next key begins, so that values may hold spaces; within quotes and brackets that close again no key begins.
pub fn pairs(line: &str) -> Vec<String> {
    let mut starts = Vec::new();
    let mut at = 0;
    while let Some(start) = next_word(line, at) {
        let word = line[start..].split(char::is_whitespace).next().unwrap_or_default();
        match word.split_once('=').filter(|_| begins_with_key(word)) {
            Some((key, _)) => {
                starts.push(start);
                let value = start + key.len() + 1;
                at = closed(&line[value..]).map_or(start + word.len(), |length| value + length);
            }
            None => at = start + word.len(),
        }
    }
    // What stands before the first key is a pair too, which is refused when it is read.
    if starts.first().is_none_or(|first| !line[..*first].trim().is_empty()) {
        starts.insert(0, 0);
    }
    let ends = starts.iter().skip(1).copied().chain([line.len()]);
    let cut = starts.iter().zip(ends).map(|(start, end)| line[*start..end].trim());
    cut.filter(|pair| !pair.is_empty()).map(str::to_owned).collect()
}

/// Where the next word from `at` on begins.
fn next_word(line: &str, at: usize) -> Option<usize> {
    let rest = line.get(at..)?;
    rest.find(|c: char| !c.is_whitespace()).map(|skipped| at + skipped)
}

/// Whether a word begins with a key of several parts and `=`.
fn begins_with_key(word: &str) -> bool {
    let of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    Pair::read(word).is_ok_and(|pair| pair.key.iter().all(|part| part.chars().all(of_name)))
}

/// The length of a value that begins with a quote or a bracket, up to its end; `None` if it begins otherwise or never
/// ends.
fn closed(value: &str) -> Option<usize> {
    let mut open = Vec::new();
    let mut escaped = false;
    for (at, c) in value.char_indices() {
        match (open.last().copied(), c) {
            (Some('"'), _) if escaped => escaped = false,
            (Some('"'), '\\') => escaped = true,
            (Some(quote @ ('"' | '\'')), _) if c == quote => _ = open.pop(),
            (Some('"' | '\''), _) => {}
            (_, '"' | '\'' | '[' | '{') => open.push(c),
            (Some('['), ']') | (Some('{'), '}') => _ = open.pop(),
            _ => {}
        }
        if open.is_empty() {
            // The first character opened nothing, or this one closed the last.
            return (at > 0).then_some(at + c.len_utf8());
        }
    }
    None
}
