//! Folders and archives with a folder of photos per class.

use std::os::unix::fs::symlink;

use image::ImageFormat;
use marque_contracts::Stage;
use marque_contracts::schema::Split;

use crate::project::{FOLDERS, Project, encode, photo, picture, zip_of};

#[test]
fn a_folder_per_class_becomes_a_table() {
    let project = Project::new();
    project
        .write("cars/BMW X5 SUV 2007/a.jpg", &photo(1))
        .write("cars/BMW X5 SUV 2007/b.PNG", &encode(&picture(2, 50, 40), ImageFormat::Png))
        .write("cars/Fiat 500 Abarth 2012/a.jpg", &photo(3))
        .write("cars/Fiat 500 Abarth 2012/.hidden.jpg", b"")
        .write("cars/notes.txt", b"mine");
    let summary = project.succeeds("source = \"folders\"\npath = \"cars\"");
    let table = project.annotations();
    let rows: Vec<_> = table
        .rows
        .iter()
        .map(|row| (row.file_name.as_str(), row.class_name.as_deref().unwrap(), row.split))
        .collect();
    assert_eq!(
        rows,
        [
            ("BMW X5 SUV 2007/a.jpg", "BMW X5 SUV 2007", None),
            ("BMW X5 SUV 2007/b.PNG", "BMW X5 SUV 2007", None),
            ("Fiat 500 Abarth 2012/a.jpg", "Fiat 500 Abarth 2012", None),
        ]
    );
    assert_eq!(table.columns, Vec::<String>::new());
    assert_eq!(project.names().len(), 3);
    assert_eq!(summary.notes["found"], "2 class folders");
}

#[test]
fn folders_of_splits_above_those_of_classes_are_known_by_their_names() {
    let members = [
        ("by-classes/train/Coupe/1.jpg", photo(1)),
        ("by-classes/val/Coupe/1.jpg", photo(2)),
        ("by-classes/test/SUV/1.jpg", photo(3)),
    ];
    let project = Project::new();
    project.write("cars.zip", &zip_of(&members));
    project.succeeds("source = \"folders\"\npath = \"cars.zip\"");
    let splits: Vec<_> = project.annotations().rows.iter().map(|row| row.split).collect();
    assert_eq!(splits, [Some(Split::Test), Some(Split::Train), Some(Split::Validation)]);
    assert_eq!(project.annotations().rows[0].class_name.as_deref(), Some("SUV"));
}

#[test]
fn photos_outside_class_folders_are_listed_and_left_out() {
    let project = Project::new();
    project
        .write("cars/Coupe/1.jpg", &photo(1))
        .write("cars/2.jpg", &photo(2))
        .write("cars/train/3.jpg", &photo(3));
    let dataset = "source = \"folders\"\npath = \"cars\"";
    project.fails(
        dataset,
        &[
            "2 of 3 photos cannot be used",
            "2.jpg: it does not lie in the folder of a class",
            "train/3.jpg: it does not lie in the folder of a class",
        ],
    );
    project.succeeds(&format!("{dataset}\nmax_rejected = 0.7"));
    assert_eq!(project.names(), ["Coupe/1.jpg"]);
    assert_eq!(project.rejected().len(), 2);
    // The same in an archive.
    let members = [("cars/Coupe/1.jpg", photo(1)), ("2.jpg", photo(2))];
    project.write("cars.zip", &zip_of(&members));
    project.succeeds("source = \"folders\"\npath = \"cars.zip\"\nmax_rejected = 0.5");
    assert_eq!((project.names(), project.rejected().len()), (vec!["cars/Coupe/1.jpg".to_owned()], 1));
    project.fails("source = \"folders\"\npath = \"nowhere\"", &["there is no such folder"]);
    std::fs::create_dir(project.path("empty")).unwrap();
    project.fails("source = \"folders\"\npath = \"empty\"", &["there is no photo in", "empty"]);
}

#[test]
fn links_to_photos_and_folders_are_followed_and_broken_ones_listed() {
    let project = Project::new();
    project
        .write("pool/1.jpg", &photo(1))
        .write("pool/vans/3.jpg", &photo(3))
        .write("cars/A/2.jpg", &photo(2));
    symlink("../../pool/1.jpg", project.path("cars/A/1.jpg")).unwrap();
    symlink("../pool/vans", project.path("cars/Van")).unwrap();
    symlink("gone.jpg", project.path("cars/A/4.jpg")).unwrap();
    // In a circle.
    symlink("..", project.path("cars/A/up")).unwrap();
    let broken = project.stage(FOLDERS).sources().unwrap();
    project.fails(
        FOLDERS,
        &["1 of 4 photos cannot be used", "A/4.jpg: it is a link to a file that is not there: gone.jpg"],
    );
    project.succeeds(&format!("{FOLDERS}\nmax_rejected = 0.5"));
    assert_eq!(project.names(), ["A/1.jpg", "A/2.jpg", "Van/3.jpg"]);
    assert_eq!(project.rejected().len(), 1);
    assert!(!project.path("output/photos/A/1.jpg").is_symlink(), "the photo itself is kept");
    std::fs::remove_file(project.path("cars/A/4.jpg")).unwrap();
    assert_ne!(project.stage(FOLDERS).sources().unwrap(), broken);
    project.succeeds(FOLDERS);
}

#[test]
fn few_photos_are_no_failure() {
    let project = Project::new();
    project.write("cars/A/1.jpg", &photo(1));
    let summary = project.succeeds(FOLDERS);
    assert!(summary.line.starts_with("1 photo, "), "{}", summary.line);
    assert_eq!(summary.notes["found"], "1 class folder");
}

#[test]
fn names_in_zip_files_of_old_are_read() {
    let project = Project::new();
    // `Citro\x89n` in code page 437, without the mark of UTF-8.
    let mut zip = zip_of(&[("CitroXn/1.jpg", photo(1)), ("Fiat/2.jpg", photo(2))]);
    let at: Vec<_> = (0..zip.len() - 7).filter(|at| zip[*at..].starts_with(b"CitroXn")).collect();
    assert_eq!(at.len(), 2, "once before the file, once in the directory");
    at.into_iter().for_each(|at| zip[at + 5] = 0x89);
    project.write("cars.zip", &zip);
    project.succeeds("source = \"folders\"\npath = \"cars.zip\"");
    assert_eq!(project.names(), ["Citroën/1.jpg", "Fiat/2.jpg"]);
}

#[test]
fn photos_without_the_ending_of_one_are_told_by_content() {
    let png = encode(&picture(4, 50, 40), ImageFormat::Png);
    let bmp = encode(&picture(5, 50, 40), ImageFormat::Bmp);
    let members = [
        ("cars/A/1", photo(1)),
        ("cars/A/2.jpg_large", photo(2)),
        ("cars/A/3.jpg", photo(3)),
        ("cars/B/4.png?w=640", png),
        ("cars/B/5.dat", bmp),
        ("cars/B/.6", photo(6)),
        ("cars/B/BMW list.txt", b"BMW X5, BMW X6 and others".to_vec()),
        ("cars/B/empty", Vec::new()),
        ("__MACOSX/cars/A/7", photo(7)),
    ];
    let project = Project::new();
    for (name, content) in &members {
        project.write(name, content);
    }
    project.write("cars.zip", &zip_of(&members));
    let names = ["A/1", "A/2.jpg_large", "A/3.jpg", "B/4.png?w=640", "B/5.dat"];
    project.succeeds(FOLDERS);
    assert_eq!(project.names(), names);
    project.succeeds("source = \"folders\"\npath = \"cars.zip\"");
    assert_eq!(project.names(), names.map(|name| format!("cars/{name}")));
}
