//! A value of a label column: a text, or a list of texts.

use crate::table::Column;

/// A value of a label column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CellValue {
    /// One text; several tags may be in it, in whatever way its author separates them.
    Text(String),
    /// Several texts, or none.
    List(Vec<String>),
}

impl CellValue {
    /// The texts in it.
    pub fn texts(&self) -> &[String] {
        match self {
            Self::Text(text) => std::slice::from_ref(text),
            Self::List(items) => items,
        }
    }

    /// The same with `change` made to each text, without those that are empty then; `None` for a text that is.
    pub fn map(&self, change: impl Fn(&str) -> String) -> Option<Self> {
        let mut texts = self.texts().iter().map(|text| change(text)).filter(|text| !text.is_empty());
        match self {
            Self::Text(_) => texts.next().map(Self::Text),
            Self::List(_) => Some(Self::List(texts.collect())),
        }
    }

    /// A column of lists if one of the values is a list, else of text.
    pub(crate) fn column(values: impl Iterator<Item = Option<Self>>) -> Column {
        let values: Vec<_> = values.collect();
        if values.iter().flatten().any(|value| matches!(value, Self::List(_))) {
            return Column::TextList(values.into_iter().map(|value| Some(value?.texts().to_vec())).collect());
        }
        Column::Text(values.into_iter().map(|value| value?.texts().first().cloned()).collect())
    }

    /// The values of a column; `None` if it holds neither texts nor lists of them.
    pub(crate) fn of_column(column: &Column) -> Option<Vec<Option<Self>>> {
        match column {
            Column::Text(texts) => Some(texts.iter().map(|text| text.clone().map(Self::Text)).collect()),
            Column::TextList(lists) => Some(lists.iter().map(|list| list.clone().map(Self::List)).collect()),
            _ => None,
        }
    }
}

impl From<&str> for CellValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
