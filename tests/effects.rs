//! Every key of `[train]` and `[evaluate]` does something: another value changes the result, or is refused with the reason.

use std::collections::BTreeSet;

use crate::labelling::{COLOUR, own};
use crate::project::{Called, Project};

/// What another value of a key comes to.
enum Effect {
    /// Files of the stage come out otherwise.
    Changes,
    /// The same files, as the documents say.
    NoResult,
    /// Refused, with these words.
    Refused(&'static str),
}

use Effect::{Changes, NoResult, Refused};

/// A key with another value, what else is set in both runs, and what the value comes to.
type Case = (&'static str, &'static str, &'static [&'static str], Effect);

const SGD: &[&str] = &["train.optimizer=sgd"];
const STEP: &[&str] = &["train.schedule=step", "train.step_epochs=1"];
const BOTH: &[&str] = &["train.mixup_alpha=1", "train.cutmix_alpha=1"];
const FROZEN: &[&str] = &["train.freeze=[\"stem\"]"];
const CACHED: &[&str] = &["train.freeze=[\"stem\"]", "train.cache_features=true"];
const HIGH: &[&str] = &["train.learning_rate=0.05", "train.epochs=8", "train.schedule=constant"];

const TRAIN: &[Case] = &[
    ("backbone", "resnet34", &[], Changes),
    ("bottleneck_stride", "first-1x1", &[], Refused("changes nothing without train.backbone = \"resnet50\"")),
    ("weights", "weights.safetensors", &[], Changes),
    ("weights_prefix", "backbone.", &[], Refused("needs train.weights")),
    ("norm_eps", "0.01", &[], Changes),
    ("mean", "[0.4, 0.5, 0.6]", &[], Changes),
    ("std", "[0.25, 0.25, 0.25]", &[], Changes),
    ("epochs", "1", &[], Changes),
    ("batch_size", "7", &[], Changes),
    ("accumulate", "2", &[], Changes),
    ("seed", "2", &[], Changes),
    ("optimizer", "sgd", &[], Changes),
    ("beta1", "0.5", &[], Changes),
    ("beta1", "0.5", SGD, Refused("changes nothing with train.optimizer = \"sgd\"")),
    ("beta2", "0.5", &[], Changes),
    ("beta2", "0.5", SGD, Refused("changes nothing with train.optimizer = \"sgd\"")),
    ("eps", "0.1", &[], Changes),
    ("eps", "0.1", SGD, Refused("changes nothing with train.optimizer = \"sgd\"")),
    ("momentum", "0.5", SGD, Changes),
    ("momentum", "0.5", &[], Refused("changes nothing with train.optimizer = \"adamw\"")),
    ("nesterov", "true", SGD, Changes),
    ("nesterov", "true", &[], Refused("changes nothing with train.optimizer = \"adamw\"")),
    ("nesterov", "true", &["train.optimizer=sgd", "train.momentum=0"], Refused("needs train.momentum")),
    ("learning_rate", "0.0001", &[], Changes),
    ("learning_rate", "0", &[], Refused("as it is, nothing would be learnt")),
    ("head_learning_rate", "0.1", &[], Changes),
    ("layer_decay", "0.5", &[], Changes),
    ("weight_decay", "1", &[], Changes),
    ("schedule", "constant", &[], Changes),
    ("warmup", "0.75", &[], Changes),
    ("step_epochs", "2", STEP, Changes),
    ("step_epochs", "2", &[], Refused("changes nothing without train.schedule = \"step\"")),
    ("step_factor", "0.5", STEP, Changes),
    ("step_factor", "0.5", &[], Refused("changes nothing without train.schedule = \"step\"")),
    ("clip_norm", "0.01", &[], Changes),
    ("ema_decay", "0.9", &[], Changes),
    ("ema_warmup", "false", &["train.ema_decay=0.9"], Changes),
    ("ema_warmup", "false", &[], Refused("changes nothing without train.ema_decay above 0")),
    ("dropout", "0.5", &[], Changes),
    ("class_weights", "inverse", &[], Changes),
    ("label_smoothing", "0.2", &[], Changes),
    // No photo here has a box.
    ("locator_steps", "1", &[], NoResult),
    ("focal_gamma", "2", &[], Changes),
    ("head_weighting", "uncertainty", &[], Changes),
    ("flip", "false", &[], Changes),
    ("shift", "1", &[], Changes),
    ("shift", "1", CACHED, Refused("changes nothing with train.cache_crops = 1")),
    ("random_resized_crop", "[0.5, 0.9]", &[], Changes),
    (
        "random_resized_crop",
        "[0.5, 0.9]",
        CACHED,
        Refused("so that train.random_resized_crop changes nothing"),
    ),
    ("colour_jitter", "[0.4, 0.4, 0.4, 0.1]", &[], Changes),
    ("rand_augment", "[2, 9]", &[], Changes),
    ("random_erasing", "0.9", &[], Changes),
    ("mixup_alpha", "1", &[], Changes),
    ("mixup_alpha", "1", CACHED, Refused("does not go with train.mixup_alpha")),
    ("cutmix_alpha", "1", &[], Changes),
    ("cutmix_probability", "1", BOTH, Changes),
    ("cutmix_probability", "1", &[], Refused("without train.mixup_alpha and train.cutmix_alpha")),
    ("resize", "[[1, 16]]", &[], Changes),
    ("freeze", "[\"stem\"]", &[], Changes),
    ("freeze_epochs", "1", FROZEN, Changes),
    ("freeze_epochs", "1", &[], Refused("needs train.freeze")),
    ("freeze_norm_statistics", "true", &[], Changes),
    ("cache_features", "true", &["train.freeze=[\"stem\"]", "train.shift=0"], Changes),
    ("cache_features", "true", &[], Refused("needs train.freeze")),
    // One crop is the photo as it is.
    ("cache_crops", "2", &["train.freeze=[\"stem\"]", "train.cache_features=true", "train.shift=0"], Changes),
    ("cache_crops", "2", &[], Refused("changes nothing without train.cache_features = true")),
    // At a rate at which a training does not hold what it has reached.
    ("select_by", "last", HIGH, Changes),
    ("patience", "1", HIGH, Changes),
    ("patience", "1", &["train.select_by=last"], Refused("needs epochs to be compared")),
    ("keep_checkpoints", "2", &[], Changes),
    ("checkpoint_steps", "1", &[], NoResult),
];

const HEADS: &[Case] = &[
    ("loss_weight", "3", &[], Changes),
    ("auxiliary", "true", &[], Changes),
    ("implies", "[\"size\"]", &[], Changes),
    ("class_weights", "inverse", &[], Changes),
    ("label_smoothing", "0.2", &[], Changes),
    ("focal_gamma", "2", &[], Changes),
];

const EVALUATE: &[Case] = &[
    ("split", "validation", &[], Changes),
    // Each photo is computed by itself.
    ("batch_size", "1", &[], NoResult),
    ("flip", "true", &[], Changes),
    ("photos", "1", &[], Changes),
    ("mistakes", "0", &[], Changes),
    ("features", "true", &[], Changes),
];

const PREDICT: &[Case] =
    &[("target_precision", "0.9", &[], Changes), ("min_familiarity", "0.05", &[], Changes)];

/// A training of two short epochs, with two heads of which the classes of one imply those of the other.
fn project() -> Project {
    let size = "[[heads]]\nname = \"size\"\nrule = \"column\"\n";
    let project = own(&format!(
        "[labels]\nvalidation = 0.4\n{COLOUR}{size}[preprocess]\nsize = 20\n[train]\nepochs = 2\nbatch_size = 5\nshift = 2\n\
         dropout = 0.0\nkeep_checkpoints = 0\n"
    ));
    let row = |i: usize| {
        let colour = ["red", "blue", "red", "green", "red"][i % 5];
        let size = if colour == "red" { "small" } else { "large" };
        format!("{i:02}.png,{},{colour},{size}\n", if i < 30 { "train" } else { "test" })
    };
    let rows: String = (0..40).map(row).collect();
    std::fs::write(project.path("cars.csv"), format!("file_name,split,colour,size\n{rows}")).unwrap();
    project
}

fn call(project: &Project, stage: &str, pairs: &[&str]) -> Called {
    let set = pairs.iter().flat_map(|pair| ["--set", pair]);
    project.call(&["run", stage].into_iter().chain(set).collect::<Vec<_>>())
}

/// The keys of a section that the code declares.
fn declared(project: &Project, section: &str) -> BTreeSet<String> {
    let text = project.call(&["config", "--reference", "--json"]).succeeded().stdout;
    let sections: serde_json::Value = serde_json::from_str(&text).unwrap();
    let found = sections.as_array().unwrap().iter().find(|found| found["section"] == section).unwrap();
    let keys = found["keys"].as_array().unwrap().iter().map(|key| key["key"].as_str().unwrap().to_owned());
    keys.collect()
}

/// The other value of a key with what else is set.
fn other<'a>(pair: &'a str, with: &[&'a str]) -> Vec<&'a str> {
    [with, &[pair]].concat()
}

/// Every key that the code declares in a section has a case.
fn check_complete(project: &Project, section: &str, cases: &[Case]) {
    let tried: BTreeSet<_> = cases.iter().map(|(key, ..)| (*key).to_owned()).collect();
    assert_eq!(
        declared(project, section),
        tried,
        "each key of [{section}] has a case, and there are no others"
    );
}

/// Tries the values that change files, or are to leave them as they are; keys are written `prefix.key`.
fn check_changes(project: &Project, prefix: &str, stage: &str, cases: &[Case]) {
    call(project, "train", &[]).succeeded();
    let model = project.path("data/train/current/model/model.safetensors");
    std::fs::copy(model, project.path("weights.safetensors")).unwrap();
    let mut wrong = Vec::new();
    for (key, value, with, effect) in cases.iter().filter(|(.., effect)| !matches!(effect, Refused(_))) {
        let pair = format!("{prefix}.{key}={value}");
        call(project, stage, with).succeeded();
        let before = project.content(stage);
        call(project, stage, &other(&pair, with)).succeeded();
        let changed = before != project.content(stage);
        if matches!(effect, Changes) != changed {
            wrong.push(format!("{pair} with {with:?}: files changed: {changed}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_key_of_train_has_a_case_and_what_changes_nothing_is_refused() {
    let project = project();
    check_complete(&project, "train", TRAIN);
    for (key, value, with, effect) in TRAIN {
        let Refused(reason) = effect else { continue };
        let pair = format!("train.{key}={value}");
        let set = other(&pair, with).into_iter().flat_map(|pair| ["--set", pair]);
        let called = project.call(&["status"].into_iter().chain(set).collect::<Vec<_>>());
        called.failed(3, reason);
    }
}

#[test]
#[ignore = "sixty trainings take minutes: make test-all"]
fn every_other_key_of_train_changes_the_result() {
    check_changes(&project(), "train", "train", TRAIN);
}

#[test]
fn every_key_of_a_head_s_training_changes_the_result() {
    let project = project();
    check_complete(&project, "train.heads.NAME", HEADS);
    check_changes(&project, "train.heads.colour", "train", HEADS);
}

#[test]
fn every_key_of_evaluate_changes_the_result() {
    let project = project();
    check_complete(&project, "evaluate", EVALUATE);
    check_changes(&project, "evaluate", "evaluate", EVALUATE);
    check_complete(&project, "predict", PREDICT);
    check_changes(&project, "predict", "evaluate", PREDICT);
}
