//! The normal form of names.

use std::borrow::Cow;

/// The normal form of a class name, a tag or a column name: without spaces around it. Every such text goes through here
/// where it enters, from an annotation file or from a table, so that what is compared later is compared in one form.
pub fn normalised(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text.trim())
}
