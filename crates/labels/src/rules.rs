//! From class names to the classes of a head.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{ClassName, Error, NameMatching, keyword};

/// How a head's classes follow from a class name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "rule", rename_all = "lowercase")]
pub enum Rule {
    /// A class per make with enough photos, sorted by name, then `other`.
    Make {
        /// Photos that a make needs, over all splits.
        min_images: u64,
        /// Class of all other makes.
        other: String,
    },
    /// A class per keyword, in the order given, then `other`.
    Keyword {
        /// The keywords.
        classes: Vec<String>,
        /// Class of names without any of them.
        other: String,
    },
    /// A class per interval of years.
    Year {
        /// Last years of all intervals but the latest, ascending.
        breaks: Vec<i64>,
    },
}

impl Rule {
    /// Settles the classes on a data set: its class names, each with its number of photos. `head` is for
    /// messages only.
    ///
    /// # Errors
    /// [`Error::NoMake`] if no make has the photos that [`Rule::Make`] asks for.
    pub fn classifier(&self, head: &str, names: &[(ClassName, u64)]) -> Result<Classifier, Error> {
        let classes = match self {
            Self::Make { min_images, other } => {
                let mut makes = large_makes(head, *min_images, names)?;
                makes.retain(|make| make != other);
                makes.push(other.clone());
                makes
            }
            Self::Keyword { classes, other } => classes.iter().chain([other]).cloned().collect(),
            Self::Year { breaks } => intervals(breaks),
        };
        Ok(Classifier { classes, rule: self.clone() })
    }
}

fn large_makes(head: &str, min_images: u64, names: &[(ClassName, u64)]) -> Result<Vec<String>, Error> {
    let mut photos: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, count) in names {
        if let Some(make) = &name.make {
            *photos.entry(make).or_default() += count;
        }
    }
    let large = photos.iter().filter(|(_, count)| **count >= min_images);
    let makes: Vec<_> = large.map(|(make, _)| (*make).to_owned()).collect();
    if makes.is_empty() {
        let largest = photos.iter().max_by_key(|(_, count)| **count);
        return Err(Error::NoMake {
            head: head.to_owned(),
            min_images,
            largest: largest.map_or(0, |(_, count)| *count),
        });
    }
    Ok(makes)
}

/// Names of the intervals that `breaks` cut the years into.
fn intervals(breaks: &[i64]) -> Vec<String> {
    let (Some(first), Some(last)) = (breaks.first(), breaks.last()) else {
        return Vec::new();
    };
    let between = breaks.windows(2).map(|pair| match (pair[0] + 1, pair[1]) {
        (from, to) if from == to => from.to_string(),
        (from, to) => format!("{from} to {to}"),
    });
    let mut names = vec![format!("{first} and earlier")];
    names.extend(between);
    names.push(format!("{} and later", last + 1));
    names
}

/// A rule with its classes settled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Classifier {
    classes: Vec<String>,
    rule: Rule,
}

impl Classifier {
    /// The classes; the position is the class id.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Id of the class that a name belongs to; `None` if the name does not say.
    pub fn class_of(&self, name: &ClassName, matching: NameMatching) -> Option<usize> {
        match (&self.rule, matching) {
            (Rule::Year { breaks }, _) => name.year.map(|year| breaks.partition_point(|last| *last < year)),
            (Rule::Make { .. }, NameMatching::Words) => {
                let make = name.make.as_ref()?;
                Some(self.named().iter().position(|class| class == make).unwrap_or(self.other()))
            }
            (Rule::Keyword { .. }, NameMatching::Words) => {
                let found = keyword::last_word_match(&name.text, self.named());
                Some(found.map_or(self.other(), |found| found.keyword))
            }
            (Rule::Make { .. } | Rule::Keyword { .. }, NameMatching::Article) => {
                let found = keyword::last_substring_match(&name.text, self.named());
                Some(found.unwrap_or(self.other()))
            }
        }
    }

    /// The keywords that are looked for; none for rules that are not of keywords.
    pub(crate) fn keywords(&self) -> &[String] {
        if matches!(self.rule, Rule::Keyword { .. }) { self.named() } else { &[] }
    }

    /// The makes of names that have no class of their own; none for rules that are not of makes.
    pub(crate) fn other_makes<'a>(&self, names: impl Iterator<Item = &'a ClassName>) -> BTreeSet<String> {
        let Rule::Make { .. } = self.rule else { return BTreeSet::new() };
        names.filter_map(|name| name.make.clone()).filter(|make| !self.classes.contains(make)).collect()
    }

    /// The class under [`NameMatching::Words`] and under [`NameMatching::Article`], or "unknown".
    pub(crate) fn both_classes(&self, name: &ClassName) -> (&str, &str) {
        let class = |matching| {
            let class = self.class_of(name, matching).and_then(|id| self.classes.get(id));
            class.map_or("unknown", String::as_str)
        };
        (class(NameMatching::Words), class(NameMatching::Article))
    }

    /// Why the two ways of matching disagree on a name; `None` if they agree.
    pub fn difference(&self, name: &ClassName) -> Option<String> {
        let article = self.class_of(name, NameMatching::Article);
        if self.class_of(name, NameMatching::Words) == article {
            return None;
        }
        Some(match &self.rule {
            Rule::Make { .. } => {
                let make = name.make.as_deref().unwrap_or("not given");
                let spelled = article.and_then(|id| self.classes.get(id)).map_or("", String::as_str);
                format!("the make is {make}, though `{spelled}` is spelled in the name")
            }
            Rule::Keyword { .. } | Rule::Year { .. } => keyword::explain(&name.text, self.named()),
        })
    }

    /// The classes that are looked for: all but `other`.
    fn named(&self) -> &[String] {
        self.classes.split_last().map_or(&[], |(_, named)| named)
    }

    fn other(&self) -> usize {
        self.classes.len().saturating_sub(1)
    }
}
