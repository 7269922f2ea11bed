//! Reasons why a stage is stale.

use std::fmt;

use crate::files::Damage;
use crate::fingerprint::{Difference, Field};

/// One reason why a stage's current result cannot be used.
#[derive(Clone, PartialEq, Debug)]
pub enum Reason {
    /// There is no result yet.
    NeverRun,
    /// An interrupted run has left what the next goes on from: in the stage's words, after "goes on".
    Interrupted(String),
    /// The user asked for it.
    Forced,
    /// Something that it depends on has another value, or content, or is no longer or newly there.
    Changed(Difference),
    /// A file of the result is missing or has another size.
    Damaged(Damage),
    /// The manifest of the result is damaged: what is wrong with it.
    Unreadable(String),
    /// The link to the current result leads to none: what it leads to, as the rest of a sentence.
    Dangling(String),
    /// A stage that it reads from has to run first; whether this one has to depends on what that writes.
    Upstream(&'static str),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NeverRun => f.write_str("has not run yet"),
            Reason::Interrupted(position) => write!(f, "not finished: goes on {position}"),
            Reason::Forced => f.write_str("forced"),
            Reason::Changed(Difference { field: field @ (Field::Input(_) | Field::Source(_)), .. }) => {
                write!(f, "{field} changed")
            }
            Reason::Changed(difference) => write!(f, "{difference}"),
            Reason::Damaged(damage) => write!(f, "{damage}"),
            Reason::Unreadable(error) => write!(f, "its record cannot be read: {error}"),
            Reason::Dangling(what) => write!(f, "the link `current` {what}"),
            Reason::Upstream(stage) => write!(f, "{stage} has to run first"),
        }
    }
}
