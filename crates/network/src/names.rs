//! Which names of a weights file belong to what.

/// Start of the names of all heads.
pub(crate) const HEADS: &str = "heads.";

/// The parameter `kind` (`weight` or `bias`) of a head.
pub(crate) fn head(name: &str, kind: &str) -> String {
    format!("{HEADS}{name}.{kind}")
}

/// What classifiers are called: by torchvision and timm, by torchvision's other networks, by those that replace one.
const CLASSIFIERS: [&str; 4] = ["fc.", "classifier.", "head.", "last_linear."];

/// The children of a ResNet of torchvision's, and their numbers in `nn.Sequential(*resnet.children())`: 2, 3 and 8 have no
/// parameters, and what comes after these is the classifier.
const CHILDREN: [(&str, usize); 6] =
    [("conv1", 0), ("bn1", 1), ("layer1", 4), ("layer2", 5), ("layer3", 6), ("layer4", 7)];

/// The name of a backbone's tensor where its children are numbered: `4.0.conv1.weight` for `layer1.0.conv1.weight`.
pub(crate) fn numbered(name: &str) -> String {
    let number = |child: &str| CHILDREN.iter().find(|(name, _)| *name == child).map(|(_, number)| *number);
    match name.split_once('.') {
        Some((child, rest)) => number(child).map_or(name.to_owned(), |number| format!("{number}.{rest}")),
        None => name.to_owned(),
    }
}

/// Whether a tensor of a backbone's file is expected to be left over: the classifier the backbone was trained
/// with, and PyTorch's count of batches, which only cumulative averages need.
pub(crate) fn is_leftover(name: &str) -> bool {
    CLASSIFIERS.iter().any(|classifier| name.starts_with(classifier))
        || name.starts_with(HEADS)
        || is_count(name)
}

/// The same where children are numbered.
pub(crate) fn is_leftover_number(name: &str) -> bool {
    let number = name.split('.').next().and_then(|number| number.parse().ok());
    is_count(name) || number.is_some_and(|number: usize| CHILDREN.iter().all(|(_, child)| *child < number))
}

/// Whether a tensor is PyTorch's count of batches of a normalisation.
pub(crate) fn is_count(name: &str) -> bool {
    name.ends_with(".num_batches_tracked")
}
