//! What a photo is, for one head.

/// The label of a photo for one head.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    /// Not known: neither learnt from nor counted.
    Unknown,
    /// Exactly this class.
    Class(usize),
    /// These classes and no others, ascending.
    Tags(Vec<usize>),
}

impl Target {
    /// From a label table's id. Ids are checked against the classes when a table is read.
    pub(crate) fn of_class(id: Option<i64>) -> Self {
        id.and_then(|id| usize::try_from(id).ok()).map_or(Self::Unknown, Self::Class)
    }

    /// From a label table's list of ids.
    pub(crate) fn of_tags(ids: Option<&[i64]>) -> Self {
        ids.map_or(Self::Unknown, |ids| {
            Self::Tags(ids.iter().filter_map(|id| usize::try_from(*id).ok()).collect())
        })
    }

    /// The tags, if these are known.
    pub(crate) fn tags(&self) -> Option<&[usize]> {
        match self {
            Self::Tags(tags) => Some(tags),
            _ => None,
        }
    }
}
