//! Any text as a configuration: reading it returns, whatever is asked of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use marque_settings::{Document, Reader};

fuzz_target!(|text: &str| {
    let Ok(document) = Document::parse("pipeline.toml", text) else { return };
    let mut reader = Reader::new(&document);
    reader.section("train", &["train"], "of every type of key", |section| {
        section.key("epochs", "a count").count(10, 1..=100);
        section.key("rate", "a number").number(0.1, 0.0..=1.0);
        section.key("mean", "numbers").numbers([0.5; 3], 0.0..=1.0);
        section.key("flip", "a flag").flag(true);
        section.key("weights", "a path").optional_path("none");
        section.key("classes", "texts").optional_texts("none");
        section.key("resize", "pairs").optional_pairs("none", [1..=10, 16..=64]);
        section.tables("heads", "tables by name", |section| section.key("name", "text").text("x"));
    });
    if let Err(problems) = reader.finish() {
        assert!(!problems.to_string().is_empty());
    }
});
