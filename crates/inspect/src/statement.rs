//! What is looked at in a query before Polars gets it.

use crate::Error;

/// Statements that polars would carry out on its copy of the tables, and that would seem to have worked.
const CHANGES: [&str; 7] = ["drop", "delete", "truncate", "insert", "update", "create", "alter"];

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
        let mut rest = sql.char_indices().peekable();
        while let Some((at, c)) = rest.next() {
            match c {
                '\'' => while rest.next().is_some_and(|(_, c)| c != '\'') {},
                '"' | '`' => {
                    let start = at + 1;
                    let end = rest.find(|(_, other)| *other == c).map_or(sql.len(), |(end, _)| end);
                    words.push(sql[start..end].to_owned());
                    // It stands for a name, whatever it reads.
                    tokens.push("\"".to_owned());
                }
                '-' if sql[at..].starts_with("--") => while rest.next().is_some_and(|(_, c)| c != '\n') {},
                c if c.is_alphanumeric() || c == '_' => {
                    let mut end = at + c.len_utf8();
                    while let Some((at, c)) = rest.next_if(|(_, c)| c.is_alphanumeric() || *c == '_') {
                        end = at + c.len_utf8();
                    }
                    words.push(sql[at..end].to_owned());
                    tokens.push(sql[at..end].to_lowercase());
                }
                c if c.is_whitespace() => {}
                c => tokens.push(c.to_string()),
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
