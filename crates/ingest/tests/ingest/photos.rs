//! Which files are photos, how they are measured, and which are there twice.

use image::ImageFormat;
use marque_fixtures::published;
use marque_formats::{DuplicateKind, PhotoRow, RejectedRow};

use crate::project::{FOLDERS, Project, encode, photo, picture};

#[test]
fn files_that_are_no_photos_are_listed_and_left_out_up_to_a_share() {
    let project = Project::new();
    let good = photo(1);
    project
        .write("cars/A/cut.jpg", &good[..good.len() * 2 / 3])
        .write("cars/A/empty.jpg", b"")
        .write("cars/A/page.jpg", b"<!DOCTYPE html><title>404</title>");
    for i in 0..7 {
        project.write(&format!("cars/A/{i}.jpg"), &photo(i));
    }
    let dataset = "source = \"folders\"\npath = \"cars\"";
    project.fails(
        dataset,
        &[
            "3 of 10 photos cannot be used, more than dataset.max_rejected = 0.05",
            "A/cut.jpg: the JPEG data end before the picture does: copy or save the photo again, or replace it",
            "A/empty.jpg: the file is empty",
            "A/page.jpg: it is no photo: its content is not JPEG, PNG, WebP, BMP or GIF",
            "hint: replace these photos or take them out",
            "all of them are in ",
        ],
    );
    let listed = RejectedRow::read(&project.path("rejected.parquet")).unwrap();
    assert_eq!(listed.len(), 3, "where the failed run leaves nothing else");
    let summary = project.succeeds(&format!("{dataset}\nmax_rejected = 0.3"));
    assert!(summary.line.contains("3 files left out"), "{}", summary.line);
    assert!(!project.path("rejected.parquet").exists(), "what a failed run listed is gone");
    let rejected: Vec<_> = project.rejected().into_iter().map(|row| row.file_name).collect();
    assert_eq!(rejected, ["A/cut.jpg", "A/empty.jpg", "A/page.jpg"]);
    assert_eq!(project.names().len(), 7);
    assert_eq!(project.annotations().rows.len(), 7);
    assert!(!project.path("output/photos/A/cut.jpg").exists());
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
    let project = Project::new();
    project.write("cars/A/1.jpg", &turned);
    project.succeeds("source = \"folders\"\npath = \"cars\"");
    let rows = PhotoRow::read(&project.path("output/photos.parquet")).unwrap();
    assert_eq!((rows[0].width, rows[0].height), (64, 96));
}

#[test]
fn photos_that_are_there_twice_are_found() {
    let project = Project::new();
    let smaller = image::imageops::resize(&picture(5, 96, 64), 72, 48, image::imageops::FilterType::Triangle);
    for i in 0..8 {
        project.write(&format!("cars/A/{i}.jpg"), &photo(i));
    }
    project
        .write("cars/B/same as 2.jpg", &photo(2))
        .write("cars/B/also 2.jpg", &photo(2))
        .write("cars/B/5 saved again.png", &encode(&smaller, ImageFormat::Png));
    let dataset = "source = \"folders\"\npath = \"cars\"";
    let summary = project.succeeds(dataset);
    assert!(summary.line.contains("5 photos in 2 groups of duplicates"), "{}", summary.line);
    let rows = project.duplicates();
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
    project.succeeds(&format!("{dataset}\nnear_duplicates = false"));
    assert_eq!(project.duplicates(), rows[..3]);
}

#[test]
fn photos_of_more_pixels_than_allowed_are_listed_with_the_reason() {
    let project = Project::new();
    let mut huge = encode(&picture(7, 8, 8), ImageFormat::Bmp);
    for at in [18, 22] {
        huge[at..at + 4].copy_from_slice(&60_000_u32.to_le_bytes());
    }
    project.write("cars/A/1.jpg", &photo(1)).write("cars/B/2.jpg", &photo(2)).write("cars/B/huge.bmp", &huge);
    project.succeeds(&format!("{FOLDERS}\nmax_rejected = 0.5"));
    let [row] = &project.rejected()[..] else { panic!("{:?}", project.rejected()) };
    let reason = "it has 60000 × 60000 pixels, more than dataset.max_pixels = 100000000";
    assert_eq!((row.file_name.as_str(), row.reason.as_str()), ("B/huge.bmp", reason));
    // 96 × 64 pixels.
    project.fails(
        &format!("{FOLDERS}\nmax_pixels = 6143"),
        &["it has 96 × 64 pixels, more than dataset.max_pixels = 6143"],
    );
    project.succeeds(&format!("{FOLDERS}\nmax_pixels = 6144\nmax_rejected = 0.5"));
}

/// Deep pixels take several bytes each, and a small file may have many of them.
#[test]
fn photos_that_take_more_memory_than_there_is_are_listed_and_the_others_wait() {
    let project = Project::new();
    let deep = image::ImageBuffer::from_pixel(2_000, 1_500, image::Rgba([40_000_u16, 9, 700, 65_535]));
    let mut file = std::io::Cursor::new(Vec::new());
    image::DynamicImage::ImageRgba16(deep).write_to(&mut file, ImageFormat::Png).unwrap();
    let deep = file.into_inner();
    assert!(deep.len() < 200_000, "{}", deep.len());
    project.write("cars/A/deep.png", &deep);
    for i in 0..12 {
        project.write(&format!("cars/B/{i}.jpg"), &photo(i));
    }
    let few = format!("{FOLDERS}\nmax_rejected = 0.5\nmax_decode_bytes = 3000000");
    project.succeeds(&few);
    let [row] = &project.rejected()[..] else { panic!("{:?}", project.rejected()) };
    assert_eq!(row.file_name, "A/deep.png");
    assert!(row.reason.starts_with("decoding it takes 45"), "{}", row.reason);
    assert!(row.reason.ends_with(" bytes, more than dataset.max_decode_bytes = 3000000"), "{}", row.reason);
    assert_eq!(project.names().len(), 12);
    project.succeeds(&few.replace("3000000", "50000000"));
    assert_eq!(project.names().len(), 13);
}

#[test]
fn a_photo_without_the_end_mark_is_a_photo() {
    let project = Project::new();
    let whole = photo(1);
    project.write("cars/A/1.jpg", &whole[..whole.len() - 2]).write("cars/B/2.jpg", &photo(2));
    project.succeeds(FOLDERS);
    assert_eq!(project.names(), ["A/1.jpg", "B/2.jpg"]);
}

#[test]
fn photos_of_other_endings_are_taken_or_listed() {
    let project = Project::new();
    project
        .write("cars/A/1.jfif", &photo(1))
        .write("cars/A/2.gif", &encode(&picture(2, 64, 48), ImageFormat::Gif))
        .write("cars/B/3.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
        .write("cars/B/4.tif", b"II*\0\x08\0\0\0\0\0")
        .write("cars/B/5.jpg", &photo(5))
        .write("cars/B/6.avif", b"\0\0\0\x1cftypavif\0\0\0\0")
        // A HEIC photo by its name alone.
        .write("cars/B/7.heic", &photo(7))
        .write("cars/B/notes.txt", b"no photo, and not meant to be one");
    project.succeeds(&format!("{FOLDERS}\nmax_rejected = 0.5"));
    assert_eq!(project.names(), ["A/1.jfif", "A/2.gif", "B/5.jpg", "B/7.heic"]);
    let rejected: Vec<_> = project.rejected().into_iter().map(|row| (row.file_name, row.reason)).collect();
    let reasons = [
        ("B/3.heic", "it is a HEIC photo, as phones take them, which is not read: save it as JPEG or PNG"),
        ("B/4.tif", "it is a TIFF or raw photo, which is not read: save it as JPEG or PNG"),
        ("B/6.avif", "it is an AVIF photo, which is not read: save it as JPEG or PNG"),
    ];
    assert_eq!(rejected, reasons.map(|(name, reason)| (name.to_owned(), reason.to_owned())));
}

#[test]
#[ignore = "reads shared/stanford-cars-train: make test-all"]
fn all_published_training_photos_are_read_and_the_repeated_ones_found() {
    let project = Project::new();
    let folder = published("stanford-cars-train");
    let summary = project.succeeds(&format!("source = \"published\"\npath = {folder:?}"));
    eprintln!("{}", summary.line);
    let rows = project.duplicates();
    for row in &rows {
        eprintln!("{:4} {:9} {} {:016x}", row.group, row.kind.as_str(), row.file_name, row.hash);
    }
    assert_eq!(project.names().len(), 8144);
    assert_eq!(project.rejected(), []);
    assert!(!rows.is_empty());
}
