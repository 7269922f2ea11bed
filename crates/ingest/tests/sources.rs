//! Every source, from files made here to what the stage writes.

mod place;

use std::path::Path;

use image::ImageFormat;
use marque_contracts::Stage;
use marque_contracts::schema::{Layout, Split, ingest};
use marque_formats::{Crop, DuplicateKind, Frame, PhotoRow, RejectedRow};
use marque_ingest::Settings;
use marque_settings::{Document, Reader};
use place::{Place, encode, photo, picture, tar_gz, zip_of};

// ------------------------------------------------------------------------------------------- published copies

/// What the stage does with annotation files is to carry them on.
fn annotation(name: &str) -> Vec<u8> {
    format!("contents of {name}").into_bytes()
}

const TRAIN_AND_TEST: [&str; 3] = ["cars_test/00001.jpg", "cars_train/00001.jpg", "cars_train/00002.jpg"];

#[track_caller]
fn is_stanford_cars(place: &Place, test_labels: bool) {
    assert_eq!(place.layout(), Layout::StanfordCars);
    assert_eq!(place.names(), TRAIN_AND_TEST);
    let metadata = |name: &str| place.path("output/metadata").join(name);
    assert_eq!(std::fs::read(metadata("cars_meta.mat")).unwrap(), annotation("cars_meta.mat"));
    assert!(metadata("cars_train_annos.mat").exists());
    assert_eq!(metadata("cars_test_annos_withlabels.mat").exists(), test_labels);
    assert!(!metadata("README.txt").exists());
}

fn devkit(prefix: &str) -> Vec<(String, Vec<u8>)> {
    let names = ["README.txt", "cars_meta.mat", "cars_train_annos.mat", "cars_test_annos.mat"];
    names.iter().map(|name| (format!("{prefix}{name}"), annotation(name))).collect()
}

fn borrowed(members: &[(String, Vec<u8>)]) -> Vec<(&str, Vec<u8>)> {
    members.iter().map(|(name, content)| (name.as_str(), content.clone())).collect()
}

#[test]
fn the_publication_is_read_packed_and_unpacked() {
    let place = Place::new();
    let train = [("cars_train/00001.jpg", photo(1)), ("cars_train/00002.jpg", photo(2))];
    place
        .write("downloads/cars_train.tgz", &tar_gz(&train))
        .write("downloads/cars_test.tgz", &tar_gz(&[("cars_test/00001.jpg", photo(3))]))
        .write("downloads/car_devkit.tgz", &tar_gz(&borrowed(&devkit("devkit/"))))
        .write("downloads/cars_test_annos_withlabels.mat", b"labels")
        .write("downloads/notes.txt", b"mine")
        .write("downloads/other.tgz", b"somebody else's");
    let summary = place.succeeds("source = \"published\"\npath = \"downloads\"");
    is_stanford_cars(&place, true);
    assert!(summary.line.starts_with("3 photos"), "{}", summary.line);
    let found = summary.notes["found"].as_str().unwrap();
    assert_eq!(found, "Stanford Cars: cars_train and cars_test with the devkit and the test labels");

    // The same in folders, as torchvision lays them out, one of them still packed.
    let unpacked = Place::new();
    unpacked
        .write("stanford_cars/cars_train.tgz", &tar_gz(&train))
        .write("stanford_cars/cars_train/00001.jpg", b"not looked at: the archive wins")
        .write("stanford_cars/cars_test/00001.jpg", &photo(3))
        .write("stanford_cars/cars_test_annos_withlabels.mat", b"labels");
    for (name, content) in devkit("stanford_cars/devkit/") {
        unpacked.write(&name, &content);
    }
    unpacked.succeeds("source = \"published\"\npath = \".\"");
    is_stanford_cars(&unpacked, true);
    for table in [ingest::PHOTO_TABLE, ingest::DATASET] {
        let read = |place: &Place| std::fs::read(place.path("output").join(table)).unwrap();
        assert_eq!(read(&place), read(&unpacked), "{table}");
    }
}

#[test]
fn kaggles_nested_folders_are_read_from_a_zip() {
    let place = Place::new();
    let mut members = devkit("devkit/");
    for (name, number) in [("cars_train/cars_train/00001.jpg", 1), ("cars_train/cars_train/00002.jpg", 2)] {
        members.push((name.to_owned(), photo(number)));
    }
    members.push(("cars_test/cars_test/00001.jpg".to_owned(), photo(3)));
    members.push(("__MACOSX/cars_test/._00001.jpg".to_owned(), b"junk".to_vec()));
    place.write("archive.zip", &zip_of(&borrowed(&members)));
    place.succeeds("source = \"published\"\npath = \"archive.zip\"");
    is_stanford_cars(&place, false);
    // The same beside other files, found by itself, and with the labels as browsers save them.
    place.write("cars_test_annos_withlabels (1).mat", b"labels");
    place.write("downloads/archive.zip", &zip_of(&borrowed(&members)));
    place.succeeds("source = \"published\"\npath = \"downloads\"");
    is_stanford_cars(&place, false);
}

#[test]
fn fastais_archive_of_everything_is_read() {
    let place = Place::new();
    let mut members = devkit("stanford-cars/devkit/");
    members.push(("stanford-cars/cars_test_annos_withlabels.mat".to_owned(), b"labels".to_vec()));
    for (i, name) in TRAIN_AND_TEST.iter().enumerate() {
        members.push((format!("stanford-cars/{name}"), photo(i as u32)));
    }
    place.write("stanford-cars.tgz", &tar_gz(&borrowed(&members)));
    place.succeeds("source = \"published\"\npath = \".\"");
    is_stanford_cars(&place, true);
}

#[test]
fn car_ims_is_read() {
    let place = Place::new();
    place
        .write("car_ims.tgz", &tar_gz(&[("car_ims/000001.jpg", photo(1)), ("car_ims/000002.jpg", photo(2))]))
        .write("cars_annos.mat", b"all of it");
    let summary = place.succeeds("source = \"published\"\npath = \".\"");
    assert_eq!(place.layout(), Layout::CarIms);
    assert_eq!(place.names(), ["car_ims/000001.jpg", "car_ims/000002.jpg"]);
    assert_eq!(summary.notes["found"], "Stanford Cars: car_ims with cars_annos.mat");
}

#[test]
fn a_copy_that_lacks_something_is_told_what() {
    let place = Place::new();
    place.write("x/cars_train/00001.jpg", &photo(1)).write("x/cars_meta.mat", b"");
    place.fails(
        "source = \"published\"\npath = \"x\"",
        &[
            "x is not a copy of Stanford Cars",
            "cars_train_annos.mat",
            "found: photos in cars_train, cars_meta.mat",
        ],
    );
    place.fails(
        "source = \"published\"\npath = \"nowhere\"",
        &["2 files are missing", "nowhere/cars_train.tgz", "nowhere/car_devkit.tgz"],
    );
}

#[test]
fn parts_that_contradict_each_other_are_refused() {
    let place = Place::new();
    let train = |number| tar_gz(&[("cars_train/00001.jpg", photo(number)), ("cars_meta.mat", b"m".to_vec())]);
    place.write("cars_train.tgz", &train(1)).write("stanford-cars.tgz", &train(2));
    place.fails(
        "source = \"published\"\npath = \".\"",
        &["hold different files called photos/cars_train/00001.jpg"],
    );
}

#[test]
fn of_several_editions_the_first_that_is_there_is_taken() {
    let dataset = r#"
        source = "published"
        path = "downloads"
        [[dataset.files]]
        edition = "all in one"
        name = "stanford-cars.tgz"
        bytes = 1957803273
        md5 = "9045d6673c9ced0889f41816f6bf2f9f"
        urls = ["https://example.org/stanford-cars.tgz"]
        [[dataset.files]]
        edition = "newer"
        name = "car_ims.tgz"
        [[dataset.files]]
        edition = "newer"
        name = "cars_annos.mat"
        bytes = 9
    "#;
    let place = Place::new();
    let error = [
        "the data set is missing:\n  either the edition \"all in one\":\n    ",
        "downloads/stanford-cars.tgz  1,957,803,273 bytes\n      md5 9045d6673c9ced0889f41816f6bf2f9f\n      \
         https://example.org/stanford-cars.tgz\n  or the edition \"newer\":\n    ",
        "downloads/car_ims.tgz\n    ",
        "downloads/cars_annos.mat  9 bytes",
    ];
    place.fails(dataset, &error);
    // An edition may be there unpacked; what belongs to none is left alone.
    place
        .write("downloads/car_ims/000001.jpg", &photo(1))
        .write("downloads/cars_annos.mat", b"all of it")
        .write("downloads/cars_train/00001.jpg", &photo(2));
    place.succeeds(dataset);
    assert_eq!((place.layout(), place.names()), (Layout::CarIms, vec!["car_ims/000001.jpg".to_owned()]));
    place.write("downloads/cars_annos.mat", b"all of it and more");
    place.fails(dataset, &["cars_annos.mat is not the published file: it has 18 bytes, expected 9"]);
    place.write("downloads/stanford-cars.tgz", b"<html>");
    place.fails(dataset, &["stanford-cars.tgz is not the published file: it has 6 bytes"]);
}

#[test]
fn a_file_with_another_checksum_is_not_let_through() {
    let place = Place::new();
    place.write("car_ims.tgz", &tar_gz(&[("car_ims/1.jpg", photo(1))]));
    let md5 = "0".repeat(32);
    let dataset = format!(
        "source = \"published\"\npath = \".\"\n[[dataset.files]]\nname = \"car_ims.tgz\"\nmd5 = \"{md5}\""
    );
    place.fails(
        &dataset,
        &["car_ims.tgz is not the published file: its md5 is ", &md5, "hint: it is incomplete"],
    );
    assert!(!place.path("output/photos").exists());
}

// ------------------------------------------------------------------------------------------- folders of classes

#[test]
fn a_folder_per_class_becomes_a_table() {
    let place = Place::new();
    place
        .write("cars/BMW X5 SUV 2007/a.jpg", &photo(1))
        .write("cars/BMW X5 SUV 2007/b.PNG", &encode(&picture(2, 50, 40), ImageFormat::Png))
        .write("cars/Fiat 500 Abarth 2012/a.jpg", &photo(3))
        .write("cars/Fiat 500 Abarth 2012/.hidden.jpg", b"")
        .write("cars/notes.txt", b"mine");
    let summary = place.succeeds("source = \"folders\"\npath = \"cars\"");
    let table = place.annotations();
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
    assert_eq!(place.names().len(), 3);
    assert_eq!(summary.notes["found"], "2 class folders");
}

#[test]
fn folders_of_splits_above_those_of_classes_are_known_by_their_names() {
    let members = [
        ("by-classes/train/Coupe/1.jpg", photo(1)),
        ("by-classes/val/Coupe/1.jpg", photo(2)),
        ("by-classes/test/SUV/1.jpg", photo(3)),
    ];
    let place = Place::new();
    place.write("cars.zip", &zip_of(&members));
    place.succeeds("source = \"folders\"\npath = \"cars.zip\"");
    let splits: Vec<_> = place.annotations().rows.iter().map(|row| row.split).collect();
    assert_eq!(splits, [Some(Split::Test), Some(Split::Train), Some(Split::Validation)]);
    assert_eq!(place.annotations().rows[0].class_name.as_deref(), Some("SUV"));
}

#[test]
fn photos_outside_class_folders_are_listed_and_left_out() {
    let place = Place::new();
    place
        .write("cars/Coupe/1.jpg", &photo(1))
        .write("cars/2.jpg", &photo(2))
        .write("cars/train/3.jpg", &photo(3));
    let dataset = "source = \"folders\"\npath = \"cars\"";
    place.fails(
        dataset,
        &[
            "2 of 3 photos cannot be used",
            "2.jpg: it does not lie in the folder of a class",
            "train/3.jpg: it does not lie in the folder of a class",
        ],
    );
    place.succeeds(&format!("{dataset}\nmax_rejected = 0.7"));
    assert_eq!(place.names(), ["Coupe/1.jpg"]);
    assert_eq!(place.rejected().len(), 2);
    // The same in an archive.
    let members = [("cars/Coupe/1.jpg", photo(1)), ("2.jpg", photo(2))];
    place.write("cars.zip", &zip_of(&members));
    place.succeeds("source = \"folders\"\npath = \"cars.zip\"\nmax_rejected = 0.5");
    assert_eq!((place.names(), place.rejected().len()), (vec!["cars/Coupe/1.jpg".to_owned()], 1));
    place.fails("source = \"folders\"\npath = \"nowhere\"", &["there is no such folder"]);
    std::fs::create_dir(place.path("empty")).unwrap();
    place.fails("source = \"folders\"\npath = \"empty\"", &["there is no photo in", "empty"]);
}

// ------------------------------------------------------------------------------------------- tables of one's own

fn own_photos() -> Place {
    let place = Place::new();
    for i in 0..4 {
        place.write(&format!("photos/{i}.jpg"), &photo(i));
    }
    place
}

const TABLE: &str = "source = \"table\"\ntable = \"cars.csv\"\npath = \"photos\"";

#[test]
fn a_table_of_ones_own_is_read_with_all_its_columns() {
    let place = own_photos();
    let csv = "file_name,colour,split,doors,tags,bbox_x1,bbox_y1,bbox_x2,bbox_y2\n\
               2.jpg, red ,Train,4,roof|alloys,1,2,30,40\n\
               0.jpg,,test,,,,,,\n\
               \"3.jpg\",\"dark, blue\",val,2.5,roof,,,,\n";
    place.write("cars.csv", csv.as_bytes());
    let summary = place.succeeds(TABLE);
    let table = place.annotations();
    assert_eq!(table.columns, ["colour", "doors", "tags"]);
    let text = |s: &str| Some(s.to_owned());
    let row = &table.rows[1];
    assert_eq!((row.file_name.as_str(), row.split), ("2.jpg", Some(Split::Train)));
    assert_eq!(row.crop, Some(Crop { x1: 1, y1: 2, x2: 30, y2: 40 }));
    assert_eq!(row.values, [text("red"), text("4"), text("roof|alloys")]);
    assert_eq!(table.rows[0].values, [None, None, None]);
    assert_eq!(table.rows[0].crop, None);
    assert_eq!(table.rows[2].values, [text("dark, blue"), text("2.5"), text("roof")]);
    assert_eq!(place.names(), ["0.jpg", "2.jpg", "3.jpg"], "photos that the table leaves out stay out");
    assert_eq!(summary.notes["found"], "a table of 3 rows, label columns: colour, doors, tags");
}

#[test]
fn tables_as_spreadsheets_write_them_are_read() {
    let place = own_photos();
    let table = |text: &[u8]| {
        place.write("cars.csv", text);
        place.succeeds(&format!("{TABLE}\nfile_column = \"Foto\""));
        place.annotations()
    };
    let expected = table(b"Foto,Marke\n0.jpg,Citro\xc3\xabn\n1.jpg,\n");
    assert_eq!(expected.rows[0].values, [Some("Citroën".to_owned())]);
    assert_eq!(table(b"\xef\xbb\xbfFoto;Marke\r\n0.jpg;Citro\xc3\xabn\r\n1.jpg;\r\n;\r\n"), expected);
    assert_eq!(table(b"Foto\tMarke\n1.jpg\t\n.\\0.jpg\tCitro\xc3\xabn\n"), expected);
}

#[test]
fn a_parquet_table_says_the_same_as_text() {
    let place = own_photos();
    place.write("cars.csv", b"file_name,colour,doors\n0.jpg,red,4\n1.jpg,,\n");
    place.succeeds(TABLE);
    let expected = place.annotations();
    let frame = Frame::new()
        .with_text("file_name", ["0.jpg", "1.jpg"])
        .with("colour", marque_formats::Column::Text(vec![Some("red".into()), None]))
        .with("doors", marque_formats::Column::Number(vec![Some(4.0), Some(f64::NAN)]));
    frame.write(&place.path("cars.parquet")).unwrap();
    place.succeeds("source = \"table\"\ntable = \"cars.parquet\"\npath = \"photos\"");
    assert_eq!(place.annotations(), expected);
}

#[test]
fn all_rows_that_cannot_be_used_are_named_together() {
    let place = own_photos();
    let csv = b"file_name,split,bbox_x1,bbox_y1,bbox_x2,bbox_y2\n\
                0.jpg,train,1,2,3,4\n\
                0.jpg,train,,,,\n\
                ../secret.jpg,,,,,\n\
                1.jpg,sometimes,,,,\n\
                1.jpg,,5,2,5,4\n\
                1.jpg,,1,,3,4\n\
                1.jpg,,1.5,2,3,4\n\
                ,train,,,,\n\
                2.jpg,train\n\
                caf\xe9.jpg,,,,,\n";
    place.write("cars.csv", csv);
    place.fails(
        TABLE,
        &[
            "cars.csv has 9 rows that cannot be used",
            "line 3: 0.jpg is in line 2 already",
            "line 4: ../secret.jpg does not lie below the folder of photos",
            "line 5: the split \"sometimes\" is none of train, validation, test",
            "line 6: the box 5, 2 to 5, 4 is empty",
            "line 7: bbox_y1 is empty, other sides of the box are not",
            "line 8: bbox_x1 = 1.5 is not a whole number of pixels",
            "line 9: there is no file name",
            "line 10: 2 cells, not 6",
            "line 11: not UTF-8",
        ],
    );
}

#[test]
fn rows_whose_photo_is_missing_are_listed_and_left_out() {
    let place = own_photos();
    place.write("cars.csv", b"file_name,colour\n0.jpg,red\n9.jpg,red\n1.jpg,blue\n");
    place.fails(TABLE, &["1 of 3 photos cannot be used", "9.jpg: line 3: there is no photo "]);
    let dataset = format!("{TABLE}\nmax_rejected = 0.4");
    place.succeeds(&dataset);
    assert_eq!(place.names(), ["0.jpg", "1.jpg"]);
    assert_eq!(place.annotations().rows.len(), 2);
    assert_eq!(place.rejected()[0].file_name, "9.jpg");
    // Once it is there, it counts.
    let before = place.stage(&dataset).sources().unwrap();
    place.write("photos/9.jpg", &photo(9));
    assert_ne!(place.stage(&dataset).sources().unwrap(), before);
    place.succeeds(TABLE);
    assert_eq!(place.names().len(), 3);
}

#[test]
fn names_that_differ_in_case_or_in_the_spelling_of_accents_are_pointed_out() {
    let place = Place::new();
    place.write("photos/A/One.JPG", &photo(1)).write("photos/Citroe\u{308}n.jpg", &photo(2));
    place.write("cars.csv", "file_name\na/one.jpg\nCitro\u{eb}n.jpg\ngone.jpg\n".as_bytes());
    place.fails(
        TABLE,
        &[
            "a/one.jpg, but there is A/One.JPG, which differs in letter case",
            "Citro\u{eb}n.jpg, but there is Citroe\u{308}n.jpg, which",
            "3 of 3 photos cannot be used",
        ],
    );
    assert!(!place.run(TABLE).unwrap_err().contains("gone.jpg, but"));
}

#[test]
fn a_quote_that_is_not_closed_does_not_swallow_rows() {
    let place = own_photos();
    place.write(
        "cars.csv",
        b"file_name,colour,note\n0.jpg,red,\n1.jpg,\"blue,\n2.jpg,green,\n3.jpg,black,\"x\"\n",
    );
    place.fails(TABLE, &["line 3: the cell of `colour` goes on over 3 lines and swallows rows"]);
    // Text on several lines is not that.
    place.write("cars.csv", b"file_name,colour,note\n0.jpg,red,\"well kept,\nlittle used\"\n1.jpg,blue,\n");
    place.succeeds(TABLE);
    assert_eq!(place.annotations().rows.len(), 2);
}

#[test]
fn whole_numbers_that_pandas_wrote_as_decimals_are_whole() {
    let place = own_photos();
    let doors = |csv: &str| {
        place.write("cars.csv", csv.as_bytes());
        place.succeeds(TABLE);
        place
            .annotations()
            .rows
            .into_iter()
            .map(|row| row.values[0].clone().unwrap_or_default())
            .collect::<Vec<_>>()
    };
    assert_eq!(doors("file_name,doors\n0.jpg,3.0\n1.jpg,\n2.jpg,5.0\n"), ["3", "", "5"]);
    // Litres, and a column that somebody wrote so.
    assert_eq!(doors("file_name,engine\n0.jpg,2.0\n1.jpg,\n2.jpg,1.6\n"), ["2.0", "", "1.6"]);
    assert_eq!(doors("file_name,engine\n0.jpg,2.0\n1.jpg,3.0\n"), ["2.0", "3.0"]);
}

#[test]
fn files_beside_a_table_without_a_folder_of_photos_belong_there() {
    let place = own_photos();
    place.write("photos/cars.csv", b"file_name\n0.jpg\n");
    let dataset =
        "source = \"table\"\ntable = \"photos/cars.csv\"\n[[dataset.files]]\nname = \"9.jpg\"\nbytes = 3";
    place.fails(dataset, &["photos/9.jpg  3 bytes"]);
}

#[test]
fn tables_that_cannot_be_are_refused() {
    let place = own_photos();
    let cases: [(&[u8], &str); 5] = [
        (b"photo,colour\n0.jpg,red\n", "there is no column file_name; columns: photo, colour"),
        (b"file_name,colour,colour\n", "the column colour is there twice"),
        (b"file_name,\n", "there is no row in it"),
        (b"file_name,bbox_x1\n", "a box takes all of the columns bbox_x1, bbox_y1, bbox_x2, bbox_y2"),
        (b"file_name\n", "there is no row in it"),
    ];
    for (csv, message) in cases {
        place.write("cars.csv", csv);
        place.fails(TABLE, &[message]);
    }
    place.fails(
        "source = \"table\"\ntable = \"nowhere.csv\"",
        &["nowhere.csv is not a table with a row per photo"],
    );
    place.fails(&TABLE.replace("\"photos\"", "\"nowhere\""), &["nowhere is not a folder of photos"]);
    place.write("cars.parquet", b"PAR1 not really");
    place.fails(
        "source = \"table\"\ntable = \"cars.parquet\"",
        &["cars.parquet is not a readable Parquet table"],
    );
}

// ------------------------------------------------------------------------------------------- photos

#[test]
fn files_that_are_no_photos_are_listed_and_left_out_up_to_a_share() {
    let place = Place::new();
    let good = photo(1);
    place
        .write("cars/A/cut.jpg", &good[..good.len() * 2 / 3])
        .write("cars/A/empty.jpg", b"")
        .write("cars/A/page.jpg", b"<!DOCTYPE html><title>404</title>");
    for i in 0..7 {
        place.write(&format!("cars/A/{i}.jpg"), &photo(i));
    }
    let dataset = "source = \"folders\"\npath = \"cars\"";
    place.fails(
        dataset,
        &[
            "3 of 10 photos cannot be used, more than dataset.max_rejected = 0.05",
            "A/cut.jpg: the JPEG data end before the picture does",
            "A/empty.jpg: the file is empty",
            "A/page.jpg: it is no photo: its content is not JPEG, PNG, WebP, BMP or GIF",
            "hint: replace these photos or take them out",
            "all of them are in ",
        ],
    );
    let listed = RejectedRow::read(&place.path("rejected.parquet")).unwrap();
    assert_eq!(listed.len(), 3, "where the failed run leaves nothing else");
    let summary = place.succeeds(&format!("{dataset}\nmax_rejected = 0.3"));
    assert!(summary.line.contains("3 files left out"), "{}", summary.line);
    assert!(!place.path("rejected.parquet").exists(), "what a failed run listed is gone");
    let rejected: Vec<_> = place.rejected().into_iter().map(|row| row.file_name).collect();
    assert_eq!(rejected, ["A/cut.jpg", "A/empty.jpg", "A/page.jpg"]);
    assert_eq!(place.names().len(), 7);
    assert_eq!(place.annotations().rows.len(), 7);
    assert!(!place.path("output/photos/A/cut.jpg").exists());
}

#[test]
fn photos_are_measured_upright() {
    // An EXIF segment that says: turned by a quarter.
    let exif: &[u8] =
        b"\xff\xe1\x00\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let upright = photo(1);
    let mut turned = upright[..2].to_vec();
    turned.extend_from_slice(exif);
    turned.extend_from_slice(&upright[2..]);
    let place = Place::new();
    place.write("cars/A/1.jpg", &turned);
    place.succeeds("source = \"folders\"\npath = \"cars\"");
    let rows = PhotoRow::read(&place.path("output/photos.parquet")).unwrap();
    assert_eq!((rows[0].width, rows[0].height), (64, 96));
}

#[test]
fn photos_that_are_there_twice_are_found() {
    let place = Place::new();
    let smaller = image::imageops::resize(&picture(5, 96, 64), 72, 48, image::imageops::FilterType::Triangle);
    for i in 0..8 {
        place.write(&format!("cars/A/{i}.jpg"), &photo(i));
    }
    place
        .write("cars/B/same as 2.jpg", &photo(2))
        .write("cars/B/also 2.jpg", &photo(2))
        .write("cars/B/5 saved again.png", &encode(&smaller, ImageFormat::Png));
    let dataset = "source = \"folders\"\npath = \"cars\"";
    let summary = place.succeeds(dataset);
    assert!(summary.line.contains("5 photos in 2 groups of duplicates"), "{}", summary.line);
    let rows = place.duplicates();
    let found: Vec<_> = rows.iter().map(|row| (row.group, row.kind, row.file_name.as_str())).collect();
    assert_eq!(
        found,
        [
            (0, DuplicateKind::Identical, "A/2.jpg"),
            (0, DuplicateKind::Identical, "B/also 2.jpg"),
            (0, DuplicateKind::Identical, "B/same as 2.jpg"),
            (1, DuplicateKind::Near, "A/5.jpg"),
            (1, DuplicateKind::Near, "B/5 saved again.png"),
        ]
    );
    assert!(rows[..3].iter().all(|row| row.digest == rows[0].digest));
    place.succeeds(&format!("{dataset}\nnear_duplicates = false"));
    assert_eq!(place.duplicates(), rows[..3]);
}

#[test]
fn the_same_files_give_the_same_bytes_and_other_files_other_sources() {
    let place = own_photos();
    place.write("cars.csv", b"file_name,colour\n0.jpg,red\n1.jpg,\n");
    place.succeeds(TABLE);
    let content = |place: &Place| {
        let names = [
            "photos.parquet",
            "duplicates.parquet",
            "rejected.parquet",
            "metadata/table.parquet",
            "dataset.json",
        ];
        names.map(|name| std::fs::read(place.path("output").join(name)).unwrap())
    };
    let before = content(&place);
    place.succeeds(TABLE);
    assert_eq!(content(&place), before);
    let sources = || place.stage(TABLE).sources().unwrap();
    let unchanged = sources();
    assert_eq!(sources(), unchanged);
    place.write("photos/2.jpg", b"not in the table");
    assert_eq!(sources(), unchanged);
    place.write("photos/1.jpg", &photo(9));
    assert_ne!(sources(), unchanged);
    let settings = |dataset: &str| Stage::settings(&place.stage(dataset));
    let elsewhere = TABLE.replace("photos", "elsewhere");
    assert_eq!(settings(TABLE), settings(&elsewhere), "paths are no settings");
    assert_ne!(settings(TABLE), settings(&format!("{TABLE}\nmax_rejected = 0.0")));
}

#[test]
fn settings_that_cannot_work_are_named_with_what_is_allowed() {
    let problems = |dataset: &str| {
        let document = Document::parse("p.toml", &format!("[dataset]\n{dataset}")).unwrap();
        let mut reader = Reader::new(&document);
        Settings::read(&mut reader);
        reader.finish().unwrap_err().to_string()
    };
    let cases = [
        (
            "source = \"kaggle\"",
            "must be one of \"sample\", \"published\", \"hugging-face\", \"folders\", \"table\"",
        ),
        ("source = \"published\"", "dataset.path: a published data set needs the folder"),
        ("source = \"hugging-face\"", "dataset.path: source = \"hugging-face\" needs the folder"),
        ("source = \"folders\"", "dataset.path: source = \"folders\" needs the folder"),
        ("source = \"table\"", "dataset.table: source = \"table\" needs a CSV or Parquet file"),
        ("max_rejected = 2", "dataset.max_rejected = 2: must be a number from 0 to 1"),
        ("tabel = \"x\"", "dataset.tabel is not a known key; did you mean `table`?"),
        ("[[dataset.files]]\nname = \"a/b\"", "dataset.files.0.name: must be a file name without a folder"),
        ("[[dataset.files]]\nname = \"a\"\nmd5 = \"12\"", "dataset.files.0.md5: must be 32 hex digits"),
        ("[[dataset.files]]\nname = \"a\"\nsha256 = \"12\"", "must be 64 hex digits, or the first 8 or more"),
        ("[[dataset.files]]\nname = \"a\"\nurls = [\"ftp://x\"]", "does not begin with https:// or http://"),
        ("[[dataset.files]]\nname = \"a\"\nurls = [\"http://x\"]", "give md5, sha256, or at least bytes"),
    ];
    for (dataset, message) in cases {
        let found = problems(dataset);
        assert!(found.contains(message), "{message:?} is not in\n{found}");
    }
}

#[test]
fn real_photos_that_are_there_twice_are_found() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/stanford-cars-train");
    if !folder.exists() || std::env::var_os("MARQUE_REAL_DATA").is_none() {
        eprintln!("skipped: wants ../shared/stanford-cars-train and MARQUE_REAL_DATA=1");
        return;
    }
    let place = Place::new();
    let folder = folder.canonicalize().unwrap();
    let summary = place.succeeds(&format!("source = \"published\"\npath = {folder:?}"));
    eprintln!("{}", summary.line);
    let rows = place.duplicates();
    for row in &rows {
        eprintln!("{:4} {:9} {} {:016x}", row.group, row.kind.as_str(), row.file_name, row.hash);
    }
    assert_eq!(place.names().len(), 8144);
    assert_eq!(place.rejected(), []);
}
