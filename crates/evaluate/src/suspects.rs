//! Labels that look wrong: `suspects.parquet`.
//!
//! Of training and validation photos linear probes on the model's pooled features say what they are, each without that photo's
//! label; of the measured photos the model itself does, which has not learnt from them. Confident learning then finds the labels
//! that do not go with that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use half::f16;
use marque_contracts::schema::{Head, HeadKind, Label, Split, train};
use marque_formats::{Column, IndexRow, LabelRow, ShardKind, ShardReader, Table};
use marque_metrics::{FOLDS, HeadPredictions, LinearProbes, Predictions, argmax, suspected};

use crate::Error;
use crate::inputs::Inputs;

/// A label that was looked at.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct LookedAt {
    pub(crate) head: String,
    /// Of a head with tags the tag in question.
    pub(crate) tag: Option<String>,
    pub(crate) file_name: String,
    pub(crate) split: Split,
    pub(crate) label: String,
    pub(crate) label_probability: f64,
    /// What is more probable: the most probable of the other classes.
    pub(crate) suggestion: String,
    pub(crate) suggestion_probability: f64,
    pub(crate) is_suspect: bool,
}

/// All labels of all heads: by head as it is given and tag, those that look wrong first, and least probable labels first.
pub(crate) fn looked_at(inputs: &Inputs, predictions: &Predictions) -> Result<Vec<LookedAt>, Error> {
    let probed = ProbedPhotos::open(inputs, predictions.split())?;
    let mut all = Vec::new();
    for (position, head) in inputs.heads.iter().enumerate() {
        let measured = predictions.heads().iter().find(|known| known.name() == head.name);
        for question in Question::of(head) {
            let mut rows = measured.map_or_else(Vec::new, |of| question.of_measured(of, predictions));
            rows.extend(probed.as_ref().map_or_else(Vec::new, |it| question.of_probed(it, position)));
            rows.sort_by(|a, b| {
                let first = |row: &LookedAt| (!row.is_suspect, row.label_probability);
                let ((a_rank, a_share), (b_rank, b_share)) = (first(a), first(b));
                let by_name = || a.file_name.cmp(&b.file_name);
                a_rank.cmp(&b_rank).then(a_share.total_cmp(&b_share)).then_with(by_name)
            });
            all.extend(rows);
        }
    }
    Ok(all)
}

/// Writes a row per label.
pub(crate) fn write(rows: &[LookedAt], path: &Path) -> Result<(), Error> {
    let text = |of: fn(&LookedAt) -> &str| rows.iter().map(of).collect::<Vec<_>>();
    let table = Table::new()
        .with_text("head", text(|row| &row.head))
        .with("tag", Column::Text(rows.iter().map(|row| row.tag.clone()).collect()))
        .with_text("file_name", text(|row| &row.file_name))
        .with_text("split", text(|row| row.split.as_str()))
        .with_text("label", text(|row| &row.label))
        .with_numbers("label_probability", rows.iter().map(|row| row.label_probability))
        .with_text("suggestion", text(|row| &row.suggestion))
        .with_numbers("suggestion_probability", rows.iter().map(|row| row.suggestion_probability))
        .with("suspect", Column::Flag(rows.iter().map(|row| Some(row.is_suspect)).collect()));
    Ok(table.write(path)?)
}

/// Training and validation photos whose features are known, without those that were measured.
struct ProbedPhotos<'a> {
    features: LinearProbes,
    rows: Vec<&'a LabelRow>,
    groups: Vec<usize>,
}

impl<'a> ProbedPhotos<'a> {
    /// `None` if there are none, or their features are no numbers.
    fn open(inputs: &'a Inputs, measured: Split) -> Result<Option<Self>, Error> {
        let index = IndexRow::read(&inputs.trained.join(train::POOLED_INDEX))?;
        let places: BTreeMap<_, _> = index.iter().map(|row| (row.file_name.as_str(), row)).collect();
        let known = |row: &&LabelRow| row.split != measured && places.contains_key(row.file_name.as_str());
        let rows: Vec<_> = inputs.table.rows.iter().filter(known).collect();
        if rows.is_empty() {
            return Ok(None);
        }
        let folder = inputs.trained.join(train::POOLED_FEATURES);
        let shards = ShardReader::open_indexed(&folder, ShardKind::Features, &index)?;
        let width = shards.shape().iter().product();
        let mut features = Vec::with_capacity(rows.len() * width);
        for row in &rows {
            let halves = shards.photo(places[row.file_name.as_str()])?.as_chunks().0;
            features.extend(halves.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()));
        }
        let groups = inputs.groups_of(rows.iter().map(|row| row.file_name.as_str()));
        Ok(LinearProbes::new(features, width).map(|features| Self { features, rows, groups }))
    }
}

/// What is asked about a photo: its class, or whether it has a tag.
struct Question<'a> {
    head: &'a Head,
    tag: Option<usize>,
}

impl<'a> Question<'a> {
    fn of(head: &'a Head) -> Vec<Self> {
        match head.kind {
            HeadKind::Single => vec![Self { head, tag: None }],
            HeadKind::Tags => (0..head.classes.len()).map(|tag| Self { head, tag: Some(tag) }).collect(),
        }
    }

    fn classes(&self) -> usize {
        if self.tag.is_some() { 2 } else { self.head.classes.len() }
    }

    /// Number of a label's class; of a tag 1 if the photo has it, else 0.
    fn class(&self, label: &Label) -> Option<usize> {
        match self.tag {
            None => label.class(),
            Some(tag) => Some(usize::from(label.tags()?.contains(&tag))),
        }
    }

    fn name(&self, class: usize) -> String {
        match self.tag {
            None => self.head.classes[class].clone(),
            Some(_) => ["absent", "present"][class].to_owned(),
        }
    }

    fn of_measured(&self, head: &HeadPredictions, predictions: &Predictions) -> Vec<LookedAt> {
        let known = (0..head.photos()).filter_map(|photo| Some((photo, self.class(head.label(photo))?)));
        let (photos, labels): (Vec<_>, Vec<_>) = known.unzip();
        let probabilities = photos.iter().flat_map(|photo| {
            let each = head.probabilities(*photo);
            self.tag.map_or(each.clone(), |tag| vec![1.0 - each[tag], each[tag]])
        });
        let named =
            photos.iter().map(|photo| (predictions.file_names()[*photo].as_str(), predictions.split()));
        self.judge(&named.collect::<Vec<_>>(), &labels, &probabilities.collect::<Vec<_>>())
    }

    fn of_probed(&self, probed: &ProbedPhotos<'_>, head: usize) -> Vec<LookedAt> {
        let known = probed.rows.iter().enumerate();
        let known = known.filter_map(|(at, row)| Some((at, self.class(&row.labels[head])?)));
        let mut known: Vec<(usize, usize)> = known.collect();
        // A class that is not in every fold cannot be learnt by every probe.
        let mut groups = vec![BTreeSet::new(); self.classes()];
        for (at, class) in &known {
            groups[*class].insert(probed.groups[*at]);
        }
        known.retain(|(_, class)| groups[*class].len() >= FOLDS);
        let (photos, labels): (Vec<_>, Vec<_>) = known.into_iter().unzip();
        if groups.iter().filter(|groups| groups.len() >= FOLDS).count() < 2 {
            return Vec::new();
        }
        let of_group: Vec<_> = photos.iter().map(|at| probed.groups[*at]).collect();
        let probabilities = probed.features.out_of_fold(&photos, &labels, &of_group, self.classes());
        let named = photos.iter().map(|at| (probed.rows[*at].file_name.as_str(), probed.rows[*at].split));
        self.judge(&named.collect::<Vec<_>>(), &labels, &probabilities)
    }

    fn judge(&self, photos: &[(&str, Split)], labels: &[usize], probabilities: &[f64]) -> Vec<LookedAt> {
        let classes = self.classes();
        if classes < 2 {
            return Vec::new();
        }
        let suspects = suspected(labels, probabilities, classes);
        let rows = photos.iter().zip(labels).zip(probabilities.chunks_exact(classes)).zip(suspects);
        rows.map(|((((file_name, split), label), row), is_suspect)| {
            let mut others = row.to_vec();
            others[*label] = f64::NEG_INFINITY;
            let other = argmax(&others);
            LookedAt {
                head: self.head.name.clone(),
                tag: self.tag.map(|tag| self.head.classes[tag].clone()),
                file_name: (*file_name).to_owned(),
                split: *split,
                label: self.name(*label),
                label_probability: row[*label],
                suggestion: self.name(other),
                suggestion_probability: row[other],
                is_suspect,
            }
        })
        .collect()
    }
}
