//! The stage as the pipeline runs it: what it writes, and how it goes on after an interruption.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use marque_contracts::durable;
use marque_contracts::schema::{Head, HeadKind, Preparation, Split, ingest, labels, preprocess};
use marque_contracts::{Bar, Digest, Failure, Job, Progress, Silent, Stage, Summary, Unit};
use marque_formats::{Crop, CropRow, Geometry, IndexRow, LabelRow, LabelTable, ShardKind, ShardReader};
use marque_preprocess::{Filter, Fit, Preprocess, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

const PHOTOS: u32 = 23;
const PER_SHARD: usize = 5;
const SIZE: usize = 16;

struct Project(TempDir);

impl Project {
    /// A folder with photos and their boxes.
    fn new() -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        let photos = project.path(ingest::STAGE).join(ingest::PHOTOS);
        std::fs::create_dir_all(photos.join("a")).unwrap();
        std::fs::create_dir_all(project.path(labels::STAGE)).unwrap();
        let rows: Vec<_> = (0..PHOTOS).map(|i| project.photo(i)).collect();
        let labelled = project.path(labels::STAGE);
        CropRow::write(&rows, &labelled.join(labels::CROP_TABLE)).unwrap();
        let heads = vec![
            Head::new("brand", HeadKind::Single, vec!["Audi".to_owned(), "BMW".to_owned()]),
            Head::new("extras", HeadKind::Tags, vec!["alloys".to_owned(), "roof".to_owned()]),
        ];
        std::fs::write(labelled.join(labels::HEADS), serde_json::to_vec(&heads).unwrap()).unwrap();
        // The last photo is one that was left out for a duplicate.
        let rows =
            rows[..rows.len() - 1].iter().zip(0..).map(|(row, i)| label_row(&row.file_name, i)).collect();
        let table = LabelTable { heads, rows, columns: Vec::new() };
        table.write(&labelled.join(labels::LABEL_TABLE)).unwrap();
        project
    }

    fn photo(&self, i: u32) -> CropRow {
        let extension = ["jpg", "png", "bmp"][i as usize % 3];
        let file_name = format!("a/{i:03}.{extension}");
        let photo = image::RgbImage::from_fn(40 + i, 30, |x, y| {
            image::Rgb([(x * 6 + i) as u8, (y * 8) as u8, (x * y + i * 9) as u8])
        });
        photo.save(self.photo_path(&file_name)).unwrap();
        let crop = (!i.is_multiple_of(4)).then_some(Crop { x1: 3, y1: 2, x2: 30 + i, y2: 29 });
        CropRow { file_name, crop }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn photo_path(&self, name: &str) -> PathBuf {
        self.path(ingest::STAGE).join(ingest::PHOTOS).join(name)
    }

    fn run(&self, output: &str, settings: Settings, progress: &dyn Progress) -> Result<Summary, Failure> {
        let output = self.path(output);
        std::fs::create_dir_all(&output).unwrap();
        let inputs = [ingest::STAGE, labels::STAGE].map(|stage| (stage.to_owned(), self.path(stage)));
        Preprocess::new(settings).run(&Job::new(BTreeMap::from(inputs), &output, progress))
    }
}

/// Every third brand and every fourth list of extras is not known.
fn label_row(file_name: &str, i: usize) -> LabelRow {
    let extras = [None, Some(vec![]), Some(vec![1]), Some(vec![0, 1])][i % 4].clone();
    LabelRow {
        file_name: file_name.to_owned(),
        split: Split::ALL[i % 3],
        class_name: None,
        make: None,
        model: None,
        body: None,
        year: None,
        crop: None,
        width: 40,
        height: 30,
        digest: Digest::of_bytes(b""),
        labels: vec![[None, Some(0), Some(1)][i % 3].into(), extras.into()],
    }
}

fn settings() -> Settings {
    Settings {
        max_decode_bytes: 1 << 30,
        size: SIZE,
        crop: true,
        margin: 0.0,
        whole: true,
        fit: Fit::Squash,
        resize: Filter::Bilinear,
        background: [255; 3],
        shard_photos: PER_SHARD,
        webdataset: true,
    }
}

/// Every file below a folder, with its content.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn photos_come_out_where_the_index_says_whatever_the_number_of_threads() {
    let project = Project::new();
    let summary = project.run("one", settings(), &Silent).unwrap();
    assert_eq!(summary.line, "23 photos of 16×16 pixels in 5 shards");
    let folder = project.path("one");
    let index = IndexRow::read(&folder.join(preprocess::INDEX)).unwrap();
    assert_eq!(index.len(), PHOTOS as usize);
    assert!(index.is_sorted_by_key(|row| row.file_name.clone()));
    let reader =
        ShardReader::open_indexed(&folder.join(preprocess::SHARDS), ShardKind::Pixels, &index).unwrap();
    assert_eq!(reader.geometry(), Geometry { height: SIZE, width: SIZE });
    for row in &index {
        // The box of number i begins at column 3, and its green rises by 8 a row: the middle tells.
        let number: u32 = row.file_name[2..5].parse().unwrap();
        let pixels = reader.photo(row).unwrap();
        let middle = f64::from(pixels[(8 * SIZE + 8) * 3 + 1]);
        let expected = if number.is_multiple_of(4) { 8.0 * 15.4 } else { 8.0 * 15.8 };
        assert!((middle - expected).abs() < 10.0, "{}: {middle}, not {expected}", row.file_name);
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| project.run("two", settings(), &Silent)).unwrap();
    assert_eq!(files(&folder), files(&project.path("two")));
}

/// Fails after some photos, as a machine does that is switched off.
struct Doomed(AtomicU64);

struct DoomedBar<'a>(&'a AtomicU64);

impl Progress for Doomed {
    fn bar(&self, _: &str, _: u64, _: Unit) -> Box<dyn Bar> {
        // The bar outlives no run of the test.
        let left: &'static AtomicU64 = Box::leak(Box::new(AtomicU64::new(self.0.load(Ordering::SeqCst))));
        Box::new(DoomedBar(left))
    }

    fn line(&self, _: &str) {}
}

impl Bar for DoomedBar<'_> {
    fn advance(&self, n: u64) {
        let before = self.0.fetch_sub(n, Ordering::SeqCst);
        assert!(before > n, "switched off");
    }

    fn skip(&self, _n: u64) {}

    fn set_message(&self, _: &str) {}
}

#[test]
fn an_interrupted_run_goes_on_after_its_finished_shards_to_the_same_bytes() {
    let project = Project::new();
    project.run("whole", settings(), &Silent).unwrap();
    let whole = files(&project.path("whole"));
    // Within the first shard, the third, and the last.
    for (photos, finished) in [(2, 0), (13, 2), (22, 4)] {
        let output = format!("cut-{photos}");
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let run = || project.run(&output, settings(), &Doomed(AtomicU64::new(photos)));
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pool.install(run)));
        assert!(ended.is_err());
        let shards = project.path(&output).join(preprocess::SHARDS);
        let inodes = || -> Vec<u64> {
            let path = |number: usize| shards.join(format!("{number:05}.safetensors"));
            (0..finished).map(|number| std::fs::metadata(path(number)).unwrap().ino()).collect()
        };
        let before = inodes();
        let unfinished = durable::temporary(&shards.join(format!("{finished:05}.safetensors")));
        assert!(unfinished.exists(), "{}", unfinished.display());
        let summary = project.run(&output, settings(), &Silent).unwrap();
        assert_eq!(summary.notes["resumed_shards"], finished);
        assert_eq!(inodes(), before, "finished shards are not made again");
        assert_eq!(files(&project.path(&output)), whole);
    }
}

#[test]
fn what_an_interrupted_run_left_is_made_again_if_it_is_not_whole() {
    let project = Project::new();
    project.run("whole", settings(), &Silent).unwrap();
    let whole = files(&project.path("whole"));
    let last = project.photo_path("a/022.png");
    std::fs::rename(&last, last.with_extension("away")).unwrap();
    let failure = project.run("damaged", settings(), &Silent).unwrap_err();
    assert!(failure.to_string().contains("a/022.png"), "{failure}");
    std::fs::rename(last.with_extension("away"), &last).unwrap();
    let shards = project.path("damaged").join(preprocess::SHARDS);
    let shard = |number: u32| shards.join(format!("{number:05}.safetensors"));
    let bytes = std::fs::read(shard(1)).unwrap();
    std::fs::write(shard(1), &bytes[..bytes.len() - 1]).unwrap();
    std::fs::copy(shard(0), shard(2)).unwrap();
    std::fs::remove_file(project.path("damaged").join("resume/shards-00003.safetensors.json")).unwrap();
    let summary = project.run("damaged", settings(), &Silent).unwrap();
    // 1 is cut, 2 is another, 3 has no note, 4 was not finished.
    assert_eq!(summary.notes["resumed_shards"], 1);
    assert_eq!(files(&project.path("damaged")), whole);
}

#[test]
fn boxes_of_other_photos_are_noticed_even_after_an_interruption() {
    let project = Project::new();
    let table = project.path(labels::STAGE).join(labels::CROP_TABLE);
    let mut rows = CropRow::read(&table).unwrap();
    rows[1].crop = Some(Crop { x1: 0, y1: 0, x2: 500, y2: 20 });
    CropRow::write(&rows, &table).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let run = || project.run("out", settings(), &Doomed(AtomicU64::new(12)));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pool.install(run))).is_err());
    let failure = project.run("out", settings(), &Silent).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "1 of 23 boxes reach outside their photos; the first is that of a/001.png"
    );
    assert_eq!(failure.hint(), Some("photos that are already cropped want preprocess.crop = false"));
    project.run("uncropped", Settings { crop: false, ..settings() }, &Silent).unwrap();
}

/// Where no photo has a box, none was cut, and `preparation.json` says so.
#[test]
fn photos_without_any_box_are_not_cut() {
    let project = Project::new();
    let table = project.path(labels::STAGE).join(labels::CROP_TABLE);
    let margin = |output: &str| {
        project.run(output, settings(), &Silent).unwrap();
        let said = std::fs::read(project.path(output).join(preprocess::PREPARATION)).unwrap();
        serde_json::from_slice::<Preparation>(&said).unwrap().margin
    };
    assert_eq!(margin("boxed"), Some(0.0));
    let mut rows = CropRow::read(&table).unwrap();
    rows.iter_mut().for_each(|row| row.crop = None);
    CropRow::write(&rows, &table).unwrap();
    assert_eq!(margin("unboxed"), None);
}

#[test]
fn webdataset_archives_hold_the_shards_pixels_names_and_labels() {
    let project = Project::new();
    project.run("out", settings(), &Silent).unwrap();
    let folder = project.path("out");
    let index = IndexRow::read(&folder.join(preprocess::INDEX)).unwrap();
    let reader =
        ShardReader::open_indexed(&folder.join(preprocess::SHARDS), ShardKind::Pixels, &index).unwrap();
    let mut rows = index.iter().enumerate();
    let expected = |place: usize, file_name: &str| {
        if place as u32 == PHOTOS - 1 {
            return json!({ "file_name": file_name });
        }
        json!({
            "file_name": file_name,
            "split": (["train", "validation", "test"][place % 3]),
            "brand": ([Value::Null, json!("Audi"), json!("BMW")][place % 3]),
            "brand_id": ([Value::Null, json!(0), json!(1)][place % 3]),
            "extras": ([Value::Null, json!([]), json!(["roof"]), json!(["alloys", "roof"])][place % 4]),
            "extras_id": ([Value::Null, json!([]), json!([1]), json!([0, 1])][place % 4]),
        })
    };
    for number in 0..5 {
        let file = std::fs::File::open(folder.join(format!("webdataset/{number:06}.tar"))).unwrap();
        let mut archive = tar::Archive::new(file);
        let mut entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut data = Vec::new();
            entry.read_to_end(&mut data).unwrap();
            (entry.path().unwrap().to_str().unwrap().to_owned(), data)
        });
        while let Some((name, png)) = entries.next() {
            let (place, row) = rows.next().unwrap();
            assert_eq!(name, format!("{place:08}.png"));
            let pixels = image::load_from_memory(&png).unwrap().into_rgb8();
            assert_eq!(pixels.as_raw(), reader.photo(row).unwrap());
            let (name, json) = entries.next().unwrap();
            assert_eq!(name, format!("{place:08}.json"));
            let record: Value = serde_json::from_slice(&json).unwrap();
            assert_eq!(record, expected(place, &row.file_name));
        }
    }
    assert!(rows.next().is_none(), "a photo is in no archive");
    project.run("without", Settings { webdataset: false, ..settings() }, &Silent).unwrap();
    assert!(!project.path("without").join("webdataset").exists());
}
