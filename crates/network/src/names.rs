//! Which names of a weights file belong to what.

/// Start of the names of all heads.
pub(crate) const HEADS: &str = "heads.";

/// The parameter `kind` (`weight` or `bias`) of a head.
pub(crate) fn head(name: &str, kind: &str) -> String {
    format!("{HEADS}{name}.{kind}")
}

/// What classifiers are called: by torchvision and timm, by torchvision's other networks, by those that replace one.
const CLASSIFIERS: [&str; 4] = ["fc.", "classifier.", "head.", "last_linear."];

/// Whether a tensor of a backbone's file is expected to be left over: the classifier the backbone was trained
/// with, and PyTorch's count of batches, which only cumulative averages need.
pub(crate) fn is_leftover(name: &str) -> bool {
    CLASSIFIERS.iter().any(|classifier| name.starts_with(classifier))
        || name.starts_with(HEADS)
        || is_count(name)
}

/// Whether a tensor is PyTorch's count of batches of a normalisation.
pub(crate) fn is_count(name: &str) -> bool {
    name.ends_with(".num_batches_tracked")
}
