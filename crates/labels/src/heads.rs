//! A head's classes, and what each photo is labelled with.

use std::collections::BTreeMap;

use marque_contracts::schema::{Head, HeadKind, Split};

use crate::column::Cell;
use crate::keyword;
use crate::{
    Annotation, Annotations, ClassName, Classifier, ColumnRule, Error, HeadKindSettings, HeadRule,
    HeadSettings, Reading, Rule, class_weights,
};

/// A head with its classes settled and all photos labelled.
pub(crate) struct LabelledHead {
    pub(crate) name: String,
    pub(crate) classes: Vec<String>,
    pub(crate) labels: HeadLabels,
    /// Where labels follow from class names: how.
    pub(crate) names: Option<NameRule>,
}

/// How a head's labels follow from class names.
pub(crate) enum NameRule {
    /// A class.
    Class(Classifier),
    /// All of these keywords that the name holds.
    Tags(Vec<String>),
}

impl NameRule {
    /// Why the two readings disagree on a name; `None` if they agree.
    pub(crate) fn difference(&self, name: &ClassName) -> Option<String> {
        match self {
            Self::Class(classifier) => classifier.difference(name),
            Self::Tags(keywords) => {
                let [words, article] =
                    [Reading::Words, Reading::Article].map(|r| keyword::all_matches(&name.text, keywords, r));
                let only = |these: &[usize], those: &[usize], reading: &str| {
                    let names = these
                        .iter()
                        .filter(|id| !those.contains(id))
                        .map(|id| format!("`{}`", keywords[*id]));
                    let names = names.collect::<Vec<_>>().join(", ");
                    (!names.is_empty()).then(|| format!("{names} only as {reading}"))
                };
                let why =
                    [only(&words, &article, "whole words"), only(&article, &words, "a part of the text")];
                let why: Vec<_> = why.into_iter().flatten().collect();
                (!why.is_empty()).then(|| why.join("; "))
            }
        }
    }

    /// The class or tags under either reading, for people.
    pub(crate) fn both(&self, name: &ClassName) -> (String, String) {
        match self {
            Self::Class(classifier) => {
                let (words, article) = classifier.both_classes(name);
                (words.to_owned(), article.to_owned())
            }
            Self::Tags(keywords) => {
                let shown = |reading| match tags(name, keywords, reading).join(", ") {
                    none if none.is_empty() => "none".to_owned(),
                    tags => tags,
                };
                (shown(Reading::Words), shown(Reading::Article))
            }
        }
    }
}

/// The keywords that a class name holds.
pub(crate) fn tags(name: &ClassName, keywords: &[String], reading: Reading) -> Vec<String> {
    let found = keyword::all_matches(&name.text, keywords, reading);
    found.into_iter().map(|id| keywords[id].clone()).collect()
}

/// Labels of all photos, `None` where they are not known.
pub(crate) enum HeadLabels {
    /// A class id per photo.
    Single(Vec<Option<i64>>),
    /// Class ids per photo, ascending.
    Tags(Vec<Option<Vec<i64>>>),
}

/// What heads are made of: the photos that are there, and the class names with their number of photos.
pub(crate) struct Material<'a> {
    pub(crate) annotations: &'a Annotations,
    pub(crate) photos: &'a [&'a Annotation],
    pub(crate) names: &'a [(ClassName, u64)],
    pub(crate) reading: Reading,
}

impl LabelledHead {
    pub(crate) fn of(settings: &HeadSettings, material: &Material<'_>) -> Result<Self, Error> {
        let name = settings.name.clone();
        match (&settings.rule, &settings.kind) {
            (
                HeadRule::ClassName { rule: Rule::Keyword { classes, .. }, reading },
                HeadKindSettings::Tags(_),
            ) => Ok(Self::of_words(name, classes, reading.unwrap_or(material.reading), material)),
            (HeadRule::ClassName { rule, reading }, _) => {
                Self::of_class_names(name, rule, reading.unwrap_or(material.reading), material)
            }
            (HeadRule::Column(rule), kind) => Self::of_column(name, rule, kind, material),
        }
    }

    /// Tags: all keywords that a class name holds.
    fn of_words(name: String, keywords: &[String], reading: Reading, material: &Material<'_>) -> Self {
        let ids = material.per_name(|name| {
            let found = keyword::all_matches(&name.text, keywords, reading);
            Some(found.into_iter().map(|id| id as i64).collect())
        });
        let classes = keywords.to_vec();
        Self { name, names: Some(NameRule::Tags(classes.clone())), classes, labels: HeadLabels::Tags(ids) }
    }

    fn of_class_names(
        name: String,
        rule: &Rule,
        reading: Reading,
        material: &Material<'_>,
    ) -> Result<Self, Error> {
        let classifier = rule.classifier(&name, material.names)?;
        let ids = material
            .per_name(|name| classifier.class_of(name, reading).and_then(|id| i64::try_from(id).ok()));
        let classes = classifier.classes().to_vec();
        Ok(Self { name, classes, labels: HeadLabels::Single(ids), names: Some(NameRule::Class(classifier)) })
    }

    fn of_column(
        name: String,
        rule: &ColumnRule,
        kind: &HeadKindSettings,
        material: &Material<'_>,
    ) -> Result<Self, Error> {
        let values = material.column(&name, rule)?;
        let names = material.photos.iter().map(|photo| photo.file_name.as_str());
        let cells: Vec<Cell<'_>> = names.zip(values.iter().map(Option::as_deref)).collect();
        let (classes, labels) = match kind {
            HeadKindSettings::Single => rule.single(&name, &cells)?,
            HeadKindSettings::Tags(syntax) => rule.tags(&name, syntax, &cells)?,
        };
        Ok(Self { name, classes, labels, names: None })
    }

    /// Class ids of a photo, for a single head one or none; `None` where nothing is known.
    pub(crate) fn ids(&self, photo: usize) -> Option<&[i64]> {
        match &self.labels {
            HeadLabels::Single(ids) => ids.get(photo)?.as_ref().map(std::slice::from_ref),
            HeadLabels::Tags(ids) => ids.get(photo)?.as_deref(),
        }
    }

    /// The name of a class.
    pub(crate) fn class(&self, id: i64) -> &str {
        usize::try_from(id).ok().and_then(|id| self.classes.get(id)).map_or("", String::as_str)
    }

    /// A photo's label as people read it: `Audi`, `alloys, roof`, `none`, `unknown`.
    pub(crate) fn shown(&self, photo: usize) -> String {
        match self.ids(photo) {
            None => "unknown".to_owned(),
            Some([]) => "none".to_owned(),
            Some(ids) => ids.iter().map(|id| self.class(*id)).collect::<Vec<_>>().join(", "),
        }
    }

    /// The record for `heads.json`, over photos given by position and split.
    pub(crate) fn record(&self, photos: &[(usize, Split)]) -> Head {
        let mut counts: BTreeMap<_, _> = Split::ALL.map(|split| (split, vec![0; self.classes.len()])).into();
        for (photo, split) in photos {
            for id in self.ids(*photo).into_iter().flatten() {
                let id = usize::try_from(*id).ok();
                let counts = counts.get_mut(split);
                if let Some(count) = counts.zip(id).and_then(|(counts, id)| counts.get_mut(id)) {
                    *count += 1;
                }
            }
        }
        let class_weights = class_weights(counts.get(&Split::Train).map_or(&[], Vec::as_slice));
        let kind = match self.labels {
            HeadLabels::Single(_) => HeadKind::Single,
            HeadLabels::Tags(_) => HeadKind::Tags,
        };
        Head { name: self.name.clone(), kind, classes: self.classes.clone(), counts, class_weights }
    }
}

impl Material<'_> {
    /// A label per photo from its class name.
    fn per_name<T: Clone>(&self, label: impl Fn(&ClassName) -> Option<T>) -> Vec<Option<T>> {
        let labels: Vec<_> = self.names.iter().map(|(name, _)| label(name)).collect();
        self.photos.iter().map(|photo| labels.get(photo.class?)?.clone()).collect()
    }

    /// The values of a column, per photo. Parts of class names are those of the name as it was read with the data set's
    /// own columns over it, not the own columns alone.
    fn column(&self, head: &str, rule: &ColumnRule) -> Result<Vec<Option<String>>, Error> {
        const PARTS: [&str; 5] = ["class_name", "make", "model", "body", "year"];
        let columns = &self.annotations.columns;
        let part: fn(&ClassName) -> Option<String> = match rule.column.as_str() {
            "class_name" => |name| Some(name.text.clone()),
            "make" => |name| name.make.clone(),
            "model" => |name| name.model.clone(),
            "body" => |name| name.body.clone(),
            "year" => |name| name.year.map(|year| year.to_string()),
            other => {
                let Some(own) = columns.iter().position(|column| column == other) else {
                    let own = columns.iter().map(String::as_str).filter(|column| !PARTS.contains(column));
                    let there: Vec<_> = own.chain(PARTS).collect();
                    return Err(Error::NoColumn {
                        head: head.to_owned(),
                        column: other.to_owned(),
                        there: there.join(", "),
                    });
                };
                return Ok(self.photos.iter().map(|photo| photo.values.get(own)?.clone()).collect());
            }
        };
        Ok(self.per_name(part))
    }
}
