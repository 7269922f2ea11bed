//! Answers about photos: the same whatever is beside them, in order, with a reason where there is none.

use std::path::Path;

use candle_core::{Device, Tensor};
use marque_contracts::json;
use marque_contracts::schema::model::{CALIBRATION, CONFIG, LOCATOR, PREPROCESSOR, WEIGHTS};
use marque_contracts::schema::{Crop, Filter, Fit, HeadKind, Label, Preparation, Preprocessor};
use marque_metrics::OperatingPoints;
use marque_network::{Backbone, HeadConfig, Network, NetworkConfig, Precision};
use marque_photo::prepare;
use marque_predict::{
    Calibration, Error, HeadCalibration, PhotoError, PhotoFile, PhotoInput, Prediction, Predictor, Reading,
    Settings, locator_config, predict_photos,
};
use tempfile::TempDir;

const SIZE: usize = 32;

fn heads() -> Vec<HeadConfig> {
    vec![
        HeadConfig::new("brand", ["Audi", "BMW", "Ford"]),
        HeadConfig::new("extras", ["alloys", "roof"]).with_kind(HeadKind::Tags),
    ]
}

fn preparation(margin: Option<f64>) -> Preparation {
    Preparation { size: SIZE, margin, fit: Fit::Squash, resize: Filter::Bilinear, background: [255; 3] }
}

/// A model with random weights, which says that the car is in the middle if it is to say where it is.
fn model(margin: Option<f64>, finds_cars: bool) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = NetworkConfig::new(Backbone::ResNet18, SIZE, heads());
    let network = Network::new(&config, 5).unwrap();
    network.save(&folder.path().join(WEIGHTS)).unwrap();
    json::write(&folder.path().join(CONFIG), &config).unwrap();
    let preprocessor = Preprocessor::new(&preparation(margin), config.mean, config.std);
    json::write(&folder.path().join(PREPROCESSOR), &preprocessor).unwrap();
    if finds_cars {
        locator(&folder.path().join(LOCATOR));
    }
    folder
}

/// A locator that says that the car is all that it sees.
fn locator(folder: &Path) {
    fs_err::create_dir(folder).unwrap();
    let config = locator_config();
    let network = Network::new(&config, 5).unwrap();
    for parameter in network.parameters().iter().filter(|parameter| parameter.name.starts_with("heads.")) {
        let value = if parameter.name.ends_with("bias") { 30.0 } else { 0.0 };
        let values = Tensor::full(value as f32, parameter.var.shape(), &Device::Cpu).unwrap();
        parameter.var.set(&values).unwrap();
    }
    network.save(&folder.join(WEIGHTS)).unwrap();
    json::write(&folder.join(CONFIG), &config).unwrap();
}

fn open(folder: &Path) -> Predictor {
    Predictor::open(folder, Precision::F32, &Settings::default()).unwrap()
}

/// A photo as a PNG file.
fn photo(seed: u32) -> Vec<u8> {
    let pixels = image::RgbImage::from_fn(40 + seed, 30, |x, y| {
        image::Rgb([(x * 7 + seed * 31) as u8, (y * 9 + seed) as u8, (x * y + seed * 5) as u8])
    });
    let mut file = std::io::Cursor::new(Vec::new());
    pixels.write_to(&mut file, image::ImageFormat::Png).unwrap();
    file.into_inner()
}

fn input(name: &str, file: PhotoFile, crop: Option<Crop>) -> PhotoInput {
    PhotoInput { name: name.to_owned(), file, crop }
}

fn answers(
    predictor: &Predictor,
    inputs: Vec<PhotoInput>,
    batch_size: usize,
) -> Vec<(String, Result<Prediction, PhotoError>)> {
    let mut answers = Vec::new();
    let reading = Reading { batch_size, ..Reading::default() };
    predict_photos(predictor, inputs.into_iter(), &reading, |photo, answer| {
        answers.push((photo.name, answer));
        Ok::<_, Error>(())
    })
    .unwrap();
    answers
}

#[test]
fn the_photos_beside_it_change_no_bit_of_an_answer() {
    let folder = model(None, false);
    let squares: Vec<_> =
        (0..7).map(|seed| prepare(&photo(seed), None, &preparation(None)).unwrap().rgb).collect();
    let squares: Vec<_> = squares.iter().map(Vec::as_slice).collect();
    for precision in [Precision::F32, Precision::Bf16] {
        let predictor = Predictor::open(folder.path(), precision, &Settings::default()).unwrap();
        for flip in [false, true] {
            let together = predictor.outputs(&squares, flip).unwrap();
            for (photo, square) in squares.iter().enumerate() {
                let alone = predictor.outputs(&[square], flip).unwrap();
                for (together, alone) in together.logits.iter().zip(&alone.logits) {
                    assert_eq!(
                        together[photo * alone.len()..][..alone.len()],
                        *alone,
                        "{precision:?}, {flip}"
                    );
                }
            }
        }
    }
}

#[test]
fn photos_are_answered_in_their_order_and_what_is_none_has_its_reason() {
    let folder = model(Some(0.0), false);
    let predictor = open(folder.path());
    let crop = Crop { x1: 3, y1: 4, x2: 30, y2: 25 };
    let path = folder.path().join("photo.png");
    fs_err::write(&path, photo(2)).unwrap();
    let inputs = vec![
        input("bytes", PhotoFile::Bytes(photo(1)), None),
        input("text", PhotoFile::Bytes(b"no photo".to_vec()), None),
        input("path", PhotoFile::Path(path), Some(crop)),
        input("missing", PhotoFile::Path("missing.jpg".into()), None),
        input("outside", PhotoFile::Bytes(photo(3)), Some(Crop { x2: 3000, ..crop })),
        input("last", PhotoFile::Bytes(photo(4)), None),
    ];
    let names: Vec<_> = inputs.iter().map(|input| input.name.clone()).collect();
    let expected = |seed: u32, crop: Option<Crop>| {
        let square = prepare(&photo(seed), crop, predictor.preparation()).unwrap().rgb;
        predictor.predict(&[&square], false).unwrap().remove(0).heads
    };
    for batch_size in [1, 2, 4, 16] {
        let found = answers(&predictor, inputs.clone(), batch_size);
        assert_eq!(found.iter().map(|(name, _)| name).collect::<Vec<_>>(), names.iter().collect::<Vec<_>>());
        let heads = |at: usize| found[at].1.as_ref().unwrap().heads.clone();
        assert_eq!(
            [heads(0), heads(2), heads(5)],
            [expected(1, None), expected(2, Some(crop)), expected(4, None)]
        );
        let reasons: Vec<_> = [1, 3, 4].map(|at| found[at].1.as_ref().unwrap_err().to_string()).into();
        assert!(reasons[0].contains("no photo") || reasons[0].contains("JPEG"), "{reasons:?}");
        assert!(reasons[1].contains("read") && reasons[2].contains("outside of the photo"), "{reasons:?}");
        let car = found[2].1.as_ref().unwrap().car.unwrap();
        assert!(car.given && car.crop == crop && found[0].1.as_ref().unwrap().car.is_none());
    }
}

#[test]
fn a_model_with_a_locator_cuts_photos_without_a_box() {
    let folder = model(Some(0.0), true);
    let predictor = open(folder.path());
    let found =
        answers(&predictor, vec![input("photo", PhotoFile::Bytes(photo(8)), None)], 16).remove(0).1.unwrap();
    let crop = Crop { x1: 0, y1: 0, x2: 48, y2: 30 };
    let car = found.car.unwrap();
    assert_eq!((car.crop, car.given), (crop, false));
    let square = prepare(&photo(8), Some(crop), predictor.preparation()).unwrap().rgb;
    assert_eq!(found.heads, predictor.predict(&[&square], false).unwrap()[0].heads);
    // A box that is given is not looked for.
    let given = Crop { x1: 0, y1: 0, x2: 20, y2: 30 };
    let found = answers(&predictor, vec![input("photo", PhotoFile::Bytes(photo(8)), Some(given))], 16)
        .remove(0)
        .1
        .unwrap();
    assert_eq!(found.car.map(|car| (car.crop, car.given)), Some((given, true)));
}

#[test]
fn an_answer_is_sure_where_answers_as_probable_were_right_often_enough() {
    let folder = model(None, false);
    let square = prepare(&photo(1), None, &preparation(None)).unwrap().rgb;
    let plain = open(folder.path()).predict(&[&square], false).unwrap().remove(0);
    assert_eq!(plain.heads[0].sure, None);
    // Of twenty answers as probable as this one and twenty that are more so, the latter are all right.
    let of = |probability: f64| {
        (0..40)
            .map(move |photo| (if photo < 20 { probability } else { 0.999 }, photo % 2 == 1 || photo >= 20))
    };
    let points = OperatingPoints::measure(of(plain.heads[0].confidence - 1e-9));
    let temperatures = vec![1.0, 4.0];
    let head = |temperatures, operating_points| HeadCalibration { temperatures, operating_points };
    let calibration =
        Calibration::new(vec![head(vec![1.0], points.clone()), head(temperatures, points)], Vec::new(), 40);
    calibration.write(folder.path(), &heads()).unwrap();
    for (target_precision, sure) in [(0.7, true), (0.95, false), (0.99, false)] {
        let settings = Settings { target_precision, ..Settings::default() };
        let predictor = Predictor::open(folder.path(), Precision::F32, &settings).unwrap();
        let found = predictor.predict(&[&square], false).unwrap().remove(0);
        assert_eq!(found.heads[0].sure, Some(sure), "{target_precision}");
        assert_eq!(found.heads[0].answer, plain.heads[0].answer);
        let (before, after) = (&plain.heads[1].probabilities, &found.heads[1].probabilities);
        assert_eq!(before[0], after[0]);
        assert!((after[1] - 0.5).abs() < (before[1] - 0.5).abs(), "{before:?} {after:?}");
        let json = found.to_json(&heads(), 2);
        assert_eq!(json["heads"]["brand"]["sure"], sure);
        assert_eq!(json["heads"]["brand"]["top"].as_array().map(Vec::len), Some(2));
        assert!(matches!(found.heads[1].answer, Label::Tags(_)));
    }
}

#[test]
fn a_model_folder_that_does_not_fit_is_told_with_its_file() {
    let folder = model(None, false);
    let refused = |name: &str, content: &str| {
        let path = folder.path().join(name);
        let before = fs_err::read(&path).ok();
        fs_err::write(&path, content).unwrap();
        let error = Predictor::open(folder.path(), Precision::F32, &Settings::default()).unwrap_err();
        before.map_or_else(|| fs_err::remove_file(&path), |before| fs_err::write(&path, before)).unwrap();
        error.to_string()
    };
    assert!(refused(CONFIG, "{").contains("config.json is damaged"));
    assert!(refused(WEIGHTS, "no weights").contains("model.safetensors"));
    assert!(refused(CALIBRATION, r#"{"heads":{},"photos":3}"#).contains("no head `brand`"));
    for temperatures in ["[0.0]", "[-1.0]", "[1e-300]", "[1e300]", "[0.04]", "[21.0]", "[1.0,1.0]"] {
        let head = format!(r#"{{"temperatures":{temperatures},"operating_points":[]}}"#);
        let calibration = format!(r#"{{"heads":{{"brand":{head}}},"photos":3}}"#);
        assert!(
            refused(CALIBRATION, &calibration).contains("1 temperature from 0.05 to 20"),
            "{temperatures}"
        );
    }
    open(folder.path());
    let empty = tempfile::tempdir().unwrap();
    assert!(Predictor::open(empty.path(), Precision::F32, &Settings::default()).is_err());
}
