//! Tables of the user's own, as spreadsheets and pandas write them.

use marque_contracts::Stage;
use marque_contracts::schema::Split;
use marque_formats::{CellValue, Crop};

use crate::project::{Project, TABLE, own_photos, photo};

#[test]
fn a_table_of_ones_own_is_read_with_all_its_columns() {
    let project = own_photos();
    let csv = "file_name,colour,split,doors,tags,bbox_x1,bbox_y1,bbox_x2,bbox_y2\n\
               2.jpg, red ,Train,4,roof|alloys,1,2,30,40\n\
               0.jpg,,test,,,,,,\n\
               \"3.jpg\",\"dark, blue\",val,2.5,roof,,,,\n";
    project.write("cars.csv", csv.as_bytes());
    let summary = project.succeeds(TABLE);
    let table = project.annotations();
    assert_eq!(table.columns, ["colour", "doors", "tags"]);
    let text = |s: &str| Some(CellValue::from(s));
    let row = &table.rows[1];
    assert_eq!((row.file_name.as_str(), row.split), ("2.jpg", Some(Split::Train)));
    assert_eq!(row.crop, Some(Crop { x1: 1, y1: 2, x2: 30, y2: 40 }));
    assert_eq!(row.values, [text("red"), text("4"), text("roof|alloys")]);
    assert_eq!(table.rows[0].values, [None, None, None]);
    assert_eq!(table.rows[0].crop, None);
    assert_eq!(table.rows[2].values, [text("dark, blue"), text("2.5"), text("roof")]);
    assert_eq!(project.names(), ["0.jpg", "2.jpg", "3.jpg"], "photos that the table leaves out stay out");
    assert_eq!(summary.notes["found"], "a table of 3 rows, label columns: colour, doors, tags");
}

#[test]
fn tables_as_spreadsheets_write_them_are_read() {
    let project = own_photos();
    let table = |text: &[u8]| {
        project.write("cars.csv", text);
        project.succeeds(&format!("{TABLE}\nfile_column = \"Foto\""));
        project.annotations()
    };
    let expected = table(b"Foto,Marke\n0.jpg,Citro\xc3\xabn\n1.jpg,\n");
    assert_eq!(expected.rows[0].values, [Some("Citroën".into())]);
    assert_eq!(table(b"\xef\xbb\xbfFoto;Marke\r\n0.jpg;Citro\xc3\xabn\r\n1.jpg;\r\n;\r\n"), expected);
    assert_eq!(table(b"Foto\tMarke\n1.jpg\t\n.\\0.jpg\tCitro\xc3\xabn\n"), expected);
}

#[test]
fn all_rows_that_cannot_be_used_are_named_together() {
    let project = own_photos();
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
    project.write("cars.csv", csv);
    project.fails(
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
    let project = own_photos();
    project.write("cars.csv", b"file_name,colour\n0.jpg,red\n9.jpg,red\n1.jpg,blue\n");
    project.fails(TABLE, &["1 of 3 photos cannot be used", "9.jpg: line 3: there is no photo "]);
    let dataset = format!("{TABLE}\nmax_rejected = 0.4");
    project.succeeds(&dataset);
    assert_eq!(project.names(), ["0.jpg", "1.jpg"]);
    assert_eq!(project.annotations().rows.len(), 2);
    assert_eq!(project.rejected()[0].file_name, "9.jpg");
    // Once it is there, it counts.
    let before = project.stage(&dataset).sources().unwrap();
    project.write("photos/9.jpg", &photo(9));
    assert_ne!(project.stage(&dataset).sources().unwrap(), before);
    project.succeeds(TABLE);
    assert_eq!(project.names().len(), 3);
}

#[test]
fn names_that_differ_in_case_or_in_the_spelling_of_accents_are_pointed_out() {
    let project = Project::new();
    project.write("photos/A/One.JPG", &photo(1)).write("photos/Citroe\u{308}n.jpg", &photo(2));
    project.write("cars.csv", "file_name\na/one.jpg\nCitroen.jpg\ngone.jpg\n".as_bytes());
    project.fails(
        TABLE,
        &[
            "a/one.jpg, but there is A/One.JPG, which differs in letter case",
            "Citroen.jpg, but there is Citroe\u{308}n.jpg, which",
            "3 of 3 photos cannot be used",
        ],
    );
    assert!(!project.run(TABLE).unwrap_err().contains("gone.jpg, but"));
}

#[test]
fn whole_numbers_that_pandas_wrote_as_decimals_are_whole() {
    let project = own_photos();
    let doors = |csv: &str| {
        project.write("cars.csv", csv.as_bytes());
        project.succeeds(TABLE);
        project
            .annotations()
            .rows
            .into_iter()
            .map(|row| row.values[0].as_ref().map_or(String::new(), |value| value.texts().concat()))
            .collect::<Vec<_>>()
    };
    assert_eq!(doors("file_name,doors\n0.jpg,3.0\n1.jpg,\n2.jpg,5.0\n"), ["3", "", "5"]);
    // Litres, and a column that somebody wrote so.
    assert_eq!(doors("file_name,engine\n0.jpg,2.0\n1.jpg,\n2.jpg,1.6\n"), ["2.0", "", "1.6"]);
    assert_eq!(doors("file_name,engine\n0.jpg,2.0\n1.jpg,3.0\n"), ["2.0", "3.0"]);
}

#[test]
fn files_beside_a_table_without_a_folder_of_photos_belong_there() {
    let project = own_photos();
    project.write("photos/cars.csv", b"file_name\n0.jpg\n");
    let dataset =
        "source = \"table\"\ntable = \"photos/cars.csv\"\n[[dataset.files]]\nname = \"9.jpg\"\nbytes = 3";
    project.fails(dataset, &["photos/9.jpg  3 bytes"]);
}

#[test]
fn tables_that_cannot_be_are_refused() {
    let project = own_photos();
    let cases: [(&[u8], &str); 5] = [
        (b"photo,colour\n0.jpg,red\n", "there is no column file_name; columns: photo, colour"),
        (b"file_name,colour,colour\n", "the column colour is there twice"),
        (b"file_name,\n", "there is no row in it"),
        (b"file_name,bbox_x1\n", "a box takes all of the columns bbox_x1, bbox_y1, bbox_x2, bbox_y2"),
        (b"file_name\n", "there is no row in it"),
    ];
    for (csv, message) in cases {
        project.write("cars.csv", csv);
        project.fails(TABLE, &[message]);
    }
    project.fails(
        "source = \"table\"\ntable = \"nowhere.csv\"",
        &["nowhere.csv is not a table with a row per photo"],
    );
    project.fails(&TABLE.replace("\"photos\"", "\"nowhere\""), &["nowhere is not a folder of photos"]);
    project.write("cars.parquet", b"PAR1 not really");
    project.fails(
        "source = \"table\"\ntable = \"cars.parquet\"",
        &["cars.parquet is not a readable Parquet table"],
    );
}

#[test]
fn columns_without_a_name_are_the_index_or_nothing() {
    let project = own_photos();
    let table = |text: &str| {
        project.write("cars.csv", text.as_bytes());
        project.succeeds(TABLE);
        project.annotations()
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
    project.write("cars.csv", b"file_name,,colour\n0.jpg,,red\n1.jpg,why,\n");
    project.fails(TABLE, &["column 2 has no name, but holds \"why\" in line 3"]);
    project.write("cars.csv", b"sep=,\nfile_name,colour\n0.jpg,red,blue\n");
    project.fails(TABLE, &["line 3: 3 cells, not 2"]);
    // A comma in quotes does not make commas the separator.
    project.write("cars.csv", b"file_name;\"colour, inside, outside\"\n0.jpg;red\n");
    project.succeeds(TABLE);
    assert_eq!(project.annotations().columns, ["colour, inside, outside"]);
}

#[test]
fn boxes_may_have_decimals_that_say_nothing() {
    let project = own_photos();
    let csv = "file_name,bbox_x1,bbox_y1,bbox_x2,bbox_y2\n0.jpg,1.0,2.00,30.,40\n1.jpg,,,,\n";
    project.write("cars.csv", csv.as_bytes());
    project.succeeds(TABLE);
    assert_eq!(project.annotations().rows[0].crop, Some(Crop { x1: 1, y1: 2, x2: 30, y2: 40 }));
    project.write("cars.csv", csv.replace("30.", "30.5").as_bytes());
    project.fails(TABLE, &["line 2: bbox_x2 = 30.5 is not a whole number of pixels"]);
}

#[test]
fn tables_that_are_empty_or_elsewhere_encoded_are_told_so() {
    let project = own_photos();
    for (text, message) in [
        (&b""[..], "it is empty: its first line should name the columns"),
        (b"\xef\xbb\xbf\r\n", "it is empty"),
        (b"\xff\xfef\0i\0", "it is UTF-16; save the table as UTF-8"),
        (b"file_name|colour\n0.jpg|red\n", "columns: file_name|colour (what stands between columns: commas"),
        (b"photo\n0.jpg\n", "there is no column file_name; columns: photo"),
    ] {
        project.write("cars.csv", text);
        project.fails(TABLE, &["cars.csv is not a table with a row per photo", message]);
    }
}

#[test]
fn a_wrong_year_is_named_with_file_and_line() {
    let project = own_photos();
    project.write("cars.csv", b"file_name,year\n0.jpg,2012.0\n1.jpg,\n2.jpg,12\n3.jpg,new\n");
    project.fails(
        TABLE,
        &[
            "cars.csv has 2 rows that cannot be used",
            "line 4: the year \"12\" is not a number from 1885 to 2100",
            "line 5: the year \"new\" is not a number",
        ],
    );
}

#[test]
fn names_of_files_with_one_normal_form_mean_the_same_file() {
    let project = Project::new();
    project.write("photos/Citroe\u{308}n 1.jpg", &photo(1)).write("photos/2.jpg", &photo(2));
    // On disk there are two of this normal form: only the very name will do.
    project.write("photos/A  B.jpg", &photo(3)).write("photos/A B.jpg", &photo(4));
    let table = |names: &str| project.write("cars.csv", format!("file_name\n{names}").as_bytes());
    for name in [
        "Citro\u{eb}n 1.jpg",
        "Citroe\u{308}n 1.jpg",
        "Citro\u{eb}n\u{a0}1.jpg",
        "Citro\u{eb}n  1\u{200b}.jpg",
    ] {
        table(&format!("{name}\n2.jpg\n"));
        project.succeeds(TABLE);
        assert_eq!(project.names(), ["2.jpg", "Citroe\u{308}n 1.jpg"], "{name:?}");
    }
    table("Citro\u{eb}n 1.jpg\nCitroe\u{308}n 1.jpg\n");
    project.fails(TABLE, &["line 3: Citroe\u{308}n 1.jpg is in line 2 already"]);
    table("A  B.jpg\nA B.jpg\n");
    project.succeeds(TABLE);
    assert_eq!(project.names(), ["A  B.jpg", "A B.jpg"]);
    table("A\u{a0}B.jpg\n");
    project.fails(TABLE, &["there is no photo"]);
}

#[test]
fn every_way_to_write_a_path_below_the_photos_is_taken() {
    let project = Project::new();
    project.write("photos/a/b/1.jpg", &photo(1)).write("outside.jpg", &photo(2));
    std::os::unix::fs::symlink("photos", project.path("link")).unwrap();
    let absolute = |name: &str| project.path(name).to_str().unwrap().to_owned();
    let inside = [
        "a/b/1.jpg".to_owned(),
        "./a/b/1.jpg".to_owned(),
        "a//b///1.jpg".to_owned(),
        "a/./b/1.jpg".to_owned(),
        "a/b/../b/1.jpg".to_owned(),
        "x/../a/b/1.jpg".to_owned(),
        "../photos/a/b/1.jpg".to_owned(),
        "a\\b\\1.jpg".to_owned(),
        absolute("photos/a/b/1.jpg"),
        absolute("photos//a/../a/b/1.jpg"),
        absolute("link/a/b/1.jpg"),
    ];
    for folder in ["photos", "link", "./photos/", "photos/../photos"] {
        let dataset = TABLE.replace("\"photos\"", &format!("{folder:?}"));
        for name in &inside {
            project.write("cars.csv", format!("file_name\n{name}\n").as_bytes());
            project.succeeds(&dataset);
            assert_eq!(project.names(), ["a/b/1.jpg"], "{name} in {folder}");
        }
        for name in
            ["../outside.jpg", "a/../../outside.jpg", "..", ".", "/", &absolute("outside.jpg"), "/etc/passwd"]
        {
            project.write("cars.csv", format!("file_name\n{name}\n").as_bytes());
            project.fails(&dataset, &[&format!("line 2: {name} does not lie below the folder of photos")]);
        }
    }
}

#[test]
fn photos_that_are_not_there_are_looked_for_under_other_names() {
    let project = Project::new();
    project.write("photos/photos/1.jpg", &photo(1)).write("photos/2.jpg", &photo(2));
    for (name, message) in [
        ("1.jpg", "there is photos/1.jpg: the folders above a file belong to its name"),
        ("photos/2.jpg", "there is 2.jpg: the folders above a file belong to its name"),
        ("2", "there is 2.jpg: the ending belongs to a file's name"),
        ("2.png", "there is 2.jpg, which has another ending"),
    ] {
        project.write("cars.csv", format!("file_name\n{name}\n").as_bytes());
        project.fails(TABLE, &[&format!("photos/{name}, but {message}")]);
    }
}

#[test]
fn files_that_are_no_tables_are_told_by_what_they_are() {
    let project = own_photos();
    for (content, message) in [
        (&b"PK\x03\x04xl/workbook.xml"[..], "it is a workbook of a spreadsheet program"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "it is an Excel workbook"),
        (b"\x1f\x8b\x08", "it is compressed by gzip; unpack it with `gunzip`"),
        (b"\x28\xb5\x2f\xfd", "it is compressed by zstd"),
        (b"SQLite format 3\0", "it is an SQLite database"),
        (b"[{\"file_name\": \"0.jpg\"}]", "it is JSON"),
        (b"<!DOCTYPE html>", "it is HTML or XML"),
    ] {
        project.write("cars.csv", content);
        project.fails(TABLE, &["cars.csv is not a table with a row per photo", message]);
    }
    project.write("cars.csv", b"photo,colour\n0.jpg,red\n");
    project.fails(
        &format!("{TABLE}\nfile_column = \"Photos\""),
        &["there is no column Photos (did you mean photo?)"],
    );
}

#[test]
fn spaces_before_quotes_are_no_part_of_cells() {
    let project = own_photos();
    for (csv, colours) in [
        ("file_name,colour\n0.jpg, \"red\"\n1.jpg,red\n", ["red", "red"]),
        (
            "file_name, \"colour\"\n\"0.jpg\",   \"dark, red\"\n 1.jpg , \"a \"\"b\"\" c\" \n",
            ["dark, red", "a \"b\" c"],
        ),
        ("file_name;colour\r\n0.jpg;\t\"red\"\r\n \"1.jpg\";blue\r\n", ["red", "blue"]),
        ("file_name\tcolour\n0.jpg\t \"red\"\n1.jpg\t\"blue\"\n", ["red", "blue"]),
        (
            "file_name,colour\n0.jpg,\u{a0}\"red, dark\"\n\u{3000}\"1.jpg\", \u{2009} \"blue\"\n",
            ["red, dark", "blue"],
        ),
        // A quote that does not begin a cell is one of its letters.
        ("file_name,colour\n0.jpg,17 \"wheels\n1.jpg,17\"\n", ["17 \"wheels", "17\""]),
        (
            "file_name,colour\n0.jpg,\"said, \"\"red\"\"\"\n1.jpg,\"\"\"red\"\"\"\n",
            ["said, \"red\"", "\"red\""],
        ),
    ] {
        project.write("cars.csv", csv.as_bytes());
        project.succeeds(TABLE);
        let rows = project.annotations().rows;
        let found: Vec<_> =
            rows.iter().map(|row| row.values[0].as_ref().unwrap().texts()[0].as_str()).collect();
        assert_eq!(found, colours, "{csv}");
    }
}

#[test]
fn names_of_columns_have_one_normal_form() {
    let project = own_photos();
    let csv = "\u{feff}\u{feff}file\u{200b}_name,Farbto\u{308}ne,\u{a0}split \n0.jpg,red,test\u{a0}\n";
    project.write("cars.csv", csv.as_bytes());
    project.succeeds(TABLE);
    let table = project.annotations();
    assert_eq!(table.columns, ["Farbt\u{f6}ne"]);
    assert_eq!(table.rows[0].split, Some(Split::Test));
    project.write("cars.csv", "file_name,Farbt\u{f6}ne,Farbto\u{308}ne\n".as_bytes());
    project.fails(TABLE, &["the column Farbt\u{f6}ne is there twice"]);
    project.write("cars.csv", "Fotoe\u{308},colour\n0.jpg,red\n".as_bytes());
    project.succeeds(&format!("{TABLE}\nfile_column = \"Foto\u{eb}\""));
}
