//! What can be asked of training, through the program.

use crate::project::{PIPELINE, Project};

/// Heads only, from activations that are kept.
const CACHED: [&str; 8] = [
    "--set",
    "train.freeze=[\"stem\", \"layer1\", \"layer2\", \"layer3\", \"layer4\"]",
    "--set",
    "train.cache_features=true",
    "--set",
    "train.cache_crops=2",
    "--set",
    "train.head_learning_rate=0.01",
];

fn with<'a>(command: &[&'a str], set: &[&'a str]) -> Vec<&'a str> {
    [command, set].concat()
}

#[test]
fn features_of_frozen_parts_are_computed_once_and_belong_to_the_store() {
    let project = Project::finished();
    let first = project.call(&with(&["run"], &CACHED)).succeeded();
    assert_eq!(first.ran(), ["features", "train", "evaluate"], "{}", first.stdout);
    assert!(first.stdout.contains("4 views each, 5 parts frozen"), "{}", first.stdout);
    let more = with(&["run", "--set", "train.epochs=4"], &CACHED);
    assert_eq!(project.call(&more).succeeded().ran(), ["train", "evaluate"]);
    let verified = project.call(&with(&["verify"], &CACHED)).succeeded();
    assert!(verified.stdout.contains("features   ok"), "{}", verified.stdout);
    let status = project.call(&with(&["status"], &CACHED)).succeeded();
    assert!(status.stdout.lines().any(|line| line.starts_with("features")), "{}", status.stdout);

    // A damaged file is found and made again.
    let path = project.path("data/features/current/features/00000.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    project.call(&with(&["verify"], &CACHED)).failed(5, "not what was written");
    let mended = with(&["run", "--set", "train.epochs=5"], &CACHED);
    assert_eq!(project.call(&mended).succeeded().ran(), ["features", "train", "evaluate"]);

    // In use as long as the configuration asks for it.
    project.call(&with(&["gc"], &CACHED)).succeeded();
    assert!(path.exists());
    project.call(&["gc"]).succeeded();
    assert!(!project.path("data/features").exists());
}

#[test]
fn other_pixels_weights_or_crops_make_other_features_and_other_heads_do_not() {
    let cases: [(&str, &[&str]); 5] = [
        ("train.cache_crops=3", &["features", "train"]),
        ("train.norm_eps=1e-4", &["features", "train"]),
        ("runtime.precision=bf16", &["features", "train"]),
        ("preprocess.size=40", &["preprocess", "features", "train"]),
        ("heads.2.breaks=[2010]", &["labels", "train"]),
    ];
    let project = Project::finished();
    project.call(&with(&["run", "train"], &CACHED)).succeeded();
    for (set, expected) in cases {
        let called = project.call(&with(&["run", "train"], &[&CACHED[..], &["--set", set]].concat()));
        assert_eq!(called.succeeded().ran(), expected, "{set}");
        project.call(&with(&["run", "train"], &CACHED)).succeeded();
    }
    // Where no crop is drawn, how crops are drawn makes no difference.
    let plain = [&CACHED[..], &["--set", "train.cache_crops=1"]].concat();
    project.call(&with(&["run", "train"], &plain)).succeeded();
    let still = [&plain[..], &["--set", "train.shift=0"]].concat();
    assert_eq!(project.call(&with(&["run", "train"], &still)).succeeded().ran(), ["train"]);
    let moved = [&plain[..], &["--set", "train.shift=2"]].concat();
    let refused = "train.shift = 2: changes nothing with train.cache_crops = 1";
    project.call(&with(&["run", "train"], &moved)).failed(3, refused);
    // Activations of another network are none to look for a learning rate with, nor to show.
    let other = [&CACHED[..], &["--set", "train.norm_eps=1e-4"]].concat();
    let called = project.call(&with(&["lr-find"], &other));
    called.failed(4, "the result of `features` is not the one that this configuration asks for");
    let tried = project.call(&with(&["run", "--dry-run"], &other)).succeeded();
    let said = "training cannot be tried yet: `marque run features` makes what it reads first";
    assert!(tried.stdout.contains(said), "{}", tried.stdout);
    // Photos are shown, whatever their activations; and of other labels activations are as good as any.
    project.call(&with(&["preview"], &other)).succeeded();
    let relabelled = [&plain[..], &["--set", "heads.2.breaks=[2010]"]].concat();
    let swept = project.call(&with(&["lr-find", "--steps", "20"], &relabelled)).succeeded();
    assert!(swept.stdout.contains("though labels would run first"), "{}", swept.stdout);
}

#[test]
fn training_from_features_of_the_last_part_is_training_with_it_frozen() {
    // One view, so that both see the same photos; half precision is what differs.
    let set = [
        "--set",
        "train.flip=false",
        "--set",
        "train.shift=0",
        "--set",
        "train.freeze=[\"stem\", \"layer1\", \"layer2\"]",
        "--set",
        "train.cache_crops=1",
        "--set",
        "train.select_by=last",
    ];
    let losses = |cached: &str| -> Vec<f64> {
        let project = Project::finished();
        project.call(&with(&["run", "train", "--set", cached], &set)).succeeded();
        let history = std::fs::read_to_string(project.path("data/train/current/history.csv")).unwrap();
        let rows = history.lines().skip(1);
        rows.flat_map(|row| row.split(',').skip(4).take(2).map(|n| n.parse().unwrap()).collect::<Vec<f64>>())
            .collect()
    };
    let (kept, computed) = (losses("train.cache_features=true"), losses("train.cache_features=false"));
    for (kept, computed) in kept.iter().zip(&computed) {
        assert!((kept - computed).abs() < 0.02 * computed, "{kept} instead of {computed}");
    }
}

#[test]
fn early_stopping_and_growing_sizes() {
    let project = Project::finished();
    let set = [
        "--set",
        "train.learning_rate=0.02",
        "--set",
        "train.schedule=constant",
        "--set",
        "train.select_by=loss",
        "--set",
        "train.patience=2",
        "--set",
        "train.epochs=40",
        "--set",
        "train.resize=[[1, 20], [2, 32]]",
    ];
    project.call(&with(&["run", "train"], &set)).succeeded();
    let history = std::fs::read_to_string(project.path("data/train/current/history.csv")).unwrap();
    let rows: Vec<Vec<&str>> = history.lines().map(|row| row.split(',').collect()).collect();
    let column = |name: &str| rows[0].iter().position(|column| *column == name).unwrap();
    let losses: Vec<f64> =
        rows[1..].iter().map(|row| row[column("validation_loss")].parse().unwrap()).collect();
    let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let kept = rows[1..].iter().position(|row| row[column("kept")] == "true").unwrap();
    assert_eq!(losses[kept], best);
    assert!(losses.len() < 40, "forty photos are learnt by heart before that: {losses:?}");
    assert_eq!(losses.len(), kept + 1 + 2, "two epochs without a better one: {losses:?}");
    // Twelve photos to measure on are soon as right as they get: epochs that are as good are no better.
    let accuracy = set.map(|pair| pair.replace("select_by=loss", "select_by=accuracy"));
    let accuracy: Vec<&str> = accuracy.iter().map(String::as_str).collect();
    let stopped = project.call(&with(&["run", "train"], &accuracy)).succeeded();
    let history = std::fs::read_to_string(project.path("data/train/current/history.csv")).unwrap();
    let rows: Vec<Vec<&str>> = history.lines().map(|row| row.split(',').collect()).collect();
    let columns = rows[0].iter().enumerate().filter(|(_, name)| name.starts_with("validation_accuracy_"));
    let columns: Vec<usize> = columns.map(|(column, _)| column).collect();
    let score = |row: &Vec<&str>| columns.iter().map(|at| row[*at].parse::<f64>().unwrap()).sum::<f64>();
    let scores: Vec<f64> = rows[1..].iter().map(score).collect();
    let highest = scores.iter().copied().fold(0.0, f64::max);
    let first = scores.iter().position(|score| *score >= highest - 1e-9).unwrap();
    assert_eq!(scores.len(), first + 1 + 2, "two epochs without a better one: {scores:?}");
    let said = format!("stopped: 2 epochs without a better one than {}", first + 1);
    assert!(stopped.stdout.contains(&said), "{said:?} is not in\n{}", stopped.stdout);
    project
        .call(&["run", "train", "--set", "train.resize=[[1, 64]]"])
        .failed(3, "train.resize: asks for photos of 64 pixels, but preprocess.size is 32");
}

#[test]
fn every_option_of_the_optimiser_trains() {
    let cases: [&[&str]; 4] = [
        &[
            "train.optimizer=sgd",
            "train.nesterov=true",
            "train.schedule=step",
            "train.step_epochs=1",
            "train.clip_norm=1",
        ],
        &["train.layer_decay=0.7", "train.schedule=cosine", "train.ema_decay=0.99", "train.accumulate=3"],
        &["train.freeze_norm_statistics=true", "train.focal_gamma=2", "train.class_weights=effective"],
        &[
            "train.random_resized_crop=[0.5, 1.0]",
            "train.colour_jitter=[0.2, 0.2, 0.2, 0.05]",
            "train.rand_augment=[2, 5]",
            "train.random_erasing=0.3",
            "train.cutmix_alpha=1",
            "train.mixup_alpha=0.2",
        ],
    ];
    for case in cases {
        let project = Project::finished();
        let set: Vec<_> = case.iter().flat_map(|pair| ["--set", pair]).collect();
        project.call(&with(&["run", "train"], &set)).succeeded();
    }
}

#[test]
fn what_does_not_fit_together_is_said_before_anything_runs() {
    let cases = [
        ("train.freeze=[\"layer1\"]", "train.freeze: must be the first of \"stem\", \"layer1\""),
        ("train.cache_features=true", "train.cache_features: needs train.freeze"),
        (
            "train.heads.colour.loss_weight=2",
            "train.heads.colour: is for no head; the heads are brand, type, era",
        ),
        (
            "train.heads.brand.implies=[\"type\", \"colour\"]",
            "train.heads.brand.implies: names `colour`; the heads are brand, type, era",
        ),
        ("train.heads.brand.implies=[\"brand\"]", "names the head itself"),
        ("train.resize=[[1, 96]]", "train.resize: asks for photos of 96 pixels, but preprocess.size is 32"),
        ("train.freeze_epochs=2", "train.freeze_epochs: needs train.freeze"),
        ("train.heads.brand.loss_wieght=2", "did you mean `loss_weight`?"),
        ("train.resize=[[3, 32], [1, 64]]", "train.resize: must be pairs"),
        ("train.colour_jitter=[0.1, 0.1, 0.1, 0.9]", "hue"),
    ];
    let project = Project::new(PIPELINE);
    for (set, message) in cases {
        project.call(&["status", "--set", set]).failed(3, message);
    }
}

#[test]
fn settings_that_would_change_nothing_are_refused() {
    let cases: [(&[&str], &str); 4] = [
        (&["train.patience=2", "train.select_by=last"], "train.patience: needs epochs to be compared"),
        (
            &["train.optimizer=sgd", "train.nesterov=true", "train.momentum=0"],
            "train.nesterov: needs train.momentum above 0",
        ),
        (
            &["train.freeze=[\"stem\"]", "train.cache_features=true", "train.rand_augment=[2, 9]"],
            "train.cache_crops: keeps each photo as it is, so that train.rand_augment changes nothing",
        ),
        (
            &[
                "train.heads.brand.loss_weight=0",
                "train.heads.type.loss_weight=0",
                "train.heads.era.loss_weight=0",
            ],
            "train.heads: all have loss_weight = 0",
        ),
    ];
    let project = Project::new(PIPELINE);
    for (pairs, message) in cases {
        let set: Vec<_> = pairs.iter().flat_map(|pair| ["--set", pair]).collect();
        project.call(&with(&["status"], &set)).failed(3, message);
    }
}

#[test]
fn settings_that_the_training_ends_before_are_warned_of() {
    let cases: [(&[&str], &str); 4] = [
        (
            &["train.freeze=[\"stem\"]", "train.freeze_epochs=2"],
            "train.freeze_epochs: is 2, so that what it is about does not learn in any of 2 epochs",
        ),
        (&["train.patience=1"], "train.patience: is 1, which ends no training of 2 epochs early"),
        (&["train.schedule=step"], "train.step_epochs: is 30, so that the rate never falls in 2 epochs"),
        (&["train.resize=[[1, 20], [5, 32]]"], "train.resize: names epoch 5, but there are 2"),
    ];
    let project = Project::new(PIPELINE);
    for (pairs, message) in cases {
        let set: Vec<_> = pairs.iter().flat_map(|pair| ["--set", pair]).collect();
        let called = project.call(&with(&["status"], &set)).succeeded();
        assert!(called.stderr.contains(message), "{message:?} is not in\n{}", called.stderr);
    }
}

#[test]
fn a_head_can_have_a_loss_of_its_own() {
    let project = Project::finished();
    let set = ["--set", "train.heads.brand.loss_weight=3", "--set", "train.heads.brand.label_smoothing=0.2"];
    project.call(&with(&["run", "train"], &set)).succeeded();
    let explained = project.call(&["explain", "train"]).succeeded();
    assert!(explained.stdout.contains("train.heads.brand.loss_weight: 3.0"), "{}", explained.stdout);
}

#[test]
fn auxiliary_heads_teach_and_are_left_out_of_the_model() {
    let project = Project::new(PIPELINE);
    let all = ["--set", "train.heads.type.auxiliary=true", "--set", "train.heads.brand.auxiliary=true"];
    project.call(&with(&["run"], &all)).succeeded();
    let config = std::fs::read_to_string(project.path("data/train/current/model/config.json")).unwrap();
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    let heads: Vec<_> = config["heads"].as_array().unwrap().iter().map(|head| &head["name"]).collect();
    assert_eq!(heads, ["era"]);
    let history = std::fs::read_to_string(project.path("data/train/current/history.csv")).unwrap();
    assert!(history.lines().next().unwrap().contains("brand"), "its accuracy is worth knowing: {history}");
    let metrics = std::fs::read_to_string(project.path("data/evaluate/current/metrics.json")).unwrap();
    let metrics: serde_json::Value = serde_json::from_str(&metrics).unwrap();
    assert_eq!(metrics["heads"].as_array().unwrap().len(), 1);
    let none = [&all[..], &["--set", "train.heads.era.auxiliary=true"]].concat();
    project.call(&with(&["status"], &none)).failed(3, "are all auxiliary");
}

#[test]
fn heads_answer_in_agreement_with_fine_classes() {
    let project = Project::new(PIPELINE);
    let exact = "[[heads]]\nname = \"exact\"\nrule = \"column\"\ncolumn = \"class_name\"\n\n[preprocess]";
    project.edit("[preprocess]", exact);
    project.edit(
        "[train]",
        "[train.heads.exact]\nauxiliary = true\nimplies = [\"brand\", \"type\", \"era\"]\n\n[train]",
    );
    project.call(&["run"]).succeeded();
    let config = std::fs::read_to_string(project.path("data/train/current/model/config.json")).unwrap();
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    let heads: Vec<_> = config["heads"].as_array().unwrap().iter().map(|head| &head["name"]).collect();
    assert_eq!(heads, ["brand", "type", "era"]);
    let agreement = &config["agreement"];
    assert_eq!(agreement["head"]["name"], "exact");
    // The years in the names say what the eras must be.
    for (id, name) in agreement["head"]["id2label"].as_object().unwrap() {
        let implied = &agreement["implies"]["era"][id.parse::<usize>().unwrap()];
        let year: u32 = name.as_str().unwrap().rsplit(' ').next().unwrap().parse().unwrap();
        let known = [serde_json::json!(usize::from(year > 2009)), serde_json::Value::Null];
        assert!(known.contains(implied), "{name}: {implied}");
    }
    let metrics = std::fs::read_to_string(project.path("data/evaluate/current/metrics.json")).unwrap();
    let metrics: serde_json::Value = serde_json::from_str(&metrics).unwrap();
    assert_eq!(metrics["heads"].as_array().unwrap().len(), 3);
    let explained = project.call(&["explain", "train"]).succeeded();
    assert!(
        explained.stdout.contains(r#"train.heads.exact.implies = ["brand","type","era"]"#),
        "{}",
        explained.stdout
    );
    // Other heads cannot be implied by coarser classes.
    let coarse = "train.heads.type.implies=[\"brand\"]";
    let exact = "train.heads.exact.implies=[]";
    let refused = project.call(&["run", "train", "--set", exact, "--set", coarse]);
    refused.failed(3, "train.heads.type.implies asks that each class of `type` has one of each head");
}
