//! Names of the annotation files of Stanford Cars (Krause et al. 2013), as published.

/// `class_names`: a cell array with the name of each class.
pub const CLASS_NAMES: &str = "cars_meta.mat";
/// `annotations` of the training photos: a struct array of box, class and file name.
pub const TRAIN: &str = "cars_train_annos.mat";
/// `annotations` of the test photos with their classes, published after the challenge.
pub const TEST: &str = "cars_test_annos_withlabels.mat";
/// `annotations` of the test photos without their classes, as in the devkit.
pub const TEST_UNLABELLED: &str = "cars_test_annos.mat";
/// Class names and annotations of both splits in one file, for the layout of one folder of photos.
pub const ALL: &str = "cars_annos.mat";
