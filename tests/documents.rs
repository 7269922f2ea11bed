//! The documents are true: their commands run, and the messages that they explain exist.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::project::{PIPELINE, Project};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

/// The lines of a page's console blocks that call the program.
fn commands(page: &str) -> Vec<&str> {
    let blocks = page.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("$ "))
        .filter(|line| line.starts_with("marque "))
        // Photos of one's own are in other tests: tests/init.rs.
        .filter(|line| !line.starts_with("marque init "))
        .collect()
}

/// Runs each command of a page, one after the other, in a project whose pipeline has run.
fn run_commands(name: &str) {
    let (page, project) = (page(name), Project::finished());
    std::fs::copy(project.path("data/ingest/current/photos/cars_test/00001.jpg"), project.path("new.jpg"))
        .unwrap();
    let commands = commands(&page);
    assert!(commands.len() > 1, "{name} has commands");
    let program = Path::new(env!("CARGO_BIN_EXE_marque")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    for command in commands {
        let called = project.shell(command).env("PATH", &path).stdin(Stdio::null()).output().unwrap();
        let told = String::from_utf8_lossy(&called.stderr);
        assert!(called.status.success(), "{name}: `{command}` ends with {}:\n{told}", called.status);
    }
}

#[test]
fn the_commands_of_the_readme_run() {
    run_commands("README.md");
}

#[test]
fn the_commands_of_the_page_on_commands_run() {
    run_commands("docs/commands.md");
}

#[test]
fn the_commands_of_the_page_on_concepts_run() {
    run_commands("docs/concepts.md");
}

#[test]
fn the_configurations_of_the_pages_are_understood() {
    let project = Project::new("");
    for name in ["README.md", "docs/concepts.md", "docs/choosing.md"] {
        let page = page(name);
        for block in page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            // A head that a block gives settings to may be declared in another.
            let heads: String = ["brand", "type", "era", "extras"]
                .iter()
                .filter(|head| !block.contains(&format!("name = \"{head}\"")))
                .map(|head| format!("[[heads]]\nname = \"{head}\"\nrule = \"column\"\n"))
                .collect();
            std::fs::write(project.path("pipeline.toml"), format!("{block}\n{heads}")).unwrap();
            let called = project.call(&["status"]);
            assert_ne!(called.code, Some(3), "{name}:\n{block}\n{}", called.stderr);
        }
    }
}

#[test]
fn the_columns_of_the_tables_are_those_described() {
    let extras =
        "[[heads]]\nname = \"extras\"\nrule = \"keyword\"\nkind = \"tags\"\nclasses = [\"Cab\", \"SUV\"]\n";
    let (page, project) = (page("docs/artifacts.md"), Project::new(&format!("{PIPELINE}\n{extras}")));
    project.call(&["run", "--set", "evaluate.features=true"]).succeeded();
    let (single, tags) = (["brand", "type", "era"], ["extras"]);
    for section in page.split("\n### ").skip(1) {
        let (name, text) = section.split_once(".parquet\n").unwrap();
        let text = text.split("\n## ").next().unwrap();
        let described: Vec<(&str, &str)> =
            text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).collect();
        if described.is_empty() {
            continue; // Described in words.
        }
        let mut described: Vec<String> = described
            .iter()
            .flat_map(|(column, meaning)| {
                let only_tags = meaning.contains("only of a head with tags");
                let heads = single.iter().filter(|_| !only_tags).chain(&tags);
                match column.contains("HEAD") {
                    true => heads.map(|head| column.replace("HEAD", head)).collect(),
                    false => vec![(*column).to_owned()],
                }
            })
            .collect();
        let called = project.call(&["sql", &format!("select * from {name} limit 0")]).succeeded();
        let mut there: Vec<String> = called.stdout.split_whitespace().map(str::to_owned).collect();
        described.sort();
        there.sort();
        assert_eq!(described, there, "{name}");
    }
}

#[test]
fn the_messages_that_are_explained_exist() {
    let page = page("docs/troubleshooting.md");
    let explained: Vec<_> =
        page.lines().filter_map(|line| line.strip_prefix("**`")?.split("`**").next()).collect();
    assert!(explained.len() > 5, "{explained:?}");
    let sources: String =
        sources(&root().join("crates")).iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    for message in explained {
        let in_code = message.replace("a known key", "a known");
        assert!(sources.contains(&in_code), "no source says {message:?}");
    }
}

/// All Rust files of the crates' own code.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("tests") {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn links_between_the_pages_lead_somewhere() {
    let pages = std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = pages.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    for path in pages.chain(["README.md", "ARCHITECTURE.md", "data/README.md"].map(|name| root().join(name)))
    {
        let text = std::fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            if link.is_empty() || link.contains("://") {
                continue;
            }
            assert!(path.with_file_name(link).exists(), "{} links to {link}", path.display());
        }
    }
}
