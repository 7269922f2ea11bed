//! The heads that a data set proposes.

use marque_contracts::schema::{folded, model};
use marque_formats::{AnnotationTable, CellValue, LabelTable};
use marque_ingest::{SourceSettings, Survey};
use marque_labels::ClassName;

use super::columns::{Kind, Labels, Verdict, judge};

/// A head to be declared.
pub(super) struct ProposedHead {
    pub(super) name: String,
    /// Keys of its `[[heads]]` but the name, as TOML.
    pub(super) keys: Vec<(&'static str, String)>,
    /// What it is made of, in words.
    pub(super) from: String,
    pub(super) labels: Labels,
}

/// What the data set proposes.
#[derive(Default)]
pub(super) struct Proposal {
    pub(super) heads: Vec<ProposedHead>,
    /// Columns that make no head, with the reason.
    pub(super) others: Vec<(String, String)>,
}

/// Words for bodies that class names are looked through for.
const BODIES: [&str; 7] = ["Convertible", "Coupe", "SUV", "Van", "Sedan", "Hatchback", "Wagon"];

/// Share of class names that have to end in a year to be taken for names of models.
const MODELS: f64 = 0.8;

/// Columns of boxes by other names than marque's.
const BOXES: [&str; 12] =
    ["x1", "y1", "x2", "y2", "xmin", "ymin", "xmax", "ymax", "x_min", "y_min", "x_max", "y_max"];

/// The text as TOML.
pub(super) fn quoted(text: &str) -> String {
    // The escapes of JSON are TOML's too, which wants one more.
    serde_json::Value::from(text).to_string().replace('\x7f', "\\u007F")
}

/// Goes through class names and columns.
pub(super) fn propose(survey: &Survey) -> Proposal {
    let mut proposal = Proposal::default();
    if matches!(survey.source, SourceSettings::Published(_)) {
        return proposal;
    }
    let AnnotationTable { columns, rows } = &survey.annotations;
    for (position, column) in columns.iter().enumerate() {
        let cells: Vec<_> = rows.iter().map(|row| row.values.get(position)?.as_ref()).collect();
        if BOXES.contains(&folded(column).as_str()) {
            let why = "it looks like a side of a box: four columns bbox_x1, bbox_y1, bbox_x2, bbox_y2 are read as one";
            proposal.others.push((column.clone(), why.to_owned()));
            continue;
        }
        match judge(column, &cells) {
            Verdict::Head(labels) => proposal.add(column, column, labels),
            Verdict::None(why) => proposal.others.push((column.clone(), why)),
        }
    }
    let names: Vec<_> = rows.iter().map(|row| row.class_name.as_deref().map(CellValue::from)).collect();
    if names.iter().any(Option::is_some) {
        of_class_names(&names, &mut proposal);
    }
    proposal
}

/// Heads of class names: the names as they are, and their parts where they are names of models and no column of its own
/// says the same.
fn of_class_names(names: &[Option<CellValue>], proposal: &mut Proposal) {
    let cells: Vec<_> = names.iter().map(Option::as_ref).collect();
    let texts: Vec<&str> = names.iter().flatten().flat_map(|cell| cell.texts()).map(String::as_str).collect();
    let parsed: Vec<_> = texts.iter().map(|text| ClassName::parse(text)).collect();
    let models = parsed.iter().filter(|name| name.year.is_some()).count();
    if models as f64 >= MODELS * texts.len() as f64 {
        let part = |part: fn(&ClassName) -> Option<String>| -> Vec<_> {
            parsed.iter().map(|name| part(name).map(|text| CellValue::from(text.as_str()))).collect()
        };
        let makes = part(|name| name.make.clone());
        let makes = makes.iter().map(Option::as_ref).collect::<Vec<_>>();
        if let (false, Verdict::Head(labels)) = (proposal.has("brand"), judge("make", &makes)) {
            proposal.add_make(labels);
        }
        if !proposal.has("type") {
            proposal.add_bodies(&texts);
        }
        let years = part(|name| Some(name.year?.to_string()));
        let years = years.iter().map(Option::as_ref).collect::<Vec<_>>();
        if let (false, Verdict::Head(labels)) = (proposal.has("era"), judge("year", &years)) {
            proposal.add("era", "class_name", labels);
        }
    }
    match judge("class_name", &cells) {
        Verdict::Head(labels) => proposal.add("class", "class_name", labels),
        Verdict::None(why) => proposal.others.push(("class_name".to_owned(), why)),
    }
}

impl Proposal {
    /// Whether there is a head of this name.
    fn has(&self, name: &str) -> bool {
        self.heads.iter().any(|head| head.name == name)
    }

    fn add(&mut self, name: &str, column: &str, labels: Labels) {
        let mut keys = Vec::new();
        let from = match &labels.kind {
            Kind::Years { last } => {
                keys.extend([("rule", quoted("year")), ("breaks", format!("[{last}]"))]);
                if column == "class_name" { "years in class names" } else { "years" }.to_owned()
            }
            Kind::Classes { fewest, rest } => {
                keys.extend([("rule", quoted("column")), ("column", quoted(column))]);
                if let Some(rest) = rest {
                    keys.extend([("min_images", fewest.to_string()), ("other", quoted(rest))]);
                }
                format!("column {column}")
            }
            Kind::Tags { delimiter } => {
                keys.extend([
                    ("rule", quoted("column")),
                    ("column", quoted(column)),
                    ("kind", quoted("tags")),
                ]);
                if let Some(delimiter) = delimiter.filter(|delimiter| *delimiter != '|') {
                    keys.push(("delimiter", quoted(&delimiter.to_string())));
                }
                format!("column {column}")
            }
        };
        let wanted = match (&labels.kind, folded(name).as_str()) {
            (Kind::Years { .. }, _) => "era",
            // These are parts of class names, whose columns are there anyway.
            (_, "make") => "brand",
            (_, "body") => "type",
            _ => name,
        };
        let name = self.free_name(wanted);
        if keys.iter().any(|(key, value)| *key == "column" && *value == quoted(&name)) {
            keys.retain(|(key, _)| *key != "column");
        }
        self.heads.push(ProposedHead { name, keys, from, labels });
    }

    fn add_make(&mut self, labels: Labels) {
        let (fewest, rest) = match &labels.kind {
            Kind::Classes { fewest, rest: Some(rest) } => (*fewest, rest.clone()),
            // The rule wants a class for all others, even if there are none.
            _ => (1, "Other".to_owned()),
        };
        let keys =
            vec![("rule", quoted("make")), ("min_images", fewest.to_string()), ("other", quoted(&rest))];
        let name = self.free_name("brand");
        self.heads.push(ProposedHead { name, keys, from: "makes in class names".to_owned(), labels });
    }

    /// A head of the bodies that class names tell, where there are several.
    fn add_bodies(&mut self, names: &[&str]) {
        let body = |name: &&str| {
            let words: Vec<_> = name.split_whitespace().collect();
            let last = words
                .iter()
                .rev()
                .find_map(|word| BODIES.iter().find(|body| body.eq_ignore_ascii_case(word)));
            Some(CellValue::from(*last.unwrap_or(&"Other")))
        };
        let cells: Vec<_> = names.iter().map(body).collect();
        let Verdict::Head(mut labels) = judge("body", &cells.iter().map(Option::as_ref).collect::<Vec<_>>())
        else {
            return;
        };
        let fewest = match labels.kind {
            Kind::Classes { fewest, .. } => fewest,
            _ => return,
        };
        labels.classes.retain(|(class, count)| *count >= fewest || class == "Other");
        labels.kind = Kind::Classes { fewest, rest: None };
        let mut words: Vec<_> = labels
            .classes
            .iter()
            .filter(|(class, _)| class != "Other")
            .map(|(class, _)| quoted(class))
            .collect();
        words.sort();
        if words.len() < 2 {
            return;
        }
        let keys = vec![
            ("rule", quoted("keyword")),
            ("classes", format!("[{}]", words.join(", "))),
            ("other", quoted("Other")),
        ];
        let name = self.free_name("type");
        self.heads.push(ProposedHead { name, keys, from: "words in class names".to_owned(), labels });
    }

    /// A name that a head may have, as like the wanted one as can be.
    fn free_name(&self, wanted: &str) -> String {
        let plain: String = folded(wanted)
            .chars()
            .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '_' })
            .collect();
        let words: Vec<_> = plain.split('_').filter(|word| !word.is_empty()).collect();
        let mut name = words.join("_");
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
            name = format!("head_{name}").trim_end_matches('_').to_owned();
        }
        let own = |name: &str| LabelTable::FIXED_COLUMNS.contains(&name) || name == model::INPUT;
        let id = |name: &str| format!("{name}_id");
        let taken = |name: &str| {
            own(name)
                || own(&id(name))
                || self
                    .heads
                    .iter()
                    .any(|head| head.name == name || id(&head.name) == name || head.name == id(name))
        };
        if !taken(&name) {
            return name;
        }
        let numbered =
            (1..).map(|n| if n == 1 { format!("{name}_label") } else { format!("{name}_label_{n}") });
        numbered.into_iter().find(|name| !taken(name)).unwrap_or(name)
    }
}
