//! The sections `[labels]` and `[[heads]]` of the configuration.

mod names;

use marque_contracts::schema::{HeadKind, labels};
use marque_formats::LabelTable;
use marque_settings::{Reader, Section};
use serde::Serialize;

use crate::{ColumnRule, Error, NameMatching, Rule, TagSyntax, head_names};

/// Largest share of photos that may be held out, so that some are left to learn from.
const MOST_HELD_OUT: f64 = 0.5;

/// Share held out for testing unless told otherwise.
pub const TEST: f64 = 0.2;

/// Share of the rest held out for validation unless told otherwise.
pub const VALIDATION: f64 = 0.1;

/// Highest `min_images` that makes any sense.
const MOST_IMAGES: usize = 1_000_000_000;

/// What decides over the label tables. Serialised, it is what of `[labels]` enters the fingerprint, under its keys; so are
/// the heads under those of `[[heads]]`.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Settings {
    /// How words are found in class names.
    #[serde(rename = "rules")]
    pub matching: NameMatching,
    /// Where the splits come from.
    pub split: SplitSource,
    /// Share of the training photos held out for validation, used only where the data set has no validation
    /// photos of its own.
    pub validation: f64,
    /// Share of the photos held out for testing, used only where the data set has no labelled test photos of
    /// its own.
    pub test: f64,
    /// Seed of what is held out.
    pub seed: u64,
    /// What to do about duplicates in several splits.
    pub on_leak: OnLeak,
    /// Which photos count as duplicates.
    pub duplicates: Duplicates,
    /// The heads, in order.
    #[serde(skip)]
    pub heads: Vec<HeadDefinition>,
}

/// Where the splits come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SplitSource {
    /// The data set's own; what it lacks is held out of its training photos, duplicates together.
    #[default]
    Official,
    /// Drawn anew from all photos, each by itself.
    Stratified,
    /// Drawn anew from all photos, duplicates together.
    Grouped,
}

impl SplitSource {
    const ALL: [(&str, Self); 3] =
        [("official", Self::Official), ("stratified", Self::Stratified), ("grouped", Self::Grouped)];
}

/// What to do about duplicates in several splits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnLeak {
    /// Say so.
    #[default]
    Report,
    /// Leave the photos out that would be trained on, and those for validation that are in the test split.
    DropFromTrain,
    /// Stop.
    Error,
}

impl OnLeak {
    const ALL: [(&str, Self); 3] =
        [("report", Self::Report), ("drop-from-train", Self::DropFromTrain), ("error", Self::Error)];
}

/// Which photos count as duplicates.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Duplicates {
    /// Those that look the same, byte for byte or nearly.
    #[default]
    Near,
    /// Those that are the same byte for byte.
    Identical,
}

impl Duplicates {
    const ALL: [(&str, Self); 2] = [("near", Self::Near), ("identical", Self::Identical)];
}

/// One head as declared.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct HeadDefinition {
    /// Name: a column of the label table.
    pub name: String,
    /// How its classes come about.
    #[serde(flatten)]
    pub rule: HeadRule,
    /// Single-label or multi-label.
    pub kind: HeadKind,
    /// How several tags stand in one cell of its column.
    #[serde(flatten, skip_serializing_if = "TagSyntax::is_default")]
    pub tag_syntax: TagSyntax,
}

/// How a head's classes come about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(untagged)]
pub enum HeadRule {
    /// From class names.
    ClassName {
        /// How.
        #[serde(flatten)]
        rule: Rule,
        /// How words are found in names; `None` for [`Settings::matching`].
        #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
        matching: Option<NameMatching>,
    },
    /// From a column of the data set's own.
    Column(ColumnRule),
}

impl Settings {
    /// Reads the sections `[labels]` and `[[heads]]`; whatever is wrong is noted in `reader`.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let about = "how class names are read, and which photos are held out";
        let settings = reader.section(labels::STAGE, &[labels::STAGE], about, |section| Self {
            matching: section
                .key(
                    "rules",
                    "how class names are read: \"words\" takes whole words, and a Minivan is a Van; \
                     \"article\" takes substrings, as the reference does",
                )
                .choice(NameMatching::default(), &NameMatching::ALL),
            split: section
                .key(
                    "split",
                    "\"official\": the data set's own, what it lacks is held out of its training \
                     photos; \"stratified\": drawn anew, each photo by itself; \"grouped\": drawn anew, \
                     duplicates together",
                )
                .choice(SplitSource::default(), &SplitSource::ALL),
            validation: section
                .key(
                    "validation",
                    "share of the training photos held out to choose the best epoch, only where the data set \
                     has no labelled validation photos",
                )
                .number(VALIDATION, 0.0..=MOST_HELD_OUT),
            test: section
                .key("test", "share held out for testing where the data set has no labelled test photos")
                .number(TEST, 0.0..=MOST_HELD_OUT),
            seed: section.key("seed", "decides which photos are held out").seed(1),
            on_leak: section
                .key(
                    "on_leak",
                    "what to do about duplicates in several splits: say so, leave out those that would \
                     be learnt from, or stop",
                )
                .choice(OnLeak::default(), &OnLeak::ALL),
            duplicates: section
                .key(
                    "duplicates",
                    "which photos count as duplicates: those that look the same, or only those that are \
                     the same byte for byte",
                )
                .choice(Duplicates::default(), &Duplicates::ALL),
            heads: Vec::new(),
        });
        let (mut taken, mut declared) = (Vec::new(), Vec::new());
        let about = "a question about each photo: one section for each, as many as you like";
        let heads = reader.sections("heads", &[labels::STAGE], about, |section| {
            let head = HeadDefinition::read(section, &mut taken);
            head_names::check(section, &head.name, &declared);
            declared.push(head.name.clone());
            head
        });
        if heads.is_empty() {
            reader.report("heads", "declare at least one head, each under its own [[heads]]");
        }
        Self { heads, ..settings }
    }

    /// Checks that the columns that heads name are among the data set's own, or parts of class names.
    ///
    /// # Errors
    /// [`Error::NoColumn`] for the first that is not.
    pub fn check_columns(&self, own: &[String]) -> Result<(), Error> {
        for head in &self.heads {
            if let HeadRule::Column(rule) = &head.rule
                && !ColumnRule::PARTS.contains(&rule.column.as_str())
            {
                rule.position(&head.name, own)?;
            }
        }
        Ok(())
    }
}

impl HeadDefinition {
    /// `taken` are the names of the heads before.
    fn read(section: &mut Section<'_>, taken: &mut Vec<String>) -> Self {
        let name = read_name(section, taken);
        let rules = ["make", "keyword", "year", "column"].map(|word| (word, word));
        let about = "where its classes come from: \"make\": a class for each make with enough photos; \
                     \"keyword\": the class whose word the class name holds; \"year\": intervals of model \
                     years; \"column\": a column of your own table, or class_name, make, model, body, year";
        let rule = section.key("rule", about).optional_choice("required", &rules);
        if rule.is_none() && !section.has("rule") {
            section.problem("rule", "is missing; one of \"make\", \"keyword\", \"year\", \"column\"");
        }
        let kinds = [("single", HeadKind::Single), ("tags", HeadKind::Tags)];
        let about =
            "\"single\": one class a photo; \"tags\": several or none, with rule \"keyword\" or \"column\"";
        let kind = section.key("kind", about).choice(HeadKind::Single, &kinds);
        if kind == HeadKind::Tags && matches!(rule, Some("make" | "year")) {
            section.problem("kind", "\"tags\" goes with rule = \"column\" and rule = \"keyword\" only");
        }
        let make = section.only_with("rule", &["make"], read_make);
        let keyword = section.only_with("rule", &["keyword"], read_keywords);
        let matching = section.only_with("rule", &["make", "keyword"], read_matching).flatten();
        let year =
            section.only_with("rule", &["year"], |section| Rule::Year { breaks: read_breaks(section) });
        let (column, syntax) = section
            .only_with("rule", &["column"], |section| {
                let rule = read_column(section, &name);
                (Some(rule), section.only_with("kind", &["tags"], read_tag_syntax))
            })
            .unwrap_or_default();
        let rule = match column {
            Some(column) => HeadRule::Column(column),
            None => {
                let rule = make.or(keyword).or(year).unwrap_or(Rule::Year { breaks: Vec::new() });
                HeadRule::ClassName { rule, matching }
            }
        };
        Self { name, rule, kind, tag_syntax: syntax.unwrap_or_default() }
    }
}

/// How a head finds words in class names, where it does not follow `[labels] rules`.
const MATCHING: [(&str, NameMatching); 2] =
    [("word", NameMatching::Words), ("substring", NameMatching::Article)];

fn read_matching(section: &mut Section<'_>) -> Option<NameMatching> {
    let about = "find words of class names as whole words, or as substrings";
    section.key("match", about).optional_choice("as labels.rules", &MATCHING)
}

fn read_tag_syntax(section: &mut Section<'_>) -> TagSyntax {
    let usual = TagSyntax::default();
    let about = "word for a photo that has none of the tags; an empty cell is unknown";
    let syntax = TagSyntax {
        delimiter: section.key("delimiter", "what separates the tags in a cell").text(&usual.delimiter),
        none: section.key("none", about).text(&usual.none),
    };
    let none = names::one(section, "none", Some(syntax.none)).unwrap_or_default();
    let syntax = TagSyntax { none, ..syntax };
    if syntax.none.contains(&syntax.delimiter) {
        section.problem("none", format!("{:?} must not hold the delimiter", syntax.none));
    }
    syntax
}

fn read_make(section: &mut Section<'_>) -> Rule {
    let about = "photos that a make needs for a class of its own, over all splits";
    let min_images = section.key("min_images", about).count(1000, 1..=MOST_IMAGES) as u64;
    let other = section.key("other", "class of all other makes").text("Other");
    Rule::Make { min_images, other: names::one(section, "other", Some(other)).unwrap_or_default() }
}

fn read_column(section: &mut Section<'_>, head: &str) -> ColumnRule {
    let column = section.key("column", "the column").optional_text("the head's name");
    let column = names::one(section, "column", column);
    let classes = section.key("classes", "the classes, in order").optional_texts("all values, sorted");
    let classes = classes.map(|classes| names::list(section, "classes", &classes));
    if classes.as_ref().is_some_and(Vec::is_empty) {
        section.problem("classes", "needs at least one class; without the key all values are classes");
    }
    let about = "without `classes`: photos that a value needs; those with fewer become `other`";
    let min_images = section.key("min_images", about).count(1, 1..=MOST_IMAGES) as u64;
    let about = "class of values that have no class of their own";
    let other = section.key("other", about).optional_text("an error");
    let other = names::one(section, "other", other);
    if section.has("min_images") && classes.is_some() {
        section.problem("min_images", "goes without `classes` only: the classes listed are all there are");
    } else if min_images > 1 && other.is_none() {
        section.problem("min_images", "needs `other`, a class for the values with fewer photos");
    }
    once(section, classes.as_deref().unwrap_or_default(), other.as_deref());
    ColumnRule { column: column.unwrap_or_else(|| head.to_owned()), classes, min_images, other }
}

/// Notes classes that are there twice.
fn once(section: &mut Section<'_>, classes: &[String], other: Option<&str>) {
    for (position, class) in classes.iter().enumerate() {
        if classes[..position].contains(class) || Some(class.as_str()) == other {
            section
                .problem("classes", format!("{class:?} is there twice; every class, `other` included, once"));
        }
    }
}

fn read_name(section: &mut Section<'_>, taken: &mut Vec<String>) -> String {
    let about = "name: a lower-case letter, then letters, digits and `_`; columns of tables are called by it";
    let Some(name) = section.key("name", about).optional_text("required") else {
        if !section.has("name") {
            section.problem("name", "is missing; give the head a name, such as \"brand\"");
        }
        return String::new();
    };
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    let goes_on_well = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !starts_well || !goes_on_well {
        section
            .problem("name", format!("{name:?} must be a lower-case letter, then letters, digits and `_`"));
    } else if taken.contains(&name) {
        section.problem("name", format!("{name:?} is the name of another head"));
    } else if let Some(column) = collision(&name, taken) {
        let instead = match ColumnRule::PARTS.contains(&name.as_str()) {
            true => format!(
                "; for the values of your column `{name}` write name = \"{name}_label\", rule = \"column\", column = \"{name}\""
            ),
            false => String::new(),
        };
        section.problem(
            "name",
            format!("{name:?} would give the label table a second column `{column}`{instead}"),
        );
    }
    taken.push(name.clone());
    name
}

/// A column that a head of this name would share with the label table's own or with another head.
fn collision(name: &str, heads: &[String]) -> Option<String> {
    let own = [name.to_owned(), format!("{name}_id")];
    own.into_iter().find(|column| {
        LabelTable::FIXED_COLUMNS.contains(&column.as_str())
            || heads.iter().any(|head| head == column || format!("{head}_id") == *column)
    })
}

/// With tags there is no `other`: a name without any of the keywords has no tag.
fn read_keywords(section: &mut Section<'_>) -> Rule {
    let about = "the words, each a class; the last one that a class name holds counts";
    let classes = section.key("classes", about).optional_texts("required");
    let other = section.only_with("kind", &["single"], |section| {
        section.key("other", "class of names that hold none of the words").text("Other")
    });
    if classes.as_ref().is_none_or(Vec::is_empty) && (classes.is_some() || !section.has("classes")) {
        section.problem("classes", "needs at least one keyword, as in [\"Coupe\", \"SUV\"]");
    }
    let classes = names::list(section, "classes", &classes.unwrap_or_default());
    let other = names::one(section, "other", other);
    for class in classes.iter().filter(|class| !class.contains(char::is_alphanumeric)) {
        section.problem("classes", format!("{class:?} has no letter or digit to look for"));
    }
    once(section, &classes, other.as_deref());
    Rule::Keyword { classes, other: other.unwrap_or_default() }
}

fn read_breaks(section: &mut Section<'_>) -> Vec<i64> {
    let about = "last years of all intervals but the latest, ascending";
    let breaks = section.key("breaks", about).optional_counts("required", 1800..=2200);
    if breaks.is_none() && section.has("breaks") {
        return Vec::new();
    }
    let breaks: Vec<_> = breaks.unwrap_or_default().into_iter().map(|year| year as i64).collect();
    if breaks.is_empty() {
        section.problem("breaks", "needs at least one year, the last of its interval, as in [2009]");
    }
    if breaks.windows(2).any(|pair| pair[0] >= pair[1]) {
        section.problem("breaks", "must be years in ascending order, each once");
    }
    breaks
}
