//! Everything the stage finds out: labels, splits, and what is wrong with duplicates.

use std::collections::BTreeMap;

use marque_contracts::schema::{Head, Split};
use marque_formats::{Crop, CropRow, DuplicateRow, LabelExtras, LabelRow, LabelTable, PhotoRow, TagColumn};

use crate::annotations::BOX_SLACK;
use crate::class_table::ClassRow;
use crate::duplicates::{Group, Leak, group_of_photo, groups};
use crate::heads::{HeadLabels, LabelledHead, Material};
use crate::{Annotation, Annotations, Candidate, ClassName, Error, OnLeak, Settings, SplitSource, hold_out};

/// Groups of duplicates that an error names.
const EXAMPLES: usize = 3;

/// The photos that are there and annotated, sorted by name, with all that is known about them.
pub(crate) struct Labelled<'a> {
    pub(crate) heads: Vec<LabelledHead>,
    pub(crate) splits: Vec<Split>,
    /// Whether a photo goes into the tables; one may be left out for a duplicate in another split.
    pub(crate) kept: Vec<bool>,
    pub(crate) names: Vec<ClassRow>,
    pub(crate) groups: Vec<Group>,
    /// Photos that no annotation is about.
    pub(crate) unlabelled: usize,
    /// Annotations of photos that are not there.
    pub(crate) absent: usize,
    /// Boxes that reached a little beyond their photos, cut, with the names of these.
    pub(crate) cut: Vec<(&'a str, Crop)>,
    /// Boxes that reach far beyond their photos.
    pub(crate) beyond: Vec<(&'a PhotoRow, Crop)>,
    photos: Vec<(&'a PhotoRow, &'a Annotation)>,
    boxes: Vec<Option<Crop>>,
    columns: &'a [String],
}

/// How a box lies in its photo.
enum Lie {
    Inside(Crop),
    Cut(Crop),
    Beyond(Crop),
}

impl Lie {
    /// Cuts a box that reaches beyond the right or lower edge by little: a few pixels, or a fiftieth of the side.
    fn of(crop: Crop, photo: &PhotoRow) -> Self {
        let slack = |side: u32| BOX_SLACK.max(side / 50);
        let ends = [(crop.x1, crop.x2, photo.width), (crop.y1, crop.y2, photo.height)];
        if ends.iter().all(|(_, end, side)| end <= side) {
            Self::Inside(crop)
        } else if ends
            .iter()
            .all(|(start, end, side)| start < side && *end <= side.saturating_add(slack(*side)))
        {
            Self::Cut(Crop { x2: crop.x2.min(photo.width), y2: crop.y2.min(photo.height), ..crop })
        } else {
            Self::Beyond(crop)
        }
    }
}

impl<'a> Labelled<'a> {
    pub(crate) fn of(
        settings: &Settings,
        photos: &'a [PhotoRow],
        annotations: &'a Annotations,
        duplicates: &[DuplicateRow],
    ) -> Result<Self, Error> {
        let matched = matched(photos, annotations)?;
        let found: Vec<_> = matched.iter().map(|(_, annotation)| *annotation).collect();
        let names = counted_names(&annotations.class_names, &found);
        let material = Material { annotations, photos: &found, names: &names, reading: settings.reading };
        let heads: Vec<_> =
            settings.heads.iter().map(|head| LabelledHead::of(head, &material)).collect::<Result<_, _>>()?;
        let file_names: Vec<_> = found.iter().map(|annotation| annotation.file_name.as_str()).collect();
        let groups = groups(duplicates, settings.duplicates, &file_names);
        let splits = splits(settings, &found, &heads, &groups);
        let (mut boxes, mut cut, mut beyond) = (Vec::new(), Vec::new(), Vec::new());
        for (photo, annotation) in &matched {
            boxes.push(annotation.crop.map(|crop| {
                let (crop, is_cut) = match Lie::of(crop, photo) {
                    Lie::Inside(crop) => (crop, annotation.cut),
                    Lie::Cut(crop) => (crop, true),
                    Lie::Beyond(crop) => {
                        beyond.push((*photo, crop));
                        (crop, false)
                    }
                };
                if is_cut {
                    cut.push((photo.file_name.as_str(), crop));
                }
                crop
            }));
        }
        let mut labelled = Self {
            boxes,
            cut,
            beyond,
            kept: vec![true; found.len()],
            names: names.into_iter().map(|(name, _)| ClassRow { name, photos: [0; 3] }).collect(),
            unlabelled: photos.len().saturating_sub(found.len()),
            absent: annotations.photos.len().saturating_sub(found.len()),
            photos: matched,
            columns: &annotations.columns,
            heads,
            splits,
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

    /// The label table: single heads as labels of its rows, the others and the own columns as extras.
    pub(crate) fn table(&self) -> (LabelTable, LabelExtras) {
        let kept = self.kept_photos();
        let mut table = LabelTable::default();
        let mut extras = LabelExtras::default();
        let mut single = Vec::new();
        for head in &self.heads {
            match &head.labels {
                HeadLabels::Single(ids) => {
                    table.heads.push((head.name.clone(), head.classes.clone()));
                    single.push(ids);
                }
                HeadLabels::Tags(ids) => extras.tags.push(TagColumn {
                    name: head.name.clone(),
                    classes: head.classes.clone(),
                    rows: kept.iter().map(|(photo, _)| ids[*photo].clone()).collect(),
                }),
            }
        }
        table.rows = kept.iter().map(|(photo, split)| self.row(*photo, *split, &single)).collect();
        for (position, column) in self.columns.iter().enumerate() {
            if !self.is_taken(column) {
                let value = |(photo, _): &(usize, Split)| self.photos[*photo].1.values.get(position)?.clone();
                extras.columns.push((column.clone(), kept.iter().map(value).collect()));
            }
        }
        (table, extras)
    }

    /// Boxes of all photos, those left out included: their pixels may be there already.
    pub(crate) fn crops(&self) -> Vec<CropRow> {
        let crop = |((photo, _), crop): (&(&PhotoRow, &Annotation), &Option<Crop>)| CropRow {
            file_name: photo.file_name.clone(),
            crop: *crop,
        };
        self.photos.iter().zip(&self.boxes).map(crop).collect()
    }

    fn row(&self, photo: usize, split: Split, heads: &[&Vec<Option<i64>>]) -> LabelRow {
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
            labels: heads.iter().map(|ids| ids[photo]).collect(),
        }
    }

    /// Whether the label table has a column of this name anyway.
    fn is_taken(&self, column: &str) -> bool {
        LabelTable::FIXED_COLUMNS.contains(&column)
            || self.heads.iter().any(|head| head.name == column || format!("{}_id", head.name) == column)
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
                    let s = if crossing.len() == 1 { "" } else { "s" };
                    return Err(Error::Leaks { groups: format!("{} group{s}", crossing.len()), examples });
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

/// Photos with their annotations, sorted by name.
fn matched<'a>(
    photos: &'a [PhotoRow],
    annotations: &'a Annotations,
) -> Result<Vec<(&'a PhotoRow, &'a Annotation)>, Error> {
    let by_name: BTreeMap<_, _> = photos.iter().map(|photo| (photo.file_name.as_str(), photo)).collect();
    let find = |annotation: &'a Annotation| Some((*by_name.get(annotation.file_name.as_str())?, annotation));
    let found: Vec<_> = annotations.photos.iter().filter_map(find).collect();
    if found.is_empty() {
        let none = || "none".to_owned();
        return Err(Error::Unmatched {
            annotations: annotations.photos.len(),
            photos: photos.len(),
            annotated: annotations.photos.first().map_or_else(none, |first| first.file_name.clone()),
            photo: photos.first().map_or_else(none, |first| first.file_name.clone()),
        });
    }
    Ok(found)
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

/// The split of each photo.
fn splits(
    settings: &Settings,
    photos: &[&Annotation],
    heads: &[LabelledHead],
    groups: &[Group],
) -> Vec<Split> {
    let official = settings.split == SplitSource::Official;
    let given = |photo: &&Annotation| photo.split.filter(|_| official).unwrap_or(Split::Train);
    let mut splits: Vec<_> = photos.iter().map(given).collect();
    let groups = match settings.split {
        SplitSource::Official | SplitSource::Grouped => group_of_photo(groups, photos.len()),
        SplitSource::Stratified => vec![None; photos.len()],
    };
    let strata = strata(heads, photos.len());
    let classes: Vec<Vec<_>> = (0..photos.len()).map(|photo| classes(heads, photo)).collect();
    let labelled = |photo: usize| heads.iter().any(|head| head.ids(photo).is_some());
    for (split, share) in [(Split::Test, settings.test), (Split::Validation, settings.validation)] {
        if (0..photos.len()).any(|photo| splits[photo] == split && labelled(photo)) {
            continue;
        }
        let train: Vec<_> = (0..photos.len()).filter(|photo| splits[*photo] == Split::Train).collect();
        let candidate = |photo: &usize| Candidate {
            file_name: &photos[*photo].file_name,
            stratum: &strata[*photo],
            classes: &classes[*photo],
            group: groups[*photo],
        };
        let candidates: Vec<_> = train.iter().map(candidate).collect();
        let chosen = hold_out(&candidates, share, settings.seed, split.as_str());
        train.iter().zip(chosen).filter(|(_, chosen)| *chosen).for_each(|(photo, _)| splits[*photo] = split);
    }
    splits
}

/// What is to be in proportion: the class of each photo in each head with one, then of each head with tags the rarest
/// that the photo has. Sets of tags are too many to be strata, and what there is plenty of needs no care.
fn strata(heads: &[LabelledHead], photos: usize) -> Vec<Vec<Option<&str>>> {
    let mut strata = vec![Vec::with_capacity(heads.len()); photos];
    for head in heads {
        let HeadLabels::Single(ids) = &head.labels else { continue };
        for (stratum, id) in strata.iter_mut().zip(ids) {
            stratum.push(id.map(|id| head.class(id)));
        }
    }
    for head in heads {
        let HeadLabels::Tags(ids) = &head.labels else { continue };
        let mut counts = vec![0_usize; head.classes.len()];
        ids.iter().flatten().flatten().for_each(|id| counts[*id as usize] += 1);
        // Of equally rare ones the first by name, so that the order of the classes does not matter.
        let rarest = |tags: &Vec<i64>| {
            let key = |id: &&i64| (counts[**id as usize], head.class(**id));
            tags.iter().min_by_key(key).map_or("", |id| head.class(*id))
        };
        for (stratum, tags) in strata.iter_mut().zip(ids) {
            stratum.push(tags.as_ref().map(rarest));
        }
    }
    strata
}

/// The classes and tags of a photo, each with the position of its head.
fn classes(heads: &[LabelledHead], photo: usize) -> Vec<(usize, &str)> {
    let of_head = |(position, head): (usize, _)| {
        let head: &LabelledHead = head;
        head.ids(photo).into_iter().flatten().map(move |id| (position, head.class(*id)))
    };
    heads.iter().enumerate().flat_map(of_head).collect()
}
