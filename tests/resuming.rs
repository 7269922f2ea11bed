//! What an interrupted run left: everything that is taken over is what was written, and nothing else is.

use std::path::{Path, PathBuf};

use crate::interruption::{start_until, stop};
use crate::project::Project;

/// The one work folder of a stage.
fn work_folder(project: &Project, stage: &str) -> PathBuf {
    let entries = std::fs::read_dir(project.path(&format!("data/{stage}"))).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    let is_work = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("work-");
    paths.find(is_work).expect("a work folder")
}

/// Changes a byte of a file, in place.
fn change(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn what_a_killed_training_left_is_checked_before_it_is_taken_over() {
    let arguments = ["run", "train", "--set", "train.epochs=3", "--set", "train.keep_checkpoints=2"];
    let whole = Project::finished();
    whole.call(&arguments).succeeded();
    type Damage = fn(&Path);
    // What happens in the work folder, and whether the training can go on from a state; the model may be of an epoch
    // whose state was not written yet when the program was killed, so that its damage may cost nothing.
    let cases: [(&str, Damage, Option<bool>); 5] = [
        (
            "model changed in place",
            |work| {
                change(&work.join("model/model.safetensors"));
                std::fs::write(work.join("model/config.json"), "").unwrap();
            },
            None,
        ),
        (
            "checkpoint changed in place",
            |work| change(&work.join("checkpoints/epoch-001/config.json")),
            Some(false),
        ),
        (
            "files replaced, files of nobody's",
            |work| {
                for name in ["model/model.safetensors", "checkpoints/epoch-001/config.json"] {
                    std::fs::remove_file(work.join(name)).unwrap();
                    std::fs::write(work.join(name), "other").unwrap();
                }
                std::fs::remove_file(work.join("model/preprocessor_config.json")).unwrap();
                std::fs::create_dir(work.join("model/preprocessor_config.json")).unwrap();
                for name in ["notes.txt", "model/extra.bin", "tensorboard/events.out.tfevents.1.other"] {
                    std::fs::write(work.join(name), "mine").unwrap();
                }
                std::fs::create_dir(work.join("checkpoints/epoch-099")).unwrap();
                std::fs::write(work.join("checkpoints/epoch-099/config.json"), "{}").unwrap();
            },
            Some(true),
        ),
        (
            "folders gone",
            |work| {
                std::fs::remove_dir_all(work.join("model")).unwrap();
                std::fs::remove_dir_all(work.join("checkpoints")).unwrap();
            },
            Some(true),
        ),
        (
            "models of the state gone",
            |work| {
                for entry in std::fs::read_dir(work.join("resume")).unwrap() {
                    let _ = std::fs::remove_dir_all(entry.unwrap().path().join("kept/model"));
                }
            },
            Some(false),
        ),
    ];
    for (name, damage, goes_on) in cases {
        let killed = Project::finished();
        stop(start_until(&killed, &arguments, "epoch 2/3"));
        damage(&work_folder(&killed, "train"));
        let resumed = killed.call(&arguments).succeeded();
        let anew = resumed.stdout.contains("epoch 1/3");
        assert_eq!(resumed.stderr.contains("is damaged"), anew, "{name}: {}", resumed.stderr);
        if let Some(goes_on) = goes_on {
            assert_eq!(anew, !goes_on, "{name}: {}{}", resumed.stdout, resumed.stderr);
        }
        assert_eq!(killed.content("train"), whole.content("train"), "{name}");
        killed.call(&["verify"]).succeeded();
    }
}

#[test]
fn a_result_that_lacked_but_its_place_is_taken_as_it_is() {
    let project = Project::finished();
    let expected = project.content("train");
    // As a kill leaves it after the manifest: the result under the name of work, with the states still in it.
    let folder = std::fs::canonicalize(project.path("data/train/current")).unwrap();
    let key = folder.file_name().unwrap().to_str().unwrap();
    let work = folder.with_file_name(format!("work-{key}"));
    let remake = |damage: &dyn Fn(&Path)| {
        std::fs::remove_file(project.path("data/train/current")).unwrap();
        std::fs::rename(&folder, &work).unwrap();
        std::fs::create_dir_all(work.join("resume/epoch-00003-batch-00000000")).unwrap();
        std::fs::write(work.join("model/config.json.4711.tmp"), "{").unwrap();
        damage(&work);
        let called = project.call(&["run", "train"]).succeeded();
        assert_eq!(project.content("train"), expected);
        project.call(&["verify"]).succeeded();
        called.ran().len()
    };
    assert_eq!(remake(&|_| ()), 0, "nothing is trained again");
    assert_eq!(remake(&|work| change(&work.join("model/model.safetensors"))), 1);
    assert_eq!(remake(&|work| std::fs::write(work.join("notes.txt"), "mine").unwrap()), 1);
    assert_eq!(remake(&|work| std::fs::write(work.join("manifest.json"), "{").unwrap()), 1);
}

#[test]
fn features_that_an_interrupted_run_left_damaged_are_made_again() {
    let pairs = ["train.freeze=[\"stem\", \"layer1\"]", "train.cache_features=true"];
    let mut arguments = vec!["run", "features"];
    arguments.extend(pairs.iter().flat_map(|pair| ["--set", pair]));
    let whole = Project::finished();
    whole.call(&arguments).succeeded();
    let folder = std::fs::canonicalize(whole.path("data/features/current")).unwrap();
    let key = folder.file_name().unwrap().to_str().unwrap().to_owned();
    let killed = Project::finished();
    let work = killed.path(&format!("data/features/work-{key}"));
    std::fs::create_dir_all(work.join("features")).unwrap();
    // Files that look finished, and of which nothing says that they are.
    for entry in std::fs::read_dir(folder.join("features")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, work.join("features").join(path.file_name().unwrap())).unwrap();
    }
    change(&work.join("features/00000.safetensors"));
    std::fs::write(work.join("features/00099.safetensors"), "mine").unwrap();
    killed.call(&arguments).succeeded();
    assert_eq!(killed.content("features"), whole.content("features"));
}
