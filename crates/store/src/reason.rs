//! Reasons why a stage is stale.

use std::fmt;

use crate::fingerprint::{Difference, Fingerprint};
use crate::manifest::Damage;

/// One reason why a stage's current result cannot be used.
#[derive(Clone, PartialEq, Debug)]
pub enum Reason {
    /// There is no result yet.
    NeverRun,
    /// An interrupted run has left what the next goes on from: in the stage's words, after "goes on".
    Interrupted(String),
    /// The user asked for it.
    Forced,
    /// A setting is new, gone, or has another value.
    Setting(Difference),
    /// The stage's code, or the store's layout, has another version.
    Version(Difference),
    /// A file or folder of another stage that it reads has other content, or is no longer or newly read.
    Input(Difference),
    /// A source, a file outside the store, has other content.
    Source(Difference),
    /// A file of the result is missing or has another size.
    Damaged(Damage),
    /// The manifest of the result cannot be read.
    Unreadable(String),
    /// A stage that it reads from has to run first; whether this one has to depends on what that writes.
    Upstream(&'static str),
}

impl Reason {
    /// The differences between two fingerprints as reasons: settings first, then sources, inputs, versions.
    pub fn from_differences(now: &Fingerprint, before: &Fingerprint) -> Vec<Self> {
        let reason = |difference: Difference| match difference.field.split('.').next() {
            Some("settings") => Reason::Setting(difference),
            Some("inputs") => Reason::Input(difference),
            Some("sources") => Reason::Source(difference),
            _ => Reason::Version(difference),
        };
        let mut reasons: Vec<_> = now.differences(before).into_iter().map(reason).collect();
        // The user's own changes first: they explain the rest.
        reasons.sort_by_key(|reason| match reason {
            Reason::Setting(_) => 0,
            Reason::Source(_) => 1,
            Reason::Input(_) => 2,
            _ => 3,
        });
        reasons
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let strip = |difference: &Difference, prefix: &str| {
            let field = difference.field.strip_prefix(prefix).unwrap_or(&difference.field).to_owned();
            Difference { field, ..difference.clone() }
        };
        match self {
            Reason::NeverRun => f.write_str("has not run yet"),
            Reason::Interrupted(position) => write!(f, "not finished: goes on {position}"),
            Reason::Forced => f.write_str("forced"),
            Reason::Setting(difference) => write!(f, "{}", strip(difference, "settings.")),
            Reason::Version(difference) => write!(f, "{difference}"),
            Reason::Input(difference) => {
                let field = strip(difference, "inputs.").field.replacen('.', "/", 1);
                write!(f, "{field} changed")
            }
            Reason::Source(difference) => write!(f, "{} changed", strip(difference, "sources.").field),
            Reason::Damaged(damage) => write!(f, "{damage}"),
            Reason::Unreadable(error) => write!(f, "its record cannot be read: {error}"),
            Reason::Upstream(stage) => write!(f, "{stage} has to run first"),
        }
    }
}
