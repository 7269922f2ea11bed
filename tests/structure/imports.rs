//! Which files of a crate import which, read from their text: `use` declarations and paths that begin with `crate`,
//! `self` or `super`, followed through re-exports to the file that defines the name. Tests inside files do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The path of a module: `["nhwc", "pool"]`; empty for the crate's root.
type Module = Vec<String>;

/// The files of a crate by module.
pub(super) struct Files(BTreeMap<Module, File>);

struct File {
    /// Path below `src/`.
    name: String,
    imports: Vec<Import>,
    /// Paths in the code that begin with `crate`, `self` or `super`.
    paths: Vec<Vec<String>>,
    /// Names of the items that the file defines.
    items: BTreeSet<String>,
}

/// One name that a `use` declaration brings: `*` for all.
struct Import {
    name: String,
    path: Vec<String>,
}

impl Files {
    /// Reads all files below `src`.
    pub(super) fn read(src: &Path) -> Self {
        let (mut files, mut test_modules) = (BTreeMap::new(), BTreeSet::new());
        for path in super::rust_files(src) {
            let name = path.strip_prefix(src).unwrap().to_str().unwrap().to_owned();
            let mut module: Module = name.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
            if ["lib", "main", "mod"].contains(&module.last().unwrap().as_str()) {
                module.pop();
            }
            let mut reader = Reader { tokens: tokens(&std::fs::read_to_string(&path).unwrap()), at: 0 };
            let mut file = File { name, imports: Vec::new(), paths: Vec::new(), items: BTreeSet::new() };
            for child in reader.read_into(&mut file) {
                test_modules.insert([&module[..], &[child]].concat());
            }
            files.insert(module, file);
        }
        files.retain(|module, _| !test_modules.iter().any(|test| module.starts_with(test)));
        Self(files)
    }

    /// Groups of files that import one another, directly or through others. Between a module and those below it there
    /// may be imports both ways.
    pub(super) fn circles(&self) -> Vec<BTreeSet<String>> {
        let edges: BTreeMap<_, BTreeSet<_>> =
            self.0.iter().map(|(module, file)| (module, self.imported_by(module, file))).collect();
        let reachable = |from: &Module| {
            let (mut seen, mut next) = (BTreeSet::new(), vec![from.clone()]);
            while let Some(module) = next.pop() {
                next.extend(edges[&module].iter().filter(|to| seen.insert((*to).clone())).cloned());
            }
            seen
        };
        let reach: BTreeMap<_, _> = self.0.keys().map(|module| (module, reachable(module))).collect();
        let circle = |module: &Module| -> BTreeSet<String> {
            let members = reach[module].iter().filter(|other| reach[*other].contains(module));
            members.map(|member| self.0[member].name.clone()).collect()
        };
        let circles: BTreeSet<_> = self.0.keys().map(circle).filter(|circle| circle.len() > 1).collect();
        circles.into_iter().collect()
    }

    fn imported_by(&self, module: &Module, file: &File) -> BTreeSet<Module> {
        let paths = file.imports.iter().map(|import| &import.path).chain(&file.paths);
        let targets = paths.filter_map(|path| self.resolve(module, path, 0));
        targets.filter(|target| !target.starts_with(module) && !module.starts_with(target)).collect()
    }

    /// The module whose file defines what a path in the file of `from` names; `None` if that is in another crate.
    fn resolve(&self, from: &Module, path: &[String], depth: usize) -> Option<Module> {
        let mut at = from.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => {
                at.clear();
                rest = &path[1..];
            }
            "self" => rest = &path[1..],
            "super" => {}
            child if self.0.contains_key(&[&from[..], &[child.to_owned()]].concat()) => {}
            _ => return None,
        }
        while let Some((name, after)) = rest.split_first() {
            let child = [&at[..], std::slice::from_ref(name)].concat();
            if name == "super" {
                at.pop();
            } else if self.0.contains_key(&child) {
                at = child;
            } else {
                return Some(self.reexported(&at, name, after, depth).unwrap_or(at));
            }
            rest = after;
        }
        Some(at)
    }

    /// Where a name that the file of `at` imports is defined.
    fn reexported(&self, at: &Module, name: &str, after: &[String], depth: usize) -> Option<Module> {
        let file = self.0.get(at)?;
        if depth > 8 || file.items.contains(name) {
            return None;
        }
        let named = file.imports.iter().filter(|import| import.name == name && import.path != [name]);
        let mut named =
            named.filter_map(|import| self.resolve(at, &[&import.path[..], after].concat(), depth + 1));
        let globs = file.imports.iter().filter(|import| import.name == "*");
        let mut globs = globs.filter_map(|import| {
            let module = self.resolve(at, &import.path, depth + 1)?;
            let defines = self.0.get(&module)?.items.contains(name);
            if defines { Some(module) } else { self.reexported(&module, name, after, depth + 1) }
        });
        named.next().or_else(|| globs.next())
    }
}

/// Goes through the tokens of a file.
struct Reader {
    tokens: Vec<String>,
    at: usize,
}

impl Reader {
    fn peek(&self, ahead: usize) -> &str {
        self.tokens.get(self.at + ahead).map_or("", String::as_str)
    }

    fn next(&mut self) -> String {
        self.at += 1;
        self.tokens[self.at - 1].clone()
    }

    /// Fills a file's imports, paths and items. Gives the names of modules in other files that are for tests alone.
    fn read_into(&mut self, file: &mut File) -> Vec<String> {
        let mut test_modules = Vec::new();
        while self.at < self.tokens.len() {
            if ["#", "[", "cfg", "(", "test", ")", "]"].iter().enumerate().all(|(i, t)| self.peek(i) == *t) {
                self.at += 7;
                if self.peek(0) == "mod" && self.peek(2) == ";" {
                    test_modules.push(self.peek(1).to_owned());
                }
                self.skip_item();
                continue;
            }
            match self.next().as_str() {
                "use" if self.peek(0) != "<" => self.read_use(&[], &mut file.imports),
                "fn" | "struct" | "enum" | "trait" | "const" | "static" | "type" | "union" => {
                    file.items.insert(self.peek(0).to_owned());
                }
                first @ ("crate" | "self" | "super") if self.peek(0) == "::" => {
                    let mut path = vec![first.to_owned()];
                    while self.peek(0) == "::" && is_word(self.peek(1)) {
                        self.at += 1;
                        path.push(self.next());
                    }
                    file.paths.push(path);
                }
                _ => {}
            }
        }
        test_modules
    }

    /// Reads a tree of a `use` declaration: `a::b`, `a::{b, c as d}`, `a::*`.
    fn read_use(&mut self, prefix: &[String], imports: &mut Vec<Import>) {
        let mut path = prefix.to_vec();
        loop {
            match self.next().as_str() {
                "::" => {}
                "{" => {
                    while self.peek(0) != "}" {
                        self.read_use(&path, imports);
                        self.at += usize::from(self.peek(0) == ",");
                    }
                    self.at += 1;
                    return;
                }
                "*" => return imports.push(Import { name: "*".to_owned(), path }),
                word => path.push(word.to_owned()),
            }
            if self.peek(0) == "as" {
                self.at += 1;
                let name = self.next();
                return imports.push(Import { name, path });
            }
            if [";", ",", "}"].contains(&self.peek(0)) {
                path.pop_if(|last| last == "self");
                let name = path.last().cloned().unwrap_or_default();
                return imports.push(Import { name, path });
            }
        }
    }

    /// Skips to the end of an item: its semicolon or its closing brace.
    fn skip_item(&mut self) {
        let mut depth = 0;
        while self.at < self.tokens.len() {
            match self.next().as_str() {
                "{" => depth += 1,
                "}" if depth == 1 => return,
                "}" => depth -= 1,
                ";" if depth == 0 => return,
                _ => {}
            }
        }
    }
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// Words, `::` and single characters, without comments and literals.
fn tokens(source: &str) -> Vec<String> {
    let (bytes, mut at, mut tokens) = (source.as_bytes(), 0, Vec::new());
    let find =
        |what: &str, from: usize| source[from..].find(what).map_or(bytes.len(), |i| from + i + what.len());
    while at < bytes.len() {
        let (byte, rest) = (bytes[at], &source[at..]);
        let word = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        let hashes = rest[word..].bytes().take_while(|b| *b == b'#').count();
        if rest.starts_with("//") {
            at = find("\n", at);
        } else if rest.starts_with("/*") {
            at = find("*/", at);
        } else if ["r", "br"].contains(&&rest[..word]) && rest[word + hashes..].starts_with('"') {
            at = find(&format!("\"{}", "#".repeat(hashes)), at + word + hashes + 1);
        } else if word > 0 {
            tokens.push(rest[..word].to_owned());
            at += word;
        } else if byte == b'"' {
            at += 1;
            while bytes[at] != b'"' {
                at += 1 + usize::from(bytes[at] == b'\\');
            }
            at += 1;
        } else if byte == b'\'' && (bytes[at + 1] == b'\\' || rest.chars().nth(2) == Some('\'')) {
            let quoted = rest.chars().nth(1).map_or(1, char::len_utf8);
            at = find("'", at + 1 + quoted + usize::from(bytes[at + 1] == b'\\'));
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            at += 2;
        } else {
            if byte.is_ascii_punctuation() {
                tokens.push((byte as char).to_string());
            }
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    tokens
}

/// What it shows, the files with their text, and the circles among them.
type Case = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static [&'static str]]);

#[test]
fn circles_are_found_through_reexports_and_paths_in_code() {
    let cases: [Case; 6] = [
        ("direct", &[("a.rs", "use crate::b::B;"), ("b.rs", "use super::a::A;")], &[&["a.rs", "b.rs"]]),
        (
            "through the root's re-export, and under another name",
            &[
                ("lib.rs", "mod a; mod b; pub use a::A; pub use b::{B as Bee, C};"),
                ("a.rs", "use crate::{C, Bee}; pub struct A;"),
                ("b.rs", "fn f() -> crate::A { todo!() }"),
            ],
            &[&["a.rs", "b.rs"]],
        ),
        (
            "through a third and a glob",
            &[
                ("lib.rs", "pub use c::*;"),
                ("a.rs", "use crate::b::{self, x};"),
                ("b.rs", "use crate::C;"),
                ("c.rs", "pub struct C; fn f() { crate::a::f(); }"),
            ],
            &[&["a.rs", "b.rs", "c.rs"]],
        ),
        (
            "parents and children are no circle",
            &[("a/mod.rs", "mod b; use b::B;"), ("a/b.rs", "use super::A; use crate::a::A;")],
            &[],
        ),
        (
            "tests, comments and literals do not count",
            &[
                ("a.rs", "use crate::b::B; #[cfg(test)] mod tests { use crate::c::C; }"),
                ("b.rs", "// use crate::a::A;\nconst T: (&str, char) = (\"use crate::a::A;\", '\"');"),
                ("c.rs", "use crate::a::A; #[cfg(test)] mod d;"),
                ("c/d.rs", "use crate::b::B;"),
            ],
            &[],
        ),
        (
            "two circles",
            &[
                ("a.rs", "use crate::b::B;"),
                ("b.rs", "use crate::a::A;"),
                ("c.rs", "use crate::d::D; use crate::a::A;"),
                ("d.rs", "use crate::c::C;"),
            ],
            &[&["a.rs", "b.rs"], &["c.rs", "d.rs"]],
        ),
    ];
    for (what, files, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("lib.rs"), "").unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let expected: Vec<BTreeSet<_>> =
            expected.iter().map(|circle| circle.iter().map(|name| (*name).to_owned()).collect()).collect();
        assert_eq!(Files::read(folder.path()).circles(), expected, "{what}");
    }
}
