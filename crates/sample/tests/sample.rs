//! The data set as a user of the crate sees it: files, annotations, shares, determinism.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Mutex;

use flate2::read::GzDecoder;
use marque_mat5::{Struct, Value, Variable};
use marque_sample::{Error, Sample, Split, class_names, classes, draw, write};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn small() -> Sample {
    Sample { seed: 7, train_photos: 12, test_photos: 5, width: 160, height: 120 }
}

fn unpack(path: &Path) -> Result<BTreeMap<String, Vec<u8>>, Box<dyn std::error::Error>> {
    let mut archive = tar::Archive::new(GzDecoder::new(std::fs::File::open(path)?));
    let mut files = BTreeMap::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        files.insert(name, bytes);
    }
    Ok(files)
}

fn structure(variables: Vec<Variable>) -> Struct {
    match variables.into_iter().next() {
        Some(Variable { name, value: Value::Struct(array) }) if name == "annotations" => array,
        other => panic!("not the struct array annotations: {other:?}"),
    }
}

#[test]
fn writes_the_published_files() -> Outcome {
    let folder = tempfile::tempdir()?;
    let sample = small();
    let heard = Mutex::new(Vec::new());
    let files = write(&sample, folder.path(), &|done, total| {
        heard.lock().expect("no thread panicked").push((done, total));
    })?;
    let names: Vec<_> = files.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    assert_eq!(
        names,
        ["car_devkit.tgz", "cars_train.tgz", "cars_test.tgz", "cars_test_annos_withlabels.mat"]
    );
    let mut heard = heard.into_inner()?;
    heard.sort_unstable();
    assert_eq!(heard, (1..=17).map(|done| (done, 17)).collect::<Vec<_>>());

    let devkit = unpack(&files[0])?;
    let kept: Vec<_> = devkit.keys().map(String::as_str).collect();
    assert_eq!(
        kept,
        [
            "devkit/README.txt",
            "devkit/cars_meta.mat",
            "devkit/cars_test_annos.mat",
            "devkit/cars_train_annos.mat"
        ]
    );
    let meta = marque_mat5::read(&devkit["devkit/cars_meta.mat"])?;
    assert_eq!(meta[0].name, "class_names");
    let Value::Cell(cell) = &meta[0].value else { panic!("class_names is no cell array") };
    assert_eq!(cell.dims, [1, class_names().len()]);
    let read: Vec<_> = cell.items.iter().filter_map(Value::as_text).collect();
    assert_eq!(read, class_names().collect::<Vec<_>>());

    let train = structure(marque_mat5::read(&devkit["devkit/cars_train_annos.mat"])?);
    let test = structure(marque_mat5::read(&devkit["devkit/cars_test_annos.mat"])?);
    let labelled = structure(marque_mat5::read_file(&files[3])?);
    assert_eq!(train.fields, ["bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class", "fname"]);
    assert_eq!(test.fields, ["bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "fname"]);
    assert_eq!((train.rows.len(), test.rows.len(), labelled.rows.len()), (12, 5, 5));

    for (array, split, file, stem) in
        [(&train, Split::Train, &files[1], "cars_train"), (&labelled, Split::Test, &files[2], "cars_test")]
    {
        let photos = unpack(file)?;
        let expected = classes(&sample, split)?;
        assert_eq!(photos.len(), expected.len());
        for (row, class) in expected.into_iter().enumerate() {
            let number = |field: &str| array.get(row, field).and_then(Value::as_f64).expect("a number");
            assert_eq!(number("class") as usize, class + 1);
            let name = array.get(row, "fname").and_then(Value::as_text).expect("a file name");
            assert_eq!(name, format!("{:05}.jpg", row + 1));
            // The photo and its box are those that `draw` gives.
            let photo = draw(&sample, class, split, row as u32)?;
            assert_eq!(photos[&format!("{stem}/{name}")], photo.jpeg);
            let bounds = ["bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2"].map(|field| number(field) as u32);
            let b = photo.annotated;
            assert_eq!(bounds, [b.x1, b.y1, b.x2, b.y2]);
        }
    }
    Ok(())
}

#[test]
fn same_seed_same_bytes_whatever_the_threads() -> Outcome {
    let written = |seed: u64, threads: usize| -> Result<Vec<Vec<u8>>, Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        let sample = Sample { seed, ..small() };
        let files = pool.install(|| write(&sample, folder.path(), &|_, _| {}))?;
        Ok(files.iter().map(std::fs::read).collect::<Result<_, _>>()?)
    };
    let one = written(7, 1)?;
    assert_eq!(one, written(7, 3)?);
    let other = written(8, 3)?;
    assert!(one.iter().zip(&other).all(|(a, b)| a != b), "another seed gives other photos and boxes");
    Ok(())
}

#[test]
fn boxes_hold_the_car_and_stay_inside() -> Outcome {
    let sample = small();
    for class in 0..class_names().len() {
        let photo = draw(&sample, class, Split::Test, class as u32)?;
        let (outer, inner) = (photo.annotated, photo.car);
        assert!(outer.x1 >= 1 && outer.y1 >= 1 && outer.x2 <= 160 && outer.y2 <= 120, "{outer:?}");
        assert!(outer.x1 <= inner.x1 && outer.y1 <= inner.y1, "{outer:?} {inner:?}");
        assert!(outer.x2 >= inner.x2 && outer.y2 >= inner.y2, "{outer:?} {inner:?}");
        let (width, height) = (inner.x2 - inner.x1, inner.y2 - inner.y1);
        assert!(width >= 40 && height >= 25, "class {class} is too small: {inner:?}");
        assert!(width < 160 || height < 120, "class {class} leaves nothing to crop: {inner:?}");
        let picture = image::load_from_memory(&photo.jpeg)?;
        assert_eq!((picture.width(), picture.height()), (160, 120));
    }
    Ok(())
}

#[test]
fn photos_of_a_class_differ() -> Outcome {
    let sample = small();
    let first = draw(&sample, 3, Split::Train, 0)?;
    assert_ne!(first.jpeg, draw(&sample, 3, Split::Train, 1)?.jpeg);
    assert_ne!(first.jpeg, draw(&sample, 3, Split::Test, 0)?.jpeg);
    assert_ne!(first.jpeg, draw(&sample, 4, Split::Train, 0)?.jpeg);
    Ok(())
}

/// Shares of the brands, types and eras in percent, each within a point and a half of the real data's.
#[test]
fn shares_follow_the_real_data() -> Outcome {
    let names: Vec<&str> = class_names().collect();
    let sample = Sample::default();
    let all: Vec<&str> = [Split::Train, Split::Test]
        .into_iter()
        .map(|split| classes(&sample, split))
        .collect::<Result<Vec<_>, _>>()?
        .concat()
        .into_iter()
        .map(|class| names[class])
        .collect();
    assert_eq!(all.len(), (sample.train_photos + sample.test_photos) as usize);
    let share = |holds: &dyn Fn(&str) -> bool| {
        100.0 * all.iter().filter(|name| holds(name)).count() as f64 / all.len() as f64
    };
    let near = |what: &str, share: f64, real: f64| {
        assert!((share - real).abs() < 1.5, "{what}: {share:.2} % against {real} %");
    };
    for (make, real) in [("Audi", 7.2), ("BMW", 6.5), ("Chevrolet", 11.1), ("Dodge", 7.7), ("Ford", 6.4)] {
        let drawn = share(&|name| name.starts_with(make));
        near(make, drawn, real);
        assert!(drawn > 6.18, "{make} stays above 1,000 of 16,185 photos: {drawn:.2} %");
        let years: Vec<u16> = names
            .iter()
            .filter(|name| name.starts_with(make))
            .filter_map(|name| name.rsplit(' ').next()?.parse().ok())
            .collect();
        assert!(years.iter().any(|year| *year <= 2009) && years.iter().any(|year| *year >= 2010), "{make}");
    }
    for make in names.iter().filter_map(|name| name.split(' ').next()) {
        if !["Audi", "BMW", "Chevrolet", "Dodge", "Ford"].contains(&make) {
            let drawn = share(&|name| name.starts_with(make));
            assert!(drawn < 6.0, "{make} stays below the brand threshold: {drawn:.2} %");
        }
    }
    let has = |word: &str| share(&|name| name.split(' ').any(|part| part == word));
    near("Convertible", has("Convertible"), 11.8);
    let coupe = share(&|name| name.contains("Coupe") && !name.contains("Convertible"));
    near("Coupe", coupe, 13.2);
    near("SUV", has("SUV"), 17.6);
    // The real data's "Minivan" adds to what counts as a van there by whole words.
    near("Van or Minivan", has("Van") + has("Minivan"), 6.2);
    let early =
        share(&|name| name.rsplit(' ').next().and_then(|year| year.parse().ok()).unwrap_or(0) <= 2009);
    near("2009 and earlier", early, 32.0);
    Ok(())
}

#[test]
fn every_class_is_drawn_and_counts_add_up() -> Outcome {
    for photos in [0, 1, 54, 55, 56, 999] {
        let sample = Sample { train_photos: photos, ..small() };
        let mut drawn = classes(&sample, Split::Train)?;
        assert_eq!(drawn.len(), photos as usize);
        drawn.sort_unstable();
        drawn.dedup();
        if photos as usize >= class_names().len() {
            assert_eq!(drawn.len(), class_names().len());
        }
    }
    Ok(())
}

#[test]
fn refuses_what_it_cannot_draw() {
    let sample = Sample { width: 10, ..small() };
    assert!(matches!(draw(&sample, 0, Split::Train, 0), Err(Error::Canvas { width: 10, height: 120 })));
    assert!(matches!(draw(&small(), 999, Split::Train, 0), Err(Error::NoSuchClass { class: 999, .. })));
    let sample = Sample { test_photos: 100_000, ..small() };
    assert!(matches!(classes(&sample, Split::Test), Err(Error::TooMany { photos: 100_000 })));
    let folder = tempfile::tempdir().expect("a scratch folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "in the way").expect("a file");
    let blocked = write(&small(), &file.join("folder"), &|_, _| {});
    assert!(matches!(blocked, Err(Error::Io(_))));
}
