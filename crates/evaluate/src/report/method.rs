//! How it was measured: facts of the network and the photos, and what the metrics mean.

use askama::Template;

/// The section.
#[derive(Template)]
#[template(path = "report/method.html")]
pub(super) struct MethodSection<'a> {
    /// Names and values, in order.
    pub(super) facts: &'a [(String, String)],
    /// Whether to explain the metrics of tags.
    pub(super) has_tags: bool,
}
