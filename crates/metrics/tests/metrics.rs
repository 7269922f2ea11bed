//! Metrics against cases worked out by hand, and against each other.

use std::collections::BTreeMap;

use marque_contracts::schema::{Head, HeadKind, Label, Split};
use marque_metrics::{Error, HeadMetrics, Metrics, Predictions, Proportion, TagMetrics};
use proptest::prelude::*;

fn names(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("cars_test/{i:05}.jpg")).collect()
}

fn head(name: &str, kind: HeadKind, classes: &[&str]) -> Head {
    Head::new(name, kind, classes.iter().map(|name| (*name).to_owned()).collect())
}

/// Adds a head with one class a photo.
fn add(
    predictions: &mut Predictions,
    head: Head,
    classes: impl IntoIterator<Item = Option<usize>>,
    logits: &[f32],
) {
    predictions.add(head, classes.into_iter().map(Label::from).collect(), logits.to_vec()).unwrap();
}

/// Logits that predict class `predicted` of `width` with probability `p`, the rest shared equally.
fn logits(predicted: usize, width: usize, p: f64) -> Vec<f32> {
    let other = (1.0 - p) / (width - 1) as f64;
    (0..width).map(|class| if class == predicted { p.ln() as f32 } else { other.ln() as f32 }).collect()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6
}

/// Six photos of a, b, c, and one without a label; `d` occurs nowhere.
///
/// | label       | a   | a   | a   | b   | b   | c   | –   |
/// |-------------|-----|-----|-----|-----|-----|-----|-----|
/// | prediction  | a   | a   | b   | b   | b   | a   | c   |
/// | probability | 0.9 | 0.7 | 0.7 | 0.9 | 0.5 | 0.4 | 0.9 |
fn worked_example(training_counts: [u64; 4]) -> Predictions {
    let labels = [Some(0), Some(0), Some(0), Some(1), Some(1), Some(2), None];
    let given = [(0, 0.9), (0, 0.7), (1, 0.7), (1, 0.9), (1, 0.5), (0, 0.4), (2, 0.9)];
    let logits: Vec<f32> = given.iter().flat_map(|(class, p)| logits(*class, 4, *p)).collect();
    let mut predictions = Predictions::new(Split::Test, names(7));
    let counts = BTreeMap::from([(Split::Train, training_counts.to_vec())]);
    let head = Head { counts, ..head("letter", HeadKind::Single, &["a", "b", "c", "d"]) };
    add(&mut predictions, head, labels, &logits);
    predictions
}

fn measure(predictions: &Predictions) -> HeadMetrics {
    Metrics::measure(predictions).heads.remove(0)
}

#[test]
fn a_case_worked_out_by_hand() {
    let head = measure(&worked_example([5, 9, 1, 9]));
    assert_eq!(head.confusion, [[2, 1, 0, 0], [0, 2, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]);
    assert_eq!((head.accuracy.count, head.accuracy.total), (4, 6));
    let rates: Vec<_> = head.classes.iter().map(|class| (class.precision, class.recall, class.f1)).collect();
    assert_eq!(rates[0], (Some(2.0 / 3.0), Some(2.0 / 3.0), Some(4.0 / 6.0)));
    assert_eq!(rates[1], (Some(2.0 / 3.0), Some(1.0), Some(4.0 / 5.0)));
    // c is never predicted for a labelled photo, d does not occur at all.
    assert_eq!(rates[2], (None, Some(0.0), Some(0.0)));
    assert_eq!(rates[3], (None, None, None));
    // scikit-learn: f1_score(average="macro") over a, b, c.
    assert!(close(head.macro_f1.unwrap(), (4.0 / 6.0 + 4.0 / 5.0 + 0.0) / 3.0));
    let label_probabilities = [0.9, 0.7, 0.1, 0.9, 0.5, 0.2];
    let log_loss = -label_probabilities.iter().map(|p: &f64| p.ln()).sum::<f64>() / 6.0;
    assert!(close(head.log_loss.unwrap(), log_loss), "{:?}", head.log_loss);
}

/// Constants by tests/scikit_learn_constants.py.
#[test]
fn balanced_and_top_2_accuracy_are_those_of_scikit_learn() {
    let head = measure(&worked_example([5, 9, 1, 9]));
    assert!(close(head.balanced_accuracy.unwrap(), 5.0 / 9.0), "{:?}", head.balanced_accuracy);
    let mut predictions = Predictions::new(Split::Test, names(6));
    let logits = [
        [3f32, 2., 1., 0.],
        [2., 3., 1., 0.],
        [1., 2., 3., 0.],
        [0., 3., 1., 2.],
        [3., 2., 0., 1.],
        [3., 1., 2., 0.],
    ];
    let letters = self::head("letter", HeadKind::Single, &["a", "b", "c", "d"]);
    add(&mut predictions, letters, [0, 0, 0, 1, 1, 2].map(Some), logits.as_flattened());
    let head = measure(&predictions);
    assert!(close(head.top_2_accuracy.unwrap().share.unwrap(), 5.0 / 6.0), "{:?}", head.top_2_accuracy);
    assert!(close(head.balanced_accuracy.unwrap(), 5.0 / 18.0), "{:?}", head.balanced_accuracy);
}

/// A thousand photos, four of five right, each there four times: four times the photos say no more.
#[test]
fn bootstrap_intervals_are_as_wide_as_groups_are_few() {
    let measured = |copies: usize, grouped: bool| {
        let photos = 250 * copies;
        let mut predictions = Predictions::new(Split::Test, names(photos));
        let logits: Vec<f32> = (0..photos).flat_map(|_| logits(0, 2, 0.8)).collect();
        let classes = (0..photos).map(|photo| Some(usize::from(photo % 250 % 5 == 0)));
        add(&mut predictions, head("x", HeadKind::Single, &["a", "b"]), classes, &logits);
        if grouped {
            predictions.set_groups((0..photos).map(|photo| photo % 250).collect());
        }
        measure(&predictions).bootstrap.unwrap()
    };
    let width = |[low, high]: [f64; 2]| high - low;
    let (once, copied, grouped) = (measured(1, false), measured(4, false), measured(4, true));
    assert_eq!((once.groups, copied.groups, grouped.groups), (250, 1000, 250));
    assert_eq!(once.accuracy, grouped.accuracy);
    assert_eq!(grouped, measured(4, true), "the same each time");
    // 2 · 1.96 · sqrt(0.8 · 0.2 / n).
    assert!((width(once.accuracy) - 0.0992).abs() < 0.01, "{once:?}");
    assert!((width(copied.accuracy) - 0.0496).abs() < 0.006, "{copied:?}");
}

#[test]
fn the_majority_is_that_of_training() {
    let head = measure(&worked_example([5, 9, 1, 9]));
    assert_eq!((head.majority.class.as_str(), head.majority.accuracy.count), ("b", 2));
    let head = measure(&worked_example([5, 1, 1, 2]));
    assert_eq!((head.majority.class.as_str(), head.majority.accuracy.count), ("a", 3));
}

#[test]
fn calibration_by_hand() {
    let head = measure(&worked_example([1; 4]));
    let filled: Vec<_> = head.calibration.bins.iter().filter(|bin| bin.right.total > 0).collect();
    // Of 15 bins, (0.867, 0.933] holds both answers of 0.9, (0.667, 0.733] both of 0.7.
    let counts: Vec<_> = filled.iter().map(|bin| (bin.right.count, bin.right.total)).collect();
    assert_eq!(counts, [(0, 1), (1, 1), (1, 2), (2, 2)]);
    let error = (0.4 + (1.0 - 0.5) + 2.0 * (0.7 - 0.5) + 2.0 * (1.0 - 0.9)) / 6.0;
    assert!(close(head.calibration.expected_error.unwrap(), error));
}

#[test]
fn wilson_interval_as_published() {
    // R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    for (count, total, low, high) in
        [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
    {
        let [found_low, found_high] = Proportion::new(count, total).interval.unwrap();
        assert!((found_low - low).abs() < 6e-5 && (found_high - high).abs() < 6e-5, "{count} of {total}");
    }
    assert_eq!(Proportion::new(9, 9).interval.unwrap()[1], 1.0);
    assert_eq!(Proportion::new(0, 0), Proportion { count: 0, total: 0, share: None, interval: None });
}

#[test]
fn all_heads_count_only_where_every_label_is_known() {
    let mut predictions = Predictions::new(Split::Validation, names(4));
    let all = |class: usize| (0..4).flat_map(|_| logits(class, 2, 0.8)).collect::<Vec<_>>();
    let head = |name| head(name, HeadKind::Single, &["x", "y"]);
    add(&mut predictions, head("one"), [Some(0), Some(0), Some(1), None], &all(0));
    add(&mut predictions, head("two"), [Some(1), Some(0), Some(0), Some(1)], &all(1));
    let metrics = Metrics::measure(&predictions);
    assert_eq!((metrics.all_heads_right.count, metrics.all_heads_right.total), (1, 3));
    assert_eq!(metrics.photos_by_wrong_heads, [1, 1, 1]);
    assert_eq!((metrics.split.as_str(), metrics.photos), ("validation", 4));
}

#[test]
fn a_head_without_labels_has_no_scores() {
    let mut predictions = Predictions::new(Split::Test, names(2));
    add(&mut predictions, head("x", HeadKind::Single, &["a", "b"]), [None, None], &[0.0; 4]);
    let head = measure(&predictions);
    assert_eq!((head.accuracy.share, head.macro_f1, head.log_loss), (None, None, None));
    assert_eq!(head.calibration.expected_error, None);
}

#[test]
fn huge_logits_do_not_overflow() {
    let mut predictions = Predictions::new(Split::Test, names(1));
    add(&mut predictions, head("x", HeadKind::Single, &["a", "b"]), [Some(1)], &[3e38, -3e38]);
    let head = measure(&predictions);
    assert!(head.log_loss.unwrap().is_finite() && head.log_loss.unwrap() > 1e38);
}

#[test]
fn predictions_that_do_not_fit_are_refused() {
    let (unknown, class, tags) = (Label::Unknown, Label::Class, |ids: &[usize]| Label::Tags(ids.to_vec()));
    let two = |label: Label| vec![unknown.clone(), label];
    for (kind, classes, labels, logits) in [
        (HeadKind::Single, 2, vec![unknown.clone()], &[0.0; 4][..]),
        (HeadKind::Single, 2, two(unknown.clone()), &[0.0; 3]),
        (HeadKind::Single, 2, two(class(2)), &[0.0; 4]),
        (HeadKind::Single, 2, two(tags(&[1])), &[0.0; 4]),
        (HeadKind::Single, 0, two(unknown.clone()), &[]),
        (HeadKind::Tags, 2, two(tags(&[0, 2])), &[0.0; 4]),
        (HeadKind::Tags, 2, two(class(1)), &[0.0; 4]),
    ] {
        let mut predictions = Predictions::new(Split::Test, names(2));
        let head = head("x", kind, &["a", "b"][..classes]);
        let error = predictions.add(head, labels, logits.to_vec()).unwrap_err();
        assert!(matches!(error, Error::Misfit { .. }), "{error}");
    }
    for kind in [HeadKind::Single, HeadKind::Tags] {
        let mut predictions = Predictions::new(Split::Test, names(2));
        let logits = vec![0.0, 1.0, f32::NAN, 0.0];
        let error = predictions.add(head("x", kind, &["a", "b"]), two(unknown.clone()), logits).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("`x`") && error.contains("cars_test/00001.jpg"), "{error}");
    }
}

type Photo = (Option<usize>, [f32; 3]);

fn photos() -> impl Strategy<Value = Vec<Photo>> {
    prop::collection::vec((prop::option::weighted(0.9, 0..3usize), prop::array::uniform3(-4f32..4.0)), 1..60)
}

fn predictions(photos: &[Photo]) -> Predictions {
    let mut predictions = Predictions::new(Split::Test, names(photos.len()));
    let logits: Vec<f32> = photos.iter().flat_map(|(_, logits)| *logits).collect();
    let head = head("x", HeadKind::Single, &["a", "b", "c"]);
    add(&mut predictions, head, photos.iter().map(|(label, _)| *label), &logits);
    predictions
}

proptest! {
    #[test]
    fn the_numbers_agree_with_each_other(photos in photos()) {
        let predictions = predictions(&photos);
        let head = measure(&predictions);
        let sum: u64 = head.confusion.iter().flatten().sum();
        let diagonal: u64 = (0..3).map(|class| head.confusion[class][class]).sum();
        prop_assert_eq!((head.accuracy.count, head.accuracy.total), (diagonal, sum));
        prop_assert_eq!(head.classes.iter().map(|class| class.support).sum::<u64>(), sum);
        prop_assert_eq!(head.classes.iter().map(|class| class.predicted).sum::<u64>(), sum);
        let binned = head.calibration.bins.iter().fold((0, 0), |(count, total), bin| {
            (count + bin.right.count, total + bin.right.total)
        });
        prop_assert_eq!(binned, (diagonal, sum));
        if let (Some(share), Some([low, high])) = (head.accuracy.share, head.accuracy.interval) {
            prop_assert!(0.0 <= low && low <= share && share <= high && high <= 1.0);
            // With one head, all heads are right where it is.
            let metrics = Metrics::measure(&predictions);
            prop_assert_eq!(metrics.all_heads_right.share, Some(share));
            // Recall weighted by support is accuracy.
            let recalled: f64 =
                head.classes.iter().filter_map(|class| Some(class.recall? * class.support as f64)).sum();
            prop_assert!((recalled / sum as f64 - share).abs() < 1e-12);
        }
    }

    #[test]
    fn probabilities_sum_to_one(photos in photos()) {
        let predictions = predictions(&photos);
        let head = &predictions.heads()[0];
        for photo in 0..photos.len() {
            let probabilities = head.probabilities(photo);
            prop_assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            prop_assert!(probabilities.iter().all(|each| *each <= head.probability(photo)));
            let Label::Class(class) = head.predicted(photo) else { panic!("not one class") };
            prop_assert_eq!(probabilities[class], head.probability(photo));
        }
    }
}

/// Two heads, of which one has tags; the third photo's tags are not known.
fn with_tags() -> Predictions {
    let mut predictions = Predictions::new(Split::Test, names(4));
    let labels = vec![Label::Tags(vec![0, 2]), Label::Tags(vec![]), Label::Unknown, Label::Tags(vec![1])];
    let logits = vec![3.0, -1.0, 1.0, -2.0, -1.0, -3.0, 5.0, 5.0, 5.0, 1.0, 2.0, -4.0];
    predictions.add(head("extras", HeadKind::Tags, &["roof", "alloys", "tow bar"]), labels, logits).unwrap();
    let logits = [2.0, 0.0, 0.0, 2.0, 2.0, 0.0, 2.0, 0.0];
    let colour = head("colour", HeadKind::Single, &["red", "blue"]);
    add(&mut predictions, colour, [Some(0), Some(1), Some(1), Some(0)], &logits);
    predictions
}

#[test]
fn tags_are_right_if_they_match_exactly() {
    let predictions = with_tags();
    let names: Vec<_> = predictions.heads().iter().map(|head| head.name()).collect();
    assert_eq!(names, ["colour", "extras"], "heads with tags come last");
    let head = &predictions.heads()[1];
    let verdicts: Vec<_> = (0..4).map(|photo| head.is_right(photo)).collect();
    assert_eq!(verdicts, [Some(true), Some(true), None, Some(false)]);
    let wrong: Vec<_> = (0..4).map(|photo| predictions.wrong_heads(photo)).collect();
    assert_eq!(wrong, [Some(0), Some(0), None, Some(1)]);
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let expected = sigmoid(2.0) * sigmoid(1.0) * sigmoid(3.0);
    assert!((head.probability(1) - expected).abs() < 1e-12);
    assert!((head.probabilities(1)[0] - sigmoid(-2.0)).abs() < 1e-12);

    let metrics = Metrics::measure(&predictions);
    assert_eq!((metrics.all_heads_right.count, metrics.all_heads_right.total), (2, 3));
    let tags = &metrics.tags[0];
    assert_eq!((tags.exact.count, tags.exact.total, tags.always_none.count), (2, 3, 1));
    // scikit-learn: precision 0.5, 1, 1; recall 1, 1, 1; average precision 1, 1, 1 of roof, alloys, tow bar.
    let column = |pick: fn(&TagMetrics) -> Option<f64>| -> Vec<_> {
        tags.tags.iter().map(|tag| pick(tag).unwrap()).collect()
    };
    assert_eq!(column(|tag| tag.scores.precision), [0.5, 1.0, 1.0]);
    assert_eq!(column(|tag| tag.scores.recall), [1.0, 1.0, 1.0]);
    assert_eq!(column(|tag| tag.average_precision), [1.0, 1.0, 1.0]);
    assert_eq!(tags.mean_average_precision, Some(1.0));
    assert!((tags.macro_f1.unwrap() - (2.0 / 3.0 + 2.0) / 3.0).abs() < 1e-12);
    assert!((tags.micro_f1.unwrap() - 6.0 / 7.0).abs() < 1e-12);
}

/// The keys of `metrics.json` are what other programs read.
#[test]
fn metrics_are_json_with_known_keys_and_are_read_back() {
    let metrics = Metrics::measure(&with_tags());
    let json = serde_json::to_string_pretty(&metrics).unwrap();
    let keys: Vec<_> = json
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.split_once("\": "))
        .map(|(key, _)| key)
        .fold(Vec::new(), |mut keys, key| {
            if !keys.contains(&key) {
                keys.push(key);
            }
            keys
        });
    let expected = [
        "split",
        "photos",
        "all_heads_right",
        "count",
        "total",
        "share",
        "interval",
        "photos_by_wrong_heads",
        "heads",
        "name",
        "accuracy",
        "top_2_accuracy",
        "majority",
        "class",
        "macro_f1",
        "balanced_accuracy",
        "bootstrap",
        "groups",
        "resamples",
        "log_loss",
        "calibration",
        "expected_error",
        "error_by_chance",
        "bins",
        "low",
        "high",
        "confidence",
        "right",
        "coverage",
        "threshold",
        "classes",
        "support",
        "predicted",
        "precision",
        "recall",
        "f1",
        "confusion",
        "tags",
        "exact",
        "always_none",
        "mean_average_precision",
        "mean_auroc",
        "micro_f1",
        "average_precision",
        "auroc",
    ];
    assert_eq!(keys, expected);
    let read: Metrics = serde_json::from_str(&json).unwrap();
    assert_eq!(read.heads[0].confusion, metrics.heads[0].confusion);
    assert_eq!(read.tags[0].tags, metrics.tags[0].tags);
    assert_eq!(read.photos_by_wrong_heads, metrics.photos_by_wrong_heads);
    // Reading may be off by a unit in the last place.
    assert!(close(read.heads[0].log_loss.unwrap(), metrics.heads[0].log_loss.unwrap()));
}
