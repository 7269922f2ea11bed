//! What users' folders and tables have in them that no description mentions.

mod place;

use std::os::unix::fs::symlink;

use image::ImageFormat;
use marque_contracts::Stage;
use marque_formats::{Column, Crop, Table};
use place::{Place, encode, photo, picture, zip_of};

const FOLDERS: &str = "source = \"folders\"\npath = \"cars\"";
const TABLE: &str = "source = \"table\"\ntable = \"cars.csv\"\npath = \"photos\"";

fn own_photos() -> Place {
    let place = Place::new();
    for i in 0..4 {
        place.write(&format!("photos/{i}.jpg"), &photo(i));
    }
    place
}

// ------------------------------------------------------------------------------------------- photos

#[test]
fn photos_of_more_pixels_than_allowed_are_listed_with_the_reason() {
    let place = Place::new();
    let mut huge = encode(&picture(7, 8, 8), ImageFormat::Bmp);
    for at in [18, 22] {
        huge[at..at + 4].copy_from_slice(&60_000_u32.to_le_bytes());
    }
    place.write("cars/A/1.jpg", &photo(1)).write("cars/B/2.jpg", &photo(2)).write("cars/B/huge.bmp", &huge);
    place.succeeds(&format!("{FOLDERS}\nmax_rejected = 0.5"));
    let [row] = &place.rejected()[..] else { panic!("{:?}", place.rejected()) };
    let reason = "it has 60000 × 60000 pixels, more than dataset.max_pixels = 100000000";
    assert_eq!((row.file_name.as_str(), row.reason.as_str()), ("B/huge.bmp", reason));
    // 96 × 64 pixels.
    place.fails(
        &format!("{FOLDERS}\nmax_pixels = 6143"),
        &["it has 96 × 64 pixels, more than dataset.max_pixels = 6143"],
    );
    place.succeeds(&format!("{FOLDERS}\nmax_pixels = 6144\nmax_rejected = 0.5"));
}

#[test]
fn a_photo_without_the_end_mark_is_a_photo() {
    let place = Place::new();
    let whole = photo(1);
    place.write("cars/A/1.jpg", &whole[..whole.len() - 2]).write("cars/B/2.jpg", &photo(2));
    place.succeeds(FOLDERS);
    assert_eq!(place.names(), ["A/1.jpg", "B/2.jpg"]);
}

#[test]
fn photos_of_other_endings_are_taken_or_listed() {
    let place = Place::new();
    place
        .write("cars/A/1.jfif", &photo(1))
        .write("cars/A/2.gif", &encode(&picture(2, 64, 48), ImageFormat::Gif))
        .write("cars/B/3.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
        .write("cars/B/4.tif", b"II*\0\x08\0\0\0\0\0")
        .write("cars/B/5.jpg", &photo(5))
        .write("cars/B/6.avif", b"\0\0\0\x1cftypavif\0\0\0\0")
        // A HEIC photo by its name alone.
        .write("cars/B/7.heic", &photo(7))
        .write("cars/B/notes.txt", b"no photo, and not meant to be one");
    place.succeeds(&format!("{FOLDERS}\nmax_rejected = 0.5"));
    assert_eq!(place.names(), ["A/1.jfif", "A/2.gif", "B/5.jpg", "B/7.heic"]);
    let rejected: Vec<_> = place.rejected().into_iter().map(|row| (row.file_name, row.reason)).collect();
    let reasons = [
        ("B/3.heic", "it is a HEIC photo, as phones take them, which is not read: save it as JPEG or PNG"),
        ("B/4.tif", "it is a TIFF or raw photo, which is not read: save it as JPEG or PNG"),
        ("B/6.avif", "it is an AVIF photo, which is not read: save it as JPEG or PNG"),
    ];
    assert_eq!(rejected, reasons.map(|(name, reason)| (name.to_owned(), reason.to_owned())));
}

#[test]
fn links_to_photos_and_folders_are_followed_and_broken_ones_listed() {
    let place = Place::new();
    place.write("pool/1.jpg", &photo(1)).write("pool/vans/3.jpg", &photo(3)).write("cars/A/2.jpg", &photo(2));
    symlink("../../pool/1.jpg", place.path("cars/A/1.jpg")).unwrap();
    symlink("../pool/vans", place.path("cars/Van")).unwrap();
    symlink("gone.jpg", place.path("cars/A/4.jpg")).unwrap();
    // In a circle.
    symlink("..", place.path("cars/A/up")).unwrap();
    let broken = place.stage(FOLDERS).sources().unwrap();
    place.fails(
        FOLDERS,
        &["1 of 4 photos cannot be used", "A/4.jpg: it is a link to a file that is not there: gone.jpg"],
    );
    place.succeeds(&format!("{FOLDERS}\nmax_rejected = 0.5"));
    assert_eq!(place.names(), ["A/1.jpg", "A/2.jpg", "Van/3.jpg"]);
    assert_eq!(place.rejected().len(), 1);
    assert!(!place.path("output/photos/A/1.jpg").is_symlink(), "the photo itself is kept");
    std::fs::remove_file(place.path("cars/A/4.jpg")).unwrap();
    assert_ne!(place.stage(FOLDERS).sources().unwrap(), broken);
    place.succeeds(FOLDERS);
}

#[test]
fn few_photos_are_no_failure() {
    let place = Place::new();
    place.write("cars/A/1.jpg", &photo(1));
    let summary = place.succeeds(FOLDERS);
    assert!(summary.line.starts_with("1 photo, "), "{}", summary.line);
    assert_eq!(summary.notes["found"], "1 class folder");
}

#[test]
fn names_in_zip_files_of_old_are_read() {
    let place = Place::new();
    // `Citro\x89n` in code page 437, without the mark of UTF-8.
    let mut zip = zip_of(&[("CitroXn/1.jpg", photo(1)), ("Fiat/2.jpg", photo(2))]);
    let at: Vec<_> = (0..zip.len() - 7).filter(|at| zip[*at..].starts_with(b"CitroXn")).collect();
    assert_eq!(at.len(), 2, "once before the file, once in the directory");
    at.into_iter().for_each(|at| zip[at + 5] = 0x89);
    place.write("cars.zip", &zip);
    place.succeeds("source = \"folders\"\npath = \"cars.zip\"");
    assert_eq!(place.names(), ["Citroën/1.jpg", "Fiat/2.jpg"]);
}

// ------------------------------------------------------------------------------------------- published copies

#[test]
fn an_empty_folder_is_no_part_of_the_data_set() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("downloads/cars_train/inside")).unwrap();
    let dataset = "source = \"published\"\npath = \"downloads\"";
    place.fails(dataset, &["cars_train.tgz\n      the folder ", "downloads/cars_train is there, but empty"]);
    let listed = format!("{dataset}\n[[dataset.files]]\nname = \"cars_train.tgz\"\nbytes = 7");
    place.fails(&listed, &["1 file is missing", "downloads/cars_train is there, but empty"]);
    place.write("downloads/cars_train/inside/00001.jpg", &photo(1));
    place.write("downloads/devkit/cars_meta.mat", b"a").write("downloads/devkit/cars_train_annos.mat", b"b");
    place.succeeds(dataset);
    std::fs::remove_dir_all(place.path("downloads/cars_train")).unwrap();
    std::fs::create_dir_all(place.path("downloads/cars_train")).unwrap();
    place.fails(dataset, &["found: cars_meta.mat, cars_train_annos.mat, an empty folder "]);
}

// ------------------------------------------------------------------------------------------- tables

#[test]
fn columns_without_a_name_are_the_index_or_nothing() {
    let place = own_photos();
    let table = |text: &str| {
        place.write("cars.csv", text.as_bytes());
        place.succeeds(TABLE);
        place.annotations()
    };
    let expected = table("file_name,colour\n0.jpg,red\n1.jpg,\n");
    assert_eq!(expected.columns, ["colour"]);
    for same in [
        ",file_name,colour\n0,0.jpg,red\n1,1.jpg,\n",
        "Unnamed: 0,file_name,colour\n0,0.jpg,red\n1,1.jpg,\n",
        "file_name,colour,,\n0.jpg,red,,\n1.jpg,,,\n",
        "file_name,colour\n0.jpg,red,,\n1.jpg,,,,\n,,,\n",
        "sep=;\r\nfile_name;colour\r\n0.jpg;red\r\n1.jpg;\r\n",
        "\"file_name\";\"colour\"\n\"0.jpg\";\"red\"\n\"1.jpg\";\n",
    ] {
        assert_eq!(table(same), expected, "{same}");
    }
    place.write("cars.csv", b"file_name,,colour\n0.jpg,,red\n1.jpg,why,\n");
    place.fails(TABLE, &["column 2 has no name, but holds \"why\" in line 3"]);
    place.write("cars.csv", b"sep=,\nfile_name,colour\n0.jpg,red,blue\n");
    place.fails(TABLE, &["line 3: 3 cells, not 2"]);
    // A comma in quotes does not make commas the separator.
    place.write("cars.csv", b"file_name;\"colour, inside, outside\"\n0.jpg;red\n");
    place.succeeds(TABLE);
    assert_eq!(place.annotations().columns, ["colour, inside, outside"]);
}

#[test]
fn boxes_may_have_decimals_that_say_nothing() {
    let place = own_photos();
    let csv = "file_name,bbox_x1,bbox_y1,bbox_x2,bbox_y2\n0.jpg,1.0,2.00,30.,40\n1.jpg,,,,\n";
    place.write("cars.csv", csv.as_bytes());
    place.succeeds(TABLE);
    assert_eq!(place.annotations().rows[0].crop, Some(Crop { x1: 1, y1: 2, x2: 30, y2: 40 }));
    place.write("cars.csv", csv.replace("30.", "30.5").as_bytes());
    place.fails(TABLE, &["line 2: bbox_x2 = 30.5 is not a whole number of pixels"]);
}

#[test]
fn tables_that_are_empty_or_elsewhere_encoded_are_told_so() {
    let place = own_photos();
    for (text, message) in [
        (&b""[..], "it is empty: its first line should name the columns"),
        (b"\xef\xbb\xbf\r\n", "it is empty"),
        (b"\xff\xfef\0i\0", "it is UTF-16; save the table as UTF-8"),
        (b"file_name|colour\n0.jpg|red\n", "columns: file_name|colour (what stands between columns: commas"),
        (b"photo\n0.jpg\n", "there is no column file_name; columns: photo"),
    ] {
        place.write("cars.csv", text);
        place.fails(TABLE, &["cars.csv is not a table with a row per photo", message]);
    }
}

#[test]
fn a_wrong_year_is_named_with_file_and_line() {
    let place = own_photos();
    place.write("cars.csv", b"file_name,year\n0.jpg,2012.0\n1.jpg,\n2.jpg,12\n3.jpg,new\n");
    place.fails(
        TABLE,
        &[
            "cars.csv has 2 rows that cannot be used",
            "line 4: the year \"12\" is no number from 1885 to 2100",
            "line 5: the year \"new\" is no number",
        ],
    );
}

/// Features as `datasets` writes them.
fn features() -> String {
    let label = r#"{"names": ["BMW", "Fiat"], "_type": "ClassLabel"}"#;
    format!(
        r#"{{"info": {{"features": {{"brand": {label}, "extras": {{"feature": {label}, "_type": "Sequence"}}}}}}}}"#
    )
}

#[test]
fn classes_without_a_name_are_named_by_row_and_empty_lists_are_known() {
    let place = own_photos();
    let write = |brands: [i64; 4], extras: [Option<Vec<i64>>; 4]| {
        let frame = Table::new()
            .with_text("file_name", ["0.jpg", "1.jpg", "2.jpg", "3.jpg"])
            .with_integers("brand", brands)
            .with("extras", Column::IntegerList(extras.into()))
            .with_metadata("huggingface", features());
        frame.write(&place.path("cars.parquet")).unwrap();
    };
    let table = TABLE.replace(".csv", ".parquet");
    write([0, 1, -1, 0], [Some(vec![1, 0]), Some(vec![]), None, Some(vec![0])]);
    place.succeeds(&table);
    let values: Vec<_> = place.annotations().rows.into_iter().map(|row| row.values).collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(values[0], [text("BMW"), text("Fiat|BMW")]);
    assert_eq!(values[1], [text("Fiat"), text("none")], "known to be none");
    assert_eq!(values[2], [None, None], "not known");
    write([0, 2, -2, 0], [None, None, None, Some(vec![0, 7])]);
    place.fails(
        &table,
        &[
            "cars.parquet has 3 rows that cannot be used",
            "row 2: brand has the class 2, but names from 0 to 1 only",
            "row 3: brand has the class -2, but",
            "row 4: extras has the class 7, but",
        ],
    );
}

#[test]
fn embedded_rows_without_a_photo_are_listed_and_odd_paths_replaced() {
    let place = Place::new();
    let fixture = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/hugging-face-rough/train-00000-of-00001.parquet"
    );
    place.write("cars/train-00000-of-00001.parquet", &std::fs::read(fixture).unwrap());
    let dataset = "source = \"hugging-face\"\npath = \"cars\"";
    place.fails(
        dataset,
        &["3 of 8 photos cannot be used", "there are no bytes of a photo in row 2 of train-0"],
    );
    place.succeeds(&format!("{dataset}\nmax_rejected = 0.4"));
    let rows = |n: u32| format!("train-00000-of-00001-rows/{n:07}.jpg");
    assert_eq!(place.names(), [rows(3), rows(4), rows(6), rows(7), "train/good.jpg".to_owned()]);
    let reasons: Vec<_> = place.rejected().into_iter().map(|row| (row.file_name, row.reason)).collect();
    assert_eq!(reasons[0].0, "train-00000-of-00001-rows/0000001");
    assert_eq!(reasons[1].1, "there are no bytes of a photo in row 3 of train-00000-of-00001.parquet");
    assert_eq!(reasons[2], ("train/empty.jpg".to_owned(), "the file is empty".to_owned()));
    assert_eq!(place.annotations().rows.len(), 5);
}

#[test]
fn parts_of_unknown_splits_are_refused() {
    let place = Place::new();
    let fixture = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/hugging-face/train-00000-of-00001.parquet"
    );
    let part = std::fs::read(fixture).unwrap();
    let dataset = "source = \"hugging-face\"\npath = \"cars\"";
    place.write("cars/extra-00000-of-00001.parquet", &part);
    place.fails(
        dataset,
        &["extra-00000-of-00001.parquet", "the split \"extra\" is none of train, validation, test"],
    );
    std::fs::remove_file(place.path("cars/extra-00000-of-00001.parquet")).unwrap();
    place.write("cars/evaluation-00000-of-00001.parquet", &part);
    place.succeeds(dataset);
    assert!(place.names().iter().all(|name| name.starts_with("test/")));
}
