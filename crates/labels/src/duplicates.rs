//! Groups of duplicates: in one split each, and checked for leaks and contradicting labels.
//!
//! `leaks.parquet` has a row per photo of every group that is in several splits or labelled in several ways.

use std::collections::BTreeMap;
use std::path::Path;

use marque_contracts::schema::Split;
use marque_formats::{Column, DuplicateKind, DuplicateRow, Table};

use crate::heads::LabelledHead;
use crate::{Duplicates, Error};

/// Photos that are the same, by position among those that are there.
pub(crate) struct Group {
    number: u32,
    members: Vec<Member>,
}

struct Member {
    photo: usize,
    kind: DuplicateKind,
}

/// The groups that have two or more photos among `file_names`, which are sorted.
pub(crate) fn groups(rows: &[DuplicateRow], which: Duplicates, file_names: &[&str]) -> Vec<Group> {
    let mut groups: BTreeMap<_, Vec<Member>> = BTreeMap::new();
    for row in rows {
        let Ok(photo) = file_names.binary_search(&row.file_name.as_str()) else { continue };
        // Copies of one picture may be near to copies of another; only bytes tell them apart.
        let key = match (which, row.kind) {
            (Duplicates::Near, _) => (row.group, None),
            (Duplicates::Identical, DuplicateKind::Identical) => (row.group, Some(row.digest.to_string())),
            (Duplicates::Identical, DuplicateKind::Near) => continue,
        };
        groups.entry(key).or_default().push(Member { photo, kind: row.kind });
    }
    let groups = groups.into_iter().filter(|(_, members)| members.len() > 1);
    groups.zip(0..).map(|((_, members), number)| Group { number, members }).collect()
}

/// Number of its group, for each of `photos` photos.
pub(crate) fn group_of_photo(groups: &[Group], photos: usize) -> Vec<Option<u32>> {
    let mut numbers = vec![None; photos];
    for group in groups {
        for member in &group.members {
            numbers[member.photo] = Some(group.number);
        }
    }
    numbers
}

/// A group that is in several splits or labelled in several ways.
pub(crate) struct Leak<'a> {
    group: &'a Group,
    /// "train+test".
    pub(crate) crosses: Option<String>,
    /// "brand (Audi, BMW), era (…)".
    pub(crate) contradicts: Option<String>,
}

impl<'a> Leak<'a> {
    /// What is wrong with the groups, given each photo's split and the heads.
    pub(crate) fn find(groups: &'a [Group], splits: &[Split], heads: &[LabelledHead]) -> Vec<Self> {
        let leak = |group: &'a Group| {
            let crosses = crossing(group, splits);
            let contradicts = contradiction(group, heads);
            (crosses.is_some() || contradicts.is_some()).then_some(Self { group, crosses, contradicts })
        };
        groups.iter().filter_map(leak).collect()
    }

    /// Photos that must go so that the group is in one split: all but those of its last one.
    pub(crate) fn to_drop(&self, splits: &[Split]) -> Vec<usize> {
        let photos = || self.group.members.iter().map(|member| member.photo);
        let last = photos().map(|photo| splits[photo]).max();
        photos().filter(|photo| Some(splits[*photo]) < last).collect()
    }

    /// Two of its names and what is wrong: "a.jpg, b.jpg (train+test)".
    pub(crate) fn example(&self, file_names: &[&str]) -> String {
        let names = self.group.members.iter().take(2).map(|member| file_names[member.photo]);
        let names = names.collect::<Vec<_>>().join(", ");
        let wrong: Vec<_> = [&self.crosses, &self.contradicts].into_iter().flatten().cloned().collect();
        format!("{names} ({})", wrong.join("; "))
    }
}

fn crossing(group: &Group, splits: &[Split]) -> Option<String> {
    let inside = |split: &Split| group.members.iter().any(|member| splits[member.photo] == *split);
    let words: Vec<_> = Split::ALL.into_iter().filter(inside).map(Split::as_str).collect();
    (words.len() > 1).then(|| words.join("+"))
}

fn contradiction(group: &Group, heads: &[LabelledHead]) -> Option<String> {
    let of_head = |head: &LabelledHead| {
        let known = group.members.iter().filter(|member| head.labels[member.photo].is_known());
        let mut labels: Vec<_> = known.map(|member| head.shown(member.photo)).collect();
        labels.sort();
        labels.dedup();
        (labels.len() > 1).then(|| format!("{} ({})", head.name, labels.join(" / ")))
    };
    let wrong: Vec<_> = heads.iter().filter_map(of_head).collect();
    (!wrong.is_empty()).then(|| wrong.join(", "))
}

/// Writes `leaks.parquet`: group, kind, name, split, what is wrong, whether the photo was dropped, its labels.
pub(crate) fn write(
    path: &Path,
    leaks: &[Leak<'_>],
    file_names: &[&str],
    splits: &[Split],
    heads: &[LabelledHead],
    kept: &[bool],
) -> Result<(), Error> {
    let rows: Vec<_> =
        leaks.iter().flat_map(|leak| leak.group.members.iter().map(move |member| (leak, member))).collect();
    let labels = |photo: usize| {
        let label = |head: &LabelledHead| format!("{}: {}", head.name, head.shown(photo));
        heads.iter().map(label).collect::<Vec<_>>().join("; ")
    };
    let wrong = |pick: fn(&Leak<'_>) -> Option<String>| {
        Column::Text(rows.iter().map(|(leak, _)| pick(leak)).collect())
    };
    let table = Table::new()
        .with_integers("group", rows.iter().map(|(leak, _)| leak.group.number))
        .with_text("kind", rows.iter().map(|(_, member)| member.kind.as_str()))
        .with_text("file_name", rows.iter().map(|(_, member)| file_names[member.photo]))
        .with_text("split", rows.iter().map(|(_, member)| splits[member.photo].as_str()))
        .with("crosses", wrong(|leak| leak.crosses.clone()))
        .with("contradicts", wrong(|leak| leak.contradicts.clone()))
        .with("dropped", Column::Flag(rows.iter().map(|(_, m)| Some(!kept[m.photo])).collect()))
        .with_text("labels", rows.iter().map(|(_, member)| labels(member.photo)));
    Ok(table.write(path)?)
}
