//! The labels of training photos.

pub(crate) use marque_contracts::schema::Label as Target;

/// From a label table's id. Ids are checked against the classes when a table is read.
pub(crate) fn of_class(id: Option<i64>) -> Target {
    id.and_then(|id| usize::try_from(id).ok()).into()
}

/// From a label table's list of ids.
pub(crate) fn of_tags(ids: Option<&[i64]>) -> Target {
    ids.map(|ids| ids.iter().filter_map(|id| usize::try_from(*id).ok()).collect::<Vec<_>>()).into()
}
