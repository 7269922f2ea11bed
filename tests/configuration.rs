//! Configurations that cannot work are told from those that can, before anything runs.

use crate::project::{PIPELINE, Project};

#[test]
fn bad_configurations_are_refused_with_place_key_and_what_is_allowed() {
    let cases: [(&str, &str, &[&str]); 13] = [
        ("epochs = 2", "epochs = 0", &["train.epochs = 0: must be a whole number from 1 to 10000"]),
        ("epochs = 2", "epochs = 2\nweights_prefix = \"a.\"", &["train.weights_prefix: needs train.weights"]),
        ("epochs = 2", "epoch = 2", &["train.epoch is not a known key; did you mean `epochs`?"]),
        ("[train]", "[trian]", &["[trian] is not a known section; did you mean `train`?"]),
        ("size = 32", "size = \"32\"", &["preprocess.size = \"32\": must be a whole number from 16 to 1024"]),
        ("source = \"sample\"", "source = \"kaggle\"", &["must be one of \"sample\", \"published\""]),
        (
            "source = \"sample\"",
            "source = \"published\"",
            &["dataset.path: a published data set needs the folder"],
        ),
        (
            "validation = 0.2",
            "validation = 1.5",
            &["labels.validation = 1.5: must be a number from 0 to 0.5"],
        ),
        ("name = \"type\"", "name = \"brand\"", &["heads.1.name"]),
        ("name = \"type\"", "name = \"split\"", &["heads.1.name"]),
        ("name = \"type\"", "name = \"Fahrzeug Typ\"", &["heads.1.name"]),
        ("rule = \"year\"", "rule = \"decade\"", &["heads.2.rule", "must be one of"]),
        (
            "epochs = 2\nbatch_size = 14",
            "epochs = \"two\"\nbatch_size = -1\nlearning_rate = nan",
            &["train.epochs = \"two\"", "train.batch_size = -1", "train.learning_rate = NaN", "3 problems"],
        ),
    ];
    for (from, to, messages) in cases {
        let project = Project::new(PIPELINE);
        project.edit(from, to);
        let called = project.call(&["run"]).failed(3, "the configuration has");
        for message in messages {
            assert!(
                called.stderr.contains(message),
                "{from} → {to}: {message:?} is not in\n{}",
                called.stderr
            );
        }
        assert!(called.stderr.contains("pipeline.toml:"), "{}", called.stderr);
        assert!(!project.path("data").exists(), "nothing may be written before the configuration is sound");
    }
}

#[test]
fn numbers_in_another_unit_are_refused_with_what_was_probably_meant() {
    let cases = [
        ("train.mean=[123.675, 116.28, 103.53]", "divided by 255 it is [0.485, 0.456, 0.406]"),
        ("train.std=[58.395, 57.12, 57.375]", "divided by 255 it is [0.229, 0.224, 0.225]"),
        (
            "train.mean=[-1e9, 0.5, 0.5]",
            "train.mean = [-1000000000.0, 0.5, 0.5]: must be a list of 3 numbers from 0 to 1",
        ),
        ("train.dropout=20", "20 percent would be 0.2"),
        ("train.label_smoothing=10", "10 percent would be 0.1"),
        ("train.warmup=5", "it is a share of all steps, not a number of steps or epochs"),
        ("train.ema_decay=99.9", "99.9 percent would be 0.999"),
        ("train.shift=0.1", "it is a number of pixels, not a share"),
        ("train.random_resized_crop=[35, 100]", "[35, 100] percent would be [0.35, 1]"),
        ("labels.test=20", "20 percent would be 0.2"),
        ("preprocess.margin=10", "10 percent would be 0.1"),
        ("preprocess.background=[1.0, 1.0, 1.0]", "times 255 would be [255, 255, 255]"),
        ("fetch.stall_seconds=30000", "30000 milliseconds would be 30"),
        ("train.epochs=3.0", "write 3"),
        ("train.mean=0.5", "write [0.5, 0.5, 0.5]"),
    ];
    let project = Project::new(PIPELINE);
    for (pair, message) in cases {
        project.call(&["run", "--set", pair]).failed(3, message);
    }
    assert!(!project.path("data").exists());
}

#[test]
fn files_that_are_no_configuration_are_refused() {
    let project = Project::new("[train\n");
    project.call(&["run"]).failed(3, "line 1");
    project.call(&["run", "--config", "nowhere.toml"]).failed(3, "failed to open file `nowhere.toml`");
    let project = Project::new("");
    project.call(&["run"]).failed(3, "declare at least one head");
}

#[test]
fn command_lines_that_cannot_be_understood_are_refused() {
    let project = Project::new(PIPELINE);
    project.call(&["run", "trian"]).failed(2, "there is no stage `trian`");
    project.call(&["explain", "nothing"]).failed(2, "there is no stage `nothing`");
    project.call(&["--nonsense"]).failed(2, "--nonsense");
    project.call(&["run", "--set", "epochs=3"]).failed(3, "the key must name a section");
    project.call(&["run", "--set", "train.epochs=many"]).failed(3, "--set: train.epochs = \"many\"");
    project.call(&["run", "--only"]).failed(2, "--only");
}

#[test]
fn missing_photos_are_named_with_their_addresses() {
    let project = Project::new(PIPELINE);
    let files = "[[dataset.files]]\nname = \"cars_test.tgz\"\nsha256 = \"0123456789abcdef\"\nurls = [\"https://example.org/cars_test.tgz\"]\n";
    project.edit("source = \"sample\"", "source = \"published\"\npath = \"downloads\"");
    project.edit("[labels]", &format!("{files}\n[labels]"));
    let called = project.call(&["run", "--offline"]).failed(4, "1 file is missing");
    for part in [
        "downloads/cars_test.tgz",
        "sha256 0123456789abcdef",
        "https://example.org/cars_test.tgz",
        "hint: without --offline",
    ] {
        assert!(called.stderr.contains(part), "{part} is not in\n{}", called.stderr);
    }
    let status = project.call(&["status"]).succeeded();
    assert!(status.stdout.contains("blocked"), "{}", status.stdout);
}

#[test]
fn shipped_configurations_are_sound() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let project = Project::new("");
    let mut shipped = vec![root.join("pipeline.toml")];
    shipped.extend(std::fs::read_dir(root.join("configs")).unwrap().map(|entry| entry.unwrap().path()));
    for file in shipped {
        let copy = project.path("pipeline.toml");
        std::fs::copy(&file, &copy).unwrap();
        project.call(&["status"]).succeeded();
    }
}

#[test]
fn two_and_five_heads_need_no_change_in_the_code() {
    let decade = "\n[[heads]]\nname = \"decade\"\nrule = \"year\"\nbreaks = [1999, 2009]\n";
    let family = "\n[[heads]]\nname = \"family\"\nrule = \"keyword\"\nclasses = [\"Sedan\", \"Wagon\"]\nother = \"None of these\"\n";
    let five = format!("{PIPELINE}{decade}{family}");
    let era = "[[heads]]\nname = \"era\"\nrule = \"year\"\nbreaks = [2009]\n";
    let two = PIPELINE.replace(era, "");
    assert_ne!(two, PIPELINE);
    for (pipeline, heads) in [(two, 2), (five, 5)] {
        let project = Project::new(&pipeline);
        project.call(&["run", "--set", "train.epochs=1"]).succeeded();
        let text = std::fs::read_to_string(project.path("data/evaluate/current/metrics.json")).unwrap();
        let metrics: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(metrics["heads"].as_array().map(Vec::len), Some(heads), "{text}");
    }
}
