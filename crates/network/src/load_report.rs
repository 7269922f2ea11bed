//! What a weights file had to offer.

use std::fmt;

use marque_contracts::counts::listed;

/// What a weights file had to offer. All lists are sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Names of the variables that were set.
    pub loaded: Vec<String>,
    /// Names of variables that the file does not have; they keep their values.
    pub missing: Vec<String>,
    /// Names in the file that the network does not know.
    pub unexpected: Vec<String>,
    /// Variables that the file has in another shape; they keep their values.
    pub mis_shaped: Vec<MisShaped>,
    /// What all of these names begin with in the file.
    pub prefix: String,
    /// How many tensors of the file do not begin so.
    pub outside: usize,
}

/// A tensor of a file that does not fit its variable. Shapes are in torchvision's layout.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MisShaped {
    /// The name of both.
    pub name: String,
    /// The shape of the variable.
    pub expected: Vec<usize>,
    /// The shape in the file.
    pub found: Vec<usize>,
}

impl LoadReport {
    /// Whether every variable was set and nothing was left over.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.mis_shaped.is_empty()
    }
}

/// Most names of each kind in a message.
const MOST_NAMES: usize = 4;

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tensors fit", self.loaded.len())?;
        list(f, "missing", &self.missing)?;
        list(f, "not known", &self.unexpected)?;
        let shapes = self.mis_shaped.iter();
        let shapes = shapes
            .map(|MisShaped { name, expected, found }| format!("{name} {found:?} instead of {expected:?}"));
        list(f, "of another shape", &shapes.collect::<Vec<_>>())
    }
}

/// "; 7 missing: a, b, c, d, and 3 more", or nothing for an empty list.
fn list(f: &mut fmt::Formatter<'_>, what: &str, names: &[String]) -> fmt::Result {
    if names.is_empty() {
        return Ok(());
    }
    write!(f, "; {} {what}: {}", names.len(), listed(names, MOST_NAMES).join(", "))
}
