//! The labelled photos: labels, splits, boxes, and leaks between splits.

use marque_contracts::counts::counted;
use marque_contracts::schema::{Head, Spellings, Split, normalised};
use marque_formats::{BoxFit, Crop, CropRow, DuplicateRow, LabelRow, LabelTable, PhotoRow};

use crate::class_table::ClassRow;
use crate::duplicates::{Group, Leak, groups};
use crate::heads::{AnnotatedPhotos, LabelledHead};
use crate::join::{Joined, join};
use crate::splits::{Shortfall, Splits};
use crate::{Annotation, Annotations, ClassName, ColumnRule, Error, OnLeak, Settings};

/// Groups of duplicates that an error names.
const EXAMPLES: usize = 3;

/// The photos that are present and annotated, sorted by name.
pub(crate) struct LabelledPhotos<'a> {
    pub(crate) heads: Vec<LabelledHead>,
    pub(crate) splits: Vec<Split>,
    /// Shares that could not be held out.
    pub(crate) shortfalls: Vec<Shortfall>,
    /// Whether a photo goes into the tables; one may be left out for a duplicate in another split.
    pub(crate) kept: Vec<bool>,
    pub(crate) names: Vec<ClassRow>,
    pub(crate) groups: Vec<Group>,
    /// Photos that no annotation is about.
    pub(crate) unlabelled: usize,
    /// Annotations of photos that are not there.
    pub(crate) absent: usize,
    /// Boxes that reached a little beyond their photos and were clipped, with the names of these.
    pub(crate) clipped: Vec<(&'a str, Crop)>,
    /// Boxes that reach far beyond their photos.
    pub(crate) beyond: Vec<(&'a PhotoRow, Crop)>,
    photos: Vec<(&'a PhotoRow, &'a Annotation)>,
    /// Photos whose names the annotations spell in another form, in words.
    pub(crate) spelled: Vec<String>,
    boxes: Vec<Option<Crop>>,
    columns: &'a [String],
    /// How class names are spelled.
    pub(crate) spellings: &'a Spellings,
}

impl<'a> LabelledPhotos<'a> {
    pub(crate) fn of(
        settings: &Settings,
        photos: &'a [PhotoRow],
        annotations: &'a Annotations,
        duplicates: &[DuplicateRow],
    ) -> Result<Self, Error> {
        let Joined { photos: matched, spelled } = join(photos, annotations)?;
        let found: Vec<_> = matched.iter().map(|(_, annotation)| *annotation).collect();
        let names = counted_names(&annotations.class_names, &found);
        let annotated =
            AnnotatedPhotos { annotations, photos: &found, names: &names, matching: settings.matching };
        let heads: Vec<_> =
            settings.heads.iter().map(|head| LabelledHead::of(head, &annotated)).collect::<Result<_, _>>()?;
        let file_names: Vec<_> = matched.iter().map(|(photo, _)| photo.file_name.as_str()).collect();
        let groups = groups(duplicates, settings.duplicates, &file_names);
        let Splits { of_photos: splits, shortfalls } = Splits::draw(settings, &found, &heads, &groups);
        let (mut boxes, mut clipped, mut beyond) = (Vec::new(), Vec::new(), Vec::new());
        for (photo, annotation) in &matched {
            boxes.push(annotation.crop.map(|crop| {
                let (crop, is_clipped) = match crop.fit(photo.width, photo.height) {
                    BoxFit::Inside(crop) => (crop, annotation.clipped),
                    BoxFit::Clipped(crop) => (crop, true),
                    BoxFit::Beyond(crop) => {
                        beyond.push((*photo, crop));
                        (crop, false)
                    }
                };
                if is_clipped {
                    clipped.push((photo.file_name.as_str(), crop));
                }
                crop
            }));
        }
        let mut labelled = Self {
            boxes,
            clipped,
            beyond,
            kept: vec![true; found.len()],
            names: names.into_iter().map(|(name, _)| ClassRow { name, photos: [0; 3] }).collect(),
            unlabelled: photos.len().saturating_sub(found.len()),
            absent: annotations.photos.len().saturating_sub(found.len()),
            photos: matched,
            spelled,
            columns: &annotations.columns,
            spellings: &annotations.spellings,
            heads,
            splits,
            shortfalls,
            groups,
        };
        labelled.settle_leaks(settings.on_leak)?;
        labelled.count_names();
        Ok(labelled)
    }

    pub(crate) fn leaks(&self) -> Vec<Leak<'_>> {
        Leak::find(&self.groups, &self.splits, &self.heads)
    }

    pub(crate) fn file_names(&self) -> Vec<&str> {
        self.photos.iter().map(|(photo, _)| photo.file_name.as_str()).collect()
    }

    /// Photos that go into the tables, with their splits.
    pub(crate) fn kept_photos(&self) -> Vec<(usize, Split)> {
        let kept = (0..self.photos.len()).filter(|photo| self.kept[*photo]);
        kept.map(|photo| (photo, self.splits[photo])).collect()
    }

    pub(crate) fn head_records(&self) -> Vec<Head> {
        let kept = self.kept_photos();
        self.heads.iter().map(|head| head.record(&kept)).collect()
    }

    /// The label table, with those columns of the data set's own whose names are not taken.
    pub(crate) fn table(&self) -> LabelTable {
        let kept = self.kept_photos();
        let mut columns = Vec::new();
        for (position, column) in self.columns.iter().enumerate().filter(|(_, name)| !self.is_taken(name)) {
            let value = |(photo, _): &(usize, Split)| {
                let value = self.photos[*photo].1.values.get(position)?.as_ref()?;
                value.map(|text| normalised(text).into_owned())
            };
            columns.push((column.clone(), kept.iter().map(value).collect()));
        }
        let rows = kept.iter().map(|(photo, split)| self.row(*photo, *split)).collect();
        LabelTable { heads: self.head_records(), rows, columns }
    }

    /// Boxes of all photos, those left out included: their pixels may be there already.
    pub(crate) fn crops(&self) -> Vec<CropRow> {
        let crop = |((photo, _), crop): (&(&PhotoRow, &Annotation), &Option<Crop>)| CropRow {
            file_name: photo.file_name.clone(),
            crop: *crop,
        };
        self.photos.iter().zip(&self.boxes).map(crop).collect()
    }

    fn row(&self, photo: usize, split: Split) -> LabelRow {
        let (file, annotation) = &self.photos[photo];
        let name = annotation.class.and_then(|class| self.names.get(class)).map(|row| &row.name);
        LabelRow {
            file_name: file.file_name.clone(),
            split,
            class_name: name.map(|name| name.text.clone()),
            make: name.and_then(|name| name.make.clone()),
            model: name.and_then(|name| name.model.clone()),
            body: name.and_then(|name| name.body.clone()),
            year: name.and_then(|name| name.year),
            crop: self.boxes[photo],
            width: file.width,
            height: file.height,
            digest: file.digest,
            labels: self.heads.iter().map(|head| head.labels[photo].clone()).collect(),
        }
    }

    /// Whether the label table has a column of this name anyway.
    fn is_taken(&self, column: &str) -> bool {
        LabelTable::FIXED_COLUMNS.contains(&column) || self.head_with(column).is_some()
    }

    /// The head that has a column of this name.
    fn head_with(&self, column: &str) -> Option<&LabelledHead> {
        self.heads.iter().find(|head| head.name == column || format!("{}_id", head.name) == column)
    }

    /// Columns of the data set's own that the label table has another of by the same name, and whose values it does not
    /// show.
    pub(crate) fn columns_left_out(&self) -> Vec<&str> {
        let shown = |column: &str| {
            ColumnRule::PARTS.contains(&column)
                || self.head_with(column).is_some_and(|head| head.column.as_deref() == Some(column))
        };
        let columns = self.columns.iter().map(String::as_str);
        columns.filter(|column| self.is_taken(column) && !shown(column)).collect()
    }

    fn settle_leaks(&mut self, on_leak: OnLeak) -> Result<(), Error> {
        let dropped = {
            let leaks = self.leaks();
            let crossing: Vec<_> = leaks.iter().filter(|leak| leak.crosses.is_some()).collect();
            match on_leak {
                OnLeak::Error if !crossing.is_empty() => {
                    let names = self.file_names();
                    let examples = crossing.iter().take(EXAMPLES).map(|leak| leak.example(&names));
                    let examples = examples.collect::<Vec<_>>().join(", ");
                    let groups = counted(crossing.len() as u64, "group", "groups");
                    return Err(Error::Leaks { groups, examples });
                }
                OnLeak::DropFromTrain => {
                    crossing.iter().flat_map(|leak| leak.to_drop(&self.splits)).collect()
                }
                OnLeak::Error | OnLeak::Report => Vec::new(),
            }
        };
        dropped.into_iter().for_each(|photo| self.kept[photo] = false);
        Ok(())
    }

    fn count_names(&mut self) {
        for (photo, split) in self.kept_photos() {
            let class = self.photos[photo].1.class;
            if let Some(name) = class.and_then(|class| self.names.get_mut(class)) {
                name.photos[split as usize] += 1;
            }
        }
    }
}

/// The class names, each with its number of photos.
fn counted_names(names: &[ClassName], photos: &[&Annotation]) -> Vec<(ClassName, u64)> {
    let mut names: Vec<_> = names.iter().map(|name| (name.clone(), 0)).collect();
    for photo in photos {
        if let Some((_, count)) = photo.class.and_then(|class| names.get_mut(class)) {
            *count += 1;
        }
    }
    names
}
