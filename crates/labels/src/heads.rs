//! A head's classes, and the label of each photo.

use std::collections::{BTreeMap, BTreeSet};

use marque_contracts::schema::{Head, HeadKind, Label, Spellings, Split, folded};
use marque_formats::CellValue;

use crate::column::{Cell, ColumnLabels};
use crate::{
    Annotation, Annotations, ClassName, Classifier, ColumnRule, Error, HeadDefinition, HeadRule,
    NameMatching, Rule, class_weights, keyword, tag_weights,
};

/// A head with its classes settled and all photos labelled.
pub(crate) struct LabelledHead {
    pub(crate) name: String,
    pub(crate) kind: HeadKind,
    pub(crate) classes: Vec<String>,
    /// A label per photo.
    pub(crate) labels: Vec<Label>,
    /// How the labels follow from class names, where they do.
    pub(crate) names: Option<NameRule>,
    /// The column whose values are the labels, if one is.
    pub(crate) column: Option<String>,
    /// Values and makes that have no class of their own, and are of the class of all others.
    pub(crate) others: BTreeSet<String>,
    /// How the values of its column are spelled.
    pub(crate) spellings: Spellings,
}

/// How a head's labels follow from class names.
pub(crate) enum NameRule {
    /// A class.
    Class(Classifier),
    /// All of these keywords that the name holds.
    Tags(Vec<String>),
}

impl NameRule {
    /// Why the two ways of matching disagree on a name; `None` if they agree.
    pub(crate) fn difference(&self, name: &ClassName) -> Option<String> {
        match self {
            Self::Class(classifier) => classifier.difference(name),
            Self::Tags(keywords) => {
                let [words, article] =
                    NameMatching::ALL.map(|(_, way)| keyword::all_matches(&name.text, keywords, way));
                let only = |these: &[usize], those: &[usize], way: &str| {
                    let names = these
                        .iter()
                        .filter(|id| !those.contains(id))
                        .map(|id| format!("`{}`", keywords[*id]));
                    let names = names.collect::<Vec<_>>().join(", ");
                    (!names.is_empty()).then(|| format!("{names} only as {way}"))
                };
                let why =
                    [only(&words, &article, "whole words"), only(&article, &words, "a part of the text")];
                let why: Vec<_> = why.into_iter().flatten().collect();
                (!why.is_empty()).then(|| why.join("; "))
            }
        }
    }

    /// A keyword that a name would hold as a whole word if accents and the width of letters did not count, and does not
    /// hold; `None` if the name holds another.
    pub(crate) fn nearly_holds(&self, name: &ClassName) -> Option<&str> {
        let keywords = match self {
            Self::Class(classifier) => classifier.keywords(),
            Self::Tags(keywords) => keywords,
        };
        let plain: Vec<_> = keywords.iter().map(|keyword| folded(keyword)).collect();
        let holds = keyword::all_matches(&name.text, keywords, NameMatching::Words);
        let mut nearly = keyword::all_matches(&folded(&name.text), &plain, NameMatching::Words);
        nearly.retain(|keyword| !holds.contains(keyword));
        match self {
            Self::Class(_) if !holds.is_empty() => None,
            _ => nearly.first().map(|keyword| keywords[*keyword].as_str()),
        }
    }

    /// The class or tags under either way of matching, as text.
    pub(crate) fn both(&self, name: &ClassName) -> (String, String) {
        match self {
            Self::Class(classifier) => {
                let (words, article) = classifier.both_classes(name);
                (words.to_owned(), article.to_owned())
            }
            Self::Tags(keywords) => {
                let shown = |matching| match tags(name, keywords, matching).join(", ") {
                    none if none.is_empty() => "none".to_owned(),
                    tags => tags,
                };
                (shown(NameMatching::Words), shown(NameMatching::Article))
            }
        }
    }
}

/// The keywords that a class name holds.
pub(crate) fn tags(name: &ClassName, keywords: &[String], matching: NameMatching) -> Vec<String> {
    let found = keyword::all_matches(&name.text, keywords, matching);
    found.into_iter().map(|id| keywords[id].clone()).collect()
}

/// What heads are made from: the annotated photos, and the class names with their number of photos.
pub(crate) struct AnnotatedPhotos<'a> {
    pub(crate) annotations: &'a Annotations,
    pub(crate) photos: &'a [&'a Annotation],
    pub(crate) names: &'a [(ClassName, u64)],
    pub(crate) matching: NameMatching,
}

impl LabelledHead {
    pub(crate) fn of(definition: &HeadDefinition, photos: &AnnotatedPhotos<'_>) -> Result<Self, Error> {
        match &definition.rule {
            HeadRule::ClassName { rule, matching } => {
                Self::of_class_names(definition, rule, matching.unwrap_or(photos.matching), photos)
            }
            HeadRule::Column(rule) => Self::of_column(definition, rule, photos),
        }
    }

    fn of_class_names(
        definition: &HeadDefinition,
        rule: &Rule,
        matching: NameMatching,
        photos: &AnnotatedPhotos<'_>,
    ) -> Result<Self, Error> {
        let (name, kind) = (definition.name.clone(), definition.kind);
        let mut others = BTreeSet::new();
        let (classes, labels, rule) = match (kind, rule) {
            (HeadKind::Tags, Rule::Keyword { classes, .. }) => {
                let found =
                    |name: &ClassName| Label::Tags(keyword::all_matches(&name.text, classes, matching));
                (classes.clone(), photos.per_name(found), NameRule::Tags(classes.clone()))
            }
            _ => {
                let classifier = rule.classifier(&name, photos.names)?;
                let labels = photos.per_name(|name| Label::from(classifier.class_of(name, matching)));
                others = classifier.other_makes(photos.names.iter().map(|(name, _)| name));
                (classifier.classes().to_vec(), labels, NameRule::Class(classifier))
            }
        };
        Ok(Self {
            name,
            kind,
            classes,
            labels,
            names: Some(rule),
            column: None,
            others,
            spellings: Spellings::default(),
        })
    }

    fn of_column(
        definition: &HeadDefinition,
        rule: &ColumnRule,
        photos: &AnnotatedPhotos<'_>,
    ) -> Result<Self, Error> {
        let (name, kind) = (definition.name.clone(), definition.kind);
        let values = photos.column(&name, rule)?;
        let file_names = photos.photos.iter().map(|photo| photo.file_name.as_str());
        let cells: Vec<Cell<'_>> = file_names.zip(values.iter().map(Option::as_ref)).collect();
        let ColumnLabels { classes, labels, others, spellings } =
            rule.labels(&name, kind, &definition.tag_syntax, &cells)?;
        Ok(Self {
            name,
            kind,
            classes,
            labels,
            names: None,
            column: Some(rule.column.clone()),
            others,
            spellings,
        })
    }

    /// A photo's label as text: `Audi`, `alloys, roof`, `none`, `unknown`.
    pub(crate) fn shown(&self, photo: usize) -> String {
        match &self.labels[photo] {
            Label::Unknown => "unknown".to_owned(),
            Label::Tags(tags) if tags.is_empty() => "none".to_owned(),
            label => self.class_names(label).collect::<Vec<_>>().join(", "),
        }
    }

    /// The names of the classes of a label.
    pub(crate) fn class_names<'a>(&'a self, label: &'a Label) -> impl Iterator<Item = &'a str> {
        label.ids().iter().map(|id| self.classes[*id].as_str())
    }

    /// The record for `heads.json`, over photos given by position and split.
    pub(crate) fn record(&self, photos: &[(usize, Split)]) -> Head {
        let mut counts: BTreeMap<_, _> = Split::ALL.map(|split| (split, vec![0; self.classes.len()])).into();
        for (photo, split) in photos {
            if let Some(counts) = counts.get_mut(split) {
                self.labels[*photo].ids().iter().for_each(|id| counts[*id] += 1);
            }
        }
        let trained = &counts[&Split::Train];
        let class_weights = match self.kind {
            HeadKind::Single => class_weights(trained),
            HeadKind::Tags => {
                let known = |(photo, split): &&(usize, Split)| {
                    *split == Split::Train && self.labels[*photo].is_known()
                };
                tag_weights(trained, photos.iter().filter(known).count() as u64)
            }
        };
        Head {
            name: self.name.clone(),
            kind: self.kind,
            classes: self.classes.clone(),
            counts,
            class_weights,
        }
    }
}

impl AnnotatedPhotos<'_> {
    /// A value per photo from its class name; the default where that is not known.
    fn per_name<T: Clone + Default>(&self, value: impl Fn(&ClassName) -> T) -> Vec<T> {
        let values: Vec<_> = self.names.iter().map(|(name, _)| value(name)).collect();
        let of_photo = |photo: &&Annotation| values.get(photo.class?).cloned();
        self.photos.iter().map(|photo| of_photo(photo).unwrap_or_default()).collect()
    }

    /// The values of a column, per photo. Parts of class names are those of the name as it was read with the data set's
    /// own columns over it, not the own columns alone.
    fn column(&self, head: &str, rule: &ColumnRule) -> Result<Vec<Option<CellValue>>, Error> {
        let part: fn(&ClassName) -> Option<String> = match rule.column.as_str() {
            "class_name" => |name| Some(name.text.clone()),
            "make" => |name| name.make.clone(),
            "model" => |name| name.model.clone(),
            "body" => |name| name.body.clone(),
            "year" => |name| name.year.map(|year| year.to_string()),
            _ => {
                let own = rule.position(head, &self.annotations.columns)?;
                return Ok(self.photos.iter().map(|photo| photo.values.get(own)?.clone()).collect());
            }
        };
        Ok(self.per_name(|name| part(name).map(CellValue::Text)))
    }
}
