//! Photos unlike those that a model learnt from, and what becomes of its answers about them.

use marque_contracts::json;
use marque_contracts::schema::model::{CONFIG, FAMILIARITY, PREPROCESSOR, WEIGHTS};
use marque_contracts::schema::{Filter, Fit, Preparation, Preprocessor};
use marque_metrics::OperatingPoints;
use marque_network::{Backbone, HeadConfig, Network, NetworkConfig, Precision};
use marque_predict::{Calibration, Familiarity, HeadCalibration, PhotoFeatures, Predictor, Settings};
use tempfile::TempDir;

const SIZE: usize = 32;

fn heads() -> Vec<HeadConfig> {
    vec![HeadConfig::new("brand", ["Audi", "BMW"])]
}

/// A model with random weights whose every answer is sure.
fn model() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = NetworkConfig::new(Backbone::ResNet18, SIZE, heads());
    Network::new(&config, 5).unwrap().save(&folder.path().join(WEIGHTS)).unwrap();
    json::write(&folder.path().join(CONFIG), &config).unwrap();
    let preparation = Preparation {
        size: SIZE,
        margin: None,
        fit: Fit::Squash,
        resize: Filter::Bilinear,
        background: [255; 3],
    };
    let preprocessor = Preprocessor::new(&preparation, config.mean, config.std);
    json::write(&folder.path().join(PREPROCESSOR), &preprocessor).unwrap();
    let points = OperatingPoints::measure((0..200).map(|photo| (0.5 + f64::from(photo) / 1e6, true)));
    let calibration = vec![HeadCalibration { temperatures: vec![1.0], operating_points: points }];
    Calibration::new(calibration.clone(), calibration, 200).write(folder.path(), &heads()).unwrap();
    folder
}

fn open(folder: &TempDir, settings: &Settings) -> Result<Predictor, marque_predict::Error> {
    Predictor::open(folder.path(), Precision::F32, settings)
}

/// A dark square with a light disc somewhere in its middle.
fn disc(seed: usize) -> Vec<u8> {
    let middle = (12 + seed % 9, 11 + seed / 9 % 9);
    let light = |x: usize, y: usize| x.abs_diff(middle.0).pow(2) + y.abs_diff(middle.1).pow(2) < 60;
    (0..SIZE * SIZE)
        .flat_map(|at| if light(at % SIZE, at / SIZE) { [200, 180, 60] } else { [30, 30, 50] })
        .collect()
}

/// A square of noise.
fn noise(seed: usize) -> Vec<u8> {
    let mut state = seed as u32 + 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..SIZE * SIZE * 3).map(|_| next()).collect()
}

fn slices(squares: &[Vec<u8>]) -> Vec<&[u8]> {
    squares.iter().map(Vec::as_slice).collect()
}

/// Fits on discs at even places, with those at odd ones for validation.
fn fit(folder: &TempDir) {
    let predictor = open(folder, &Settings::default()).unwrap();
    let [learnt, seen] = [0, 1].map(|first| {
        let discs: Vec<_> = (first..81).step_by(2).map(disc).collect();
        predictor.outputs(&slices(&discs), false).unwrap()
    });
    let [learnt, seen] =
        [&learnt, &seen].map(|it| PhotoFeatures { features: &it.features, early: &it.early });
    let familiarity = Familiarity::fit(predictor.feature_widths(), learnt, seen).unwrap();
    assert_eq!(familiarity.photos(), 40);
    familiarity.write(folder.path()).unwrap();
    assert_eq!(open(folder, &Settings::default()).unwrap().familiarity(), Some(&familiarity));
}

#[test]
fn no_answer_about_an_unfamiliar_photo_is_sure() {
    let folder = model();
    let squares: Vec<_> = (0..9).map(|seed| disc(9 * seed)).chain((0..9).map(noise)).collect();
    let plain = open(&folder, &Settings::default()).unwrap().predict(&slices(&squares), false).unwrap();
    assert!(plain.iter().all(|answer| answer.familiarity.is_none() && answer.familiar.is_none()));
    assert!(plain.iter().all(|answer| answer.heads[0].sure == Some(true)));
    fit(&folder);
    let predictor = open(&folder, &Settings::default()).unwrap();
    let answers = predictor.predict(&slices(&squares), false).unwrap();
    for (photo, (answer, plain)) in answers.iter().zip(&plain).enumerate() {
        let is_disc = photo < 9;
        assert_eq!(answer.familiar, Some(is_disc), "{photo}: {:?}", answer.familiarity);
        assert_eq!(answer.heads[0].sure, Some(is_disc));
        assert_eq!(answer.heads[0].probabilities, plain.heads[0].probabilities);
        let json = answer.to_json(&heads(), 1);
        assert_eq!((&json["familiar"], &json["heads"]["brand"]["sure"]), (&is_disc.into(), &is_disc.into()));
    }
    // As it is, whatever else is looked at for the answer; and of a photo whatever is beside it.
    let mirrored = predictor.predict(&slices(&squares), true).unwrap();
    let alone = predictor.predict(&[&squares[0]], false).unwrap();
    let ranks =
        |answers: &[marque_predict::Prediction]| answers.iter().map(|it| it.familiarity).collect::<Vec<_>>();
    assert_eq!((ranks(&mirrored), ranks(&alone)[0]), (ranks(&answers), answers[0].familiarity));
    // Whoever wants all answers has them.
    let all = Settings { min_familiarity: 0.0, ..Settings::default() };
    let answers = open(&folder, &all).unwrap().predict(&slices(&squares), false).unwrap();
    assert!(answers.iter().all(|answer| answer.familiar == Some(true) && answer.heads[0].sure == Some(true)));
}

#[test]
fn photos_like_those_learnt_from_have_all_ranks() {
    let folder = model();
    fit(&folder);
    let predictor = open(&folder, &Settings::default()).unwrap();
    let validation: Vec<_> = (1..81).step_by(2).map(disc).collect();
    let mut ranks = predictor.outputs(&slices(&validation), false).unwrap().familiarity.unwrap();
    ranks.sort_by(f64::total_cmp);
    assert_eq!(ranks.last(), Some(&1.0));
    assert!(
        ranks.windows(2).all(|pair| pair[0] <= pair[1]) && ranks[20] > 0.4 && ranks[20] < 0.7,
        "{ranks:?}"
    );
}

#[test]
fn a_file_that_does_not_fit_is_told_by_name() {
    let folder = model();
    let path = folder.path().join(FAMILIARITY);
    let refused = || open(&folder, &Settings::default()).unwrap_err().to_string();
    fs_err::write(&path, "no tensors").unwrap();
    assert!(refused().contains("familiarity.safetensors"), "{}", refused());
    // That of another network.
    let of = |widths: [usize; 2]| {
        let rows = |width: usize| (0..12 * width).map(|at| (at * at % 97) as f32).collect::<Vec<_>>();
        let [features, early] = widths.map(rows);
        let photos = PhotoFeatures { features: &features, early: &early };
        Familiarity::fit(widths, photos, photos).unwrap()
    };
    of([512, 128]).write(folder.path()).unwrap();
    assert!(refused().contains("`cholesky`") || refused().contains("`mean`"), "{}", refused());
    of([512, 256]).write(folder.path()).unwrap();
    open(&folder, &Settings::default()).unwrap();
    // A deviation of zero would make everything unfamiliar.
    let whole = fs_err::read(&path).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&whole).unwrap();
    let standard = tensors.tensor("standard").unwrap().data().as_ptr().addr() - whole.as_ptr().addr();
    let mut damaged = whole.clone();
    damaged[standard + 4..standard + 8].copy_from_slice(&0f32.to_le_bytes());
    fs_err::write(&path, damaged).unwrap();
    assert!(refused().contains("spreads or ranks"), "{}", refused());
    // A link that leads nowhere is not a model without the file.
    fs_err::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("nowhere", &path).unwrap();
    assert!(refused().contains("familiarity.safetensors"), "{}", refused());
}

#[test]
fn photos_that_tell_nothing_apart_make_none_unfamiliar() {
    let of = |photos: usize, width: usize, value: &dyn Fn(usize) -> f32| {
        (0..photos * width).map(value).collect::<Vec<_>>()
    };
    let varied = |at: usize| (at * at % 97) as f32;
    let fit = |learnt: usize, seen: usize, value: &dyn Fn(usize) -> f32| {
        let (features, early) = (of(learnt.max(seen), 16, value), of(learnt.max(seen), 8, value));
        let first =
            |photos: usize| PhotoFeatures { features: &features[..photos * 16], early: &early[..photos * 8] };
        Familiarity::fit([16, 8], first(learnt), first(seen))
    };
    assert!(fit(3, 10, &varied).is_some());
    for (learnt, seen) in [(0, 10), (3, 9), (3, 1), (0, 0)] {
        assert_eq!(fit(learnt, seen, &varied), None, "{learnt} {seen}");
    }
    for value in [0.0, 1.0, 1e30, f32::NAN, f32::INFINITY] {
        assert_eq!(fit(12, 12, &|_| value), None, "{value}");
    }
}
