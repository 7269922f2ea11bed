//! Showing augmentation, and handing trained networks to other programs.

use marque_fixtures::events::{Event, Records};

use crate::project::{PIPELINE, Project};

#[test]
fn training_photos_are_shown_as_the_network_will_see_them() {
    let project = Project::finished();
    let arguments = ["preview", "--photos", "3", "--draws", "2", "--set", "train.rand_augment=[2, 9]"];
    let called = project.call(&arguments).succeeded();
    assert!(called.stdout.starts_with("preview.png: 3 photos × 2 epochs, "), "{}", called.stdout);
    let picture = image::open(project.path("preview.png")).unwrap().into_rgb8();
    let size = format!("{} × {} pixels", picture.width(), picture.height());
    assert!(called.stdout.contains(&size), "{size}: {}", called.stdout);
    // Without augmentation all pictures of a photo are alike; with it they are not.
    let differing = |name: &str, set: &[&str]| {
        let flags: Vec<_> = set.iter().flat_map(|pair| ["--set", pair]).collect();
        project
            .call(&[&["preview", "--photos", "1", "--draws", "1", "--out", name], &flags[..]].concat())
            .succeeded();
        let sheet = image::open(project.path(name)).unwrap().into_rgb8();
        let (width, picture) = (sheet.width(), 144);
        let step = picture + 10;
        (0..picture)
            .flat_map(|x| (0..picture).map(move |y| (x, y)))
            .filter(|&(x, y)| {
                let (left, top) = (width - 2 * step, 52);
                sheet.get_pixel(left + x, top + y) != sheet.get_pixel(left + step + x, top + y)
            })
            .count()
    };
    let off = ["train.flip=false", "train.shift=0"];
    assert_eq!(differing("plain.png", &off), 0);
    assert!(differing("jittered.png", &[&off[..], &["train.colour_jitter=[0.9, 0, 0, 0]"]].concat()) > 1000);
}

#[test]
fn photos_are_shown_only_when_there_are_some() {
    let project = Project::new(PIPELINE);
    project
        .call(&["preview"])
        .failed(4, "`labels` has no result yet")
        .failed(4, "run `marque run labels` first");
}

#[test]
fn a_trained_network_is_exported_with_its_card() {
    let project = Project::finished();
    project.call(&["export"]).failed(2, "say what to write");
    let called = project.call(&["export", "--onnx", "model.onnx", "--card", "CARD.md"]).succeeded();
    assert!(called.stdout.starts_with("model.onnx: "), "{}", called.stdout);
    let file = std::fs::read(project.path("model.onnx")).unwrap();
    assert!(file.windows(12).any(|window| window == b"pixel_values"));
    let card = std::fs::read_to_string(project.path("CARD.md")).unwrap();
    for part in [
        "library_name: marque",
        "## Results",
        "| brand | accuracy | ",
        "| `train.epochs` |",
        "## Data",
        "| era | ",
    ] {
        assert!(card.contains(part), "{part}\n{card}");
    }
    project.call(&["export", "--folder", "published"]).succeeded();
    assert_eq!(std::fs::read(project.path("published/model.onnx")).unwrap(), file);
    assert_eq!(std::fs::read_to_string(project.path("published/README.md")).unwrap(), card);
    // With the preprocessing inside, in either place.
    let inside = ["--onnx", "photo.onnx", "--folder", "published", "--with-preprocessing"];
    project.call(&[&["export"][..], &inside].concat()).succeeded();
    let photo = std::fs::read(project.path("photo.onnx")).unwrap();
    assert!(photo != file && photo.windows(19).any(|window| window == b"brand_probabilities"));
    assert_eq!(std::fs::read(project.path("published/model.onnx")).unwrap(), photo);
    project
        .call(&["export", "--card", "CARD.md", "--with-preprocessing"])
        .failed(2, "it goes with --onnx FILE");
    // A copy is a model too, of which less is known.
    project
        .call(&["export", "--model", "published", "--onnx", "again.onnx", "--card", "less.md"])
        .succeeded();
    assert_eq!(std::fs::read(project.path("again.onnx")).unwrap(), file);
    assert!(!std::fs::read_to_string(project.path("less.md")).unwrap().contains("## Results"));
    project.call(&["verify"]).succeeded();
}

#[test]
fn results_of_another_model_are_not_on_the_card() {
    let project = Project::finished();
    project.call(&["run", "train", "--set", "train.seed=77"]).succeeded();
    project.call(&["export", "--card", "CARD.md"]).succeeded();
    let card = std::fs::read_to_string(project.path("CARD.md")).unwrap();
    assert!(card.contains("| `train.seed` | 77 |") && !card.contains("## Results"), "{card}");
}

/// What is measured on mirror images too is not what the model alone does.
#[test]
fn a_card_says_of_what_its_results_are() {
    let project = Project::finished();
    let called = project.call(&["run", "--set", "evaluate.flip=true"]).succeeded();
    assert!(
        called.stdout.contains("16 test photos, by the mean of photo and mirror image: "),
        "{}",
        called.stdout
    );
    project.call(&["export", "--card", "CARD.md"]).succeeded();
    let card = std::fs::read_to_string(project.path("CARD.md")).unwrap();
    let results = card.split("\n## Results\n").nth(1).unwrap().split("\n## ").next().unwrap();
    assert!(results.contains("mean of each photo's logits and those of its mirror image"), "{results}");
    project.call(&["run"]).succeeded();
    project.call(&["export", "--card", "CARD.md"]).succeeded();
    assert!(!std::fs::read_to_string(project.path("CARD.md")).unwrap().contains("mirror"));
}

#[test]
fn there_must_be_a_network_to_export() {
    let project = Project::new(PIPELINE);
    project.call(&["export", "--onnx", "x.onnx"]).failed(4, "`train` has no result yet");
    project
        .call(&["export", "--onnx", "x.onnx", "--model", "nowhere"])
        .failed(4, "failed to open file `nowhere");
}

#[test]
fn tensorboard_gets_a_curve_of_everything_in_the_history() {
    let project = Project::finished();
    // TensorBoard calls a run by its folder.
    let folder = project.path("data/train/current/tensorboard/resnet18-32px-2-epochs-lr-0.002-seed-1");
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    let [file] = &files[..] else { panic!("{files:?}") };
    assert!(file.file_name().unwrap().to_str().unwrap().contains("tfevents"));
    let bytes = std::fs::read(file).unwrap();
    let events: Vec<_> = Records::new(&bytes).map(|record| Event::decode(record).unwrap()).collect();
    assert_eq!(events.iter().map(|event| event.step).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(events.iter().map(|event| event.wall_time).collect::<Vec<_>>(), [0.0, 1.0, 2.0]);
    let history = std::fs::read_to_string(project.path("data/train/current/history.csv")).unwrap();
    let mut lines = history.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let names = lines.next().unwrap();
    for (event, row) in events[1..].iter().zip(lines) {
        let value = |column: &str| -> f32 {
            row[names.iter().position(|name| *name == column).unwrap()].parse().unwrap()
        };
        let curve = |tag: &str| event.scalars.iter().find(|scalar| scalar.tag == tag).unwrap().value;
        assert_eq!(curve("loss/train"), value("train_loss"));
        assert_eq!(curve("loss/validation"), value("validation_loss"));
        assert_eq!(curve("accuracy of type/validation"), value("validation_accuracy_type"));
        assert_eq!(event.scalars.len(), 5 + 3 * 5);
    }
}
