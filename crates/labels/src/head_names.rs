//! Names of heads that cannot stand beside each other: tables and graphs further on have columns and an output for each,
//! and would have one twice.

use marque_contracts::schema::{PredictionColumns, model};
use marque_formats::LabelTable;
use marque_settings::Section;

/// Notes a problem if a head of this name cannot stand beside `others`, those declared before it.
pub(crate) fn check(section: &mut Section<'_>, name: &str, others: &[String]) {
    if name.is_empty() || others.iter().any(|other| other == name) {
        return; // That is a problem of its own.
    }
    if name == model::INPUT {
        section
            .problem("name", format!("{name:?} is what ONNX files call their input: give the head another"));
    }
    // The label table has the others too, and says so.
    if PredictionColumns::FIXED.contains(&name) && !LabelTable::FIXED_COLUMNS.contains(&name) {
        section.problem(
            "name",
            format!("{name:?} is a column of the table of predictions: give the head another"),
        );
    }
    let own = columns(name);
    let shared = others.iter().find_map(|other| {
        let theirs = columns(other);
        own.iter().find(|column| theirs.contains(column)).map(|column| (other, column))
    });
    if let Some((other, column)) = shared {
        section.problem(
            "name",
            format!(
                "{name:?} would give the table of predictions a second column `{column}`, which the head `{other}` has: \
                 give one of them another name"
            ),
        );
    }
}

fn columns(name: &str) -> Vec<String> {
    PredictionColumns::of(name).names().map(str::to_owned).collect()
}
