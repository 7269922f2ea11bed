//! What is looked at in a query before Polars gets it.

use sqlparser::dialect::GenericDialect;
use sqlparser::tokenizer::{Token, Tokenizer};

use crate::Error;

/// Statements that polars would carry out on its copy of the tables, and that would seem to have worked.
const CHANGES: [&str; 7] = ["drop", "delete", "truncate", "insert", "update", "create", "alter"];

/// Words and signs of the longest query, values in lists aside. Polars goes into each term from the one before it, on
/// threads whose stacks are its own: `a || a || …` of 400 words and signs is more than they hold.
const MOST_TERMS: usize = 300;

/// A query as words and signs, without what stands in quotes or comments. Words are in small letters.
pub(crate) struct Statement {
    tokens: Vec<String>,
    /// Words as they were written.
    words: Vec<String>,
}

/// What was seen between two brackets.
#[derive(Default)]
struct Scope {
    /// Whether it is a select of its own.
    select: bool,
    over: bool,
    group: bool,
}

impl Statement {
    pub(crate) fn read(sql: &str) -> Self {
        let (mut tokens, mut words) = (Vec::new(), Vec::new());
        // What cannot be taken apart is left to Polars to refuse.
        for token in Tokenizer::new(&GenericDialect, sql).tokenize().unwrap_or_default() {
            match token {
                Token::Whitespace(_) | Token::SingleQuotedString(_) => {}
                Token::Word(word) => {
                    // In quotes it stands for a name, whatever it reads.
                    let quoted = word.quote_style.is_some();
                    tokens.push(if quoted { "\"".to_owned() } else { word.value.to_lowercase() });
                    words.push(word.value);
                }
                sign => tokens.push(sign.to_string()),
            }
        }
        Self { tokens, words }
    }

    /// Whether it asks which tables there are.
    pub(crate) fn asks_for_tables(&self) -> bool {
        let words: Vec<_> = self.tokens.iter().map(String::as_str).filter(|token| *token != ";").collect();
        words == ["show", "tables"]
    }

    /// The ways in which a name is written in it, whatever the case of its letters.
    pub(crate) fn spellings(&self, name: &str) -> Vec<&str> {
        let mut found: Vec<_> =
            self.words.iter().map(String::as_str).filter(|word| word.eq_ignore_ascii_case(name)).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Refuses what is too long: of a query, or a condition, as `what` says.
    pub(crate) fn check_length(&self, what: &'static str) -> Result<(), Error> {
        let is_term = |token: &&String| *token != "," && !token.starts_with(|c: char| c.is_ascii_digit());
        match self.tokens.iter().filter(is_term).count() {
            0..=MOST_TERMS => Ok(()),
            terms => {
                let reason = format!(
                    "it has {terms} words and signs, more than {MOST_TERMS}; compare with many values as in \
                     file_name in ('a.jpg', 'b.jpg'), of which there may be more"
                );
                Err(Error::Query { what, reason })
            }
        }
    }

    /// Refuses what would seem to work and does not.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let refused = |reason: String| Err(Error::Query { what: "query", reason });
        if let Some(change) =
            self.tokens.first().and_then(|word| CHANGES.iter().find(|change| *change == word))
        {
            return refused(format!("`{change}` changes tables, and these are only read; ask with `select`"));
        }
        if self.has_windows_over_groups() {
            return refused(
                "`over` and `group by` in one select are answered wrong; group in a select of its own: \
                 select …, sum(n) over () from (select …, count(*) as n from … group by …)"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// Whether a select has both. One in brackets is one of its own, as is one after `union` and its like.
    fn has_windows_over_groups(&self) -> bool {
        // For each open bracket, whether a select began there, and what was seen of it.
        let mut open = vec![Scope { select: true, ..Scope::default() }];
        let mut before = "";
        for (at, token) in self.tokens.iter().enumerate() {
            let next = self.tokens.get(at + 1).map_or("", String::as_str);
            if token == "(" {
                open.push(Scope { select: matches!(next, "select" | "with"), ..Scope::default() });
            } else if token == ")" && open.len() > 1 {
                open.pop();
            } else if let Some(scope) = open.iter_mut().rfind(|scope| scope.select) {
                match token.as_str() {
                    "union" | "intersect" | "except" => *scope = Scope { select: true, ..Scope::default() },
                    "over" if before == ")" => scope.over = true,
                    "group" if next == "by" => scope.group = true,
                    _ => {}
                }
                if scope.over && scope.group {
                    return true;
                }
            }
            before = token;
        }
        false
    }
}
