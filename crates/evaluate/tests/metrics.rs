//! The numbers against cases worked out by hand, and against each other.

use marque_contracts::schema::Split;
use marque_evaluate::{Answers, Error, HeadMetrics, Metrics, Proportion};
use proptest::prelude::*;

fn names(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("cars_test/{i:05}.jpg")).collect()
}

fn classes(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Logits that answer class `answer` of `width` with probability `p`, the rest shared equally.
fn logits(answer: usize, width: usize, p: f64) -> Vec<f32> {
    let other = (1.0 - p) / (width - 1) as f64;
    (0..width).map(|class| if class == answer { p.ln() as f32 } else { other.ln() as f32 }).collect()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6
}

/// Six photos of a, b, c, and one without a label; `d` occurs nowhere.
///
/// | truth     | a   | a   | a   | b   | b   | c   | –   |
/// |-----------|-----|-----|-----|-----|-----|-----|-----|
/// | answer    | a   | a   | b   | b   | b   | a   | c   |
/// | with p    | 0.9 | 0.7 | 0.7 | 0.9 | 0.5 | 0.4 | 0.9 |
fn worked_example() -> Answers {
    let truths = [Some(0), Some(0), Some(0), Some(1), Some(1), Some(2), None];
    let given = [(0, 0.9), (0, 0.7), (1, 0.7), (1, 0.9), (1, 0.5), (0, 0.4), (2, 0.9)];
    let logits: Vec<f32> = given.iter().flat_map(|(answer, p)| logits(*answer, 4, *p)).collect();
    let mut answers = Answers::new(Split::Test, names(7));
    answers.add_head("letter", classes(&["a", "b", "c", "d"]), truths.to_vec(), &logits).unwrap();
    answers
}

fn measure(answers: &Answers, counts: &[u64]) -> HeadMetrics {
    Metrics::measure(answers, &[counts.to_vec()]).unwrap().heads.remove(0)
}

#[test]
fn a_case_worked_out_by_hand() {
    let head = measure(&worked_example(), &[5, 9, 1, 9]);
    assert_eq!(head.confusion, [[2, 1, 0, 0], [0, 2, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]);
    assert_eq!((head.accuracy.count, head.accuracy.total), (4, 6));
    let rates: Vec<_> = head.classes.iter().map(|class| (class.precision, class.recall, class.f1)).collect();
    assert_eq!(rates[0], (Some(2.0 / 3.0), Some(2.0 / 3.0), Some(4.0 / 6.0)));
    assert_eq!(rates[1], (Some(2.0 / 3.0), Some(1.0), Some(4.0 / 5.0)));
    // c is never the answer to a labelled photo, d does not occur at all.
    assert_eq!(rates[2], (None, Some(0.0), Some(0.0)));
    assert_eq!(rates[3], (None, None, None));
    // scikit-learn: f1_score(average="macro") over a, b, c.
    assert!(close(head.macro_f1.unwrap(), (4.0 / 6.0 + 4.0 / 5.0 + 0.0) / 3.0));
    let truth_probabilities = [0.9, 0.7, 0.1, 0.9, 0.5, 0.2];
    let log_loss = -truth_probabilities.iter().map(|p: &f64| p.ln()).sum::<f64>() / 6.0;
    assert!(close(head.log_loss.unwrap(), log_loss), "{:?}", head.log_loss);
}

#[test]
fn the_majority_is_that_of_training() {
    let head = measure(&worked_example(), &[5, 9, 1, 9]);
    assert_eq!((head.majority.class.as_str(), head.majority.accuracy.count), ("b", 2));
    let head = measure(&worked_example(), &[5, 1, 1, 2]);
    assert_eq!((head.majority.class.as_str(), head.majority.accuracy.count), ("a", 3));
}

#[test]
fn calibration_by_hand() {
    let head = measure(&worked_example(), &[1, 1, 1, 1]);
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
    let mut answers = Answers::new(Split::Validation, names(4));
    let given = |answer: [usize; 4]| answer.into_iter().flat_map(|a| logits(a, 2, 0.8)).collect::<Vec<_>>();
    let two = || classes(&["x", "y"]);
    answers.add_head("one", two(), vec![Some(0), Some(0), Some(1), None], &given([0, 0, 0, 0])).unwrap();
    answers.add_head("two", two(), vec![Some(1), Some(0), Some(0), Some(1)], &given([1, 1, 1, 1])).unwrap();
    let metrics = Metrics::measure(&answers, &[vec![1, 1], vec![1, 1]]).unwrap();
    assert_eq!((metrics.all_heads_right.count, metrics.all_heads_right.total), (1, 3));
    assert_eq!(metrics.photos_by_wrong_heads, [1, 1, 1]);
    assert_eq!((metrics.split.as_str(), metrics.photos), ("validation", 4));
}

#[test]
fn a_head_without_labels_has_no_numbers() {
    let mut answers = Answers::new(Split::Test, names(2));
    answers.add_head("x", classes(&["a", "b"]), vec![None, None], &[0.0; 4]).unwrap();
    let head = measure(&answers, &[3, 1]);
    assert_eq!((head.accuracy.share, head.macro_f1, head.log_loss), (None, None, None));
    assert_eq!(head.calibration.expected_error, None);
}

#[test]
fn huge_logits_do_not_overflow() {
    let mut answers = Answers::new(Split::Test, names(1));
    answers.add_head("x", classes(&["a", "b"]), vec![Some(1)], &[3e38, -3e38]).unwrap();
    let head = measure(&answers, &[1, 1]);
    assert!(head.log_loss.unwrap().is_finite() && head.log_loss.unwrap() > 1e38);
}

#[test]
fn answers_that_do_not_fit_are_refused() {
    let add = |truths: Vec<Option<usize>>, logits: &[f32]| {
        let mut answers = Answers::new(Split::Test, names(2));
        answers.add_head("x", classes(&["a", "b"]), truths, logits).unwrap_err()
    };
    assert!(matches!(add(vec![None], &[0.0; 4]), Error::Answers { .. }));
    assert!(matches!(add(vec![None, None], &[0.0; 3]), Error::Answers { .. }));
    assert!(matches!(add(vec![None, Some(2)], &[0.0; 4]), Error::Answers { .. }));
    let error = add(vec![None, None], &[0.0, 1.0, f32::NAN, 0.0]).to_string();
    assert!(error.contains("`x`") && error.contains("cars_test/00001.jpg"), "{error}");
}

#[test]
fn metrics_are_written_with_the_same_bytes_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let metrics = Metrics::measure(&worked_example(), &[vec![5, 9, 1, 9]]).unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    metrics.write(&one).unwrap();
    metrics.write(&two).unwrap();
    assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(two).unwrap());
    let read = Metrics::read(&one).unwrap();
    assert_eq!(read.heads[0].confusion, metrics.heads[0].confusion);
    assert_eq!(read.photos_by_wrong_heads, metrics.photos_by_wrong_heads);
    // Reading may be off by a unit in the last place.
    assert!(close(read.heads[0].macro_f1.unwrap(), metrics.heads[0].macro_f1.unwrap()));
    let error = Metrics::read(&folder.path().join("three")).unwrap_err().to_string();
    assert!(error.contains("three"), "{error}");
}

type Photo = (Option<usize>, [f32; 3]);

fn photos() -> impl Strategy<Value = Vec<Photo>> {
    prop::collection::vec((prop::option::weighted(0.9, 0..3usize), prop::array::uniform3(-4f32..4.0)), 1..60)
}

fn answers(photos: &[Photo]) -> Answers {
    let mut answers = Answers::new(Split::Test, names(photos.len()));
    let truths = photos.iter().map(|(truth, _)| *truth).collect();
    let logits: Vec<f32> = photos.iter().flat_map(|(_, logits)| *logits).collect();
    answers.add_head("x", classes(&["a", "b", "c"]), truths, &logits).unwrap();
    answers
}

proptest! {
    #[test]
    fn the_numbers_agree_with_each_other(photos in photos()) {
        let answers = answers(&photos);
        let head = measure(&answers, &[1, 1, 1]);
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
            let metrics = Metrics::measure(&answers, &[vec![1, 1, 1]]).unwrap();
            prop_assert_eq!(metrics.all_heads_right.share, Some(share));
            // Recall weighted by support is accuracy.
            let recalled: f64 =
                head.classes.iter().filter_map(|class| Some(class.recall? * class.support as f64)).sum();
            prop_assert!((recalled / sum as f64 - share).abs() < 1e-12);
        }
    }

    #[test]
    fn probabilities_sum_to_one(photos in photos()) {
        let answers = answers(&photos);
        for photo in 0..photos.len() {
            let head = &answers.heads()[0];
            let sum: f64 = (0..3).map(|class| head.log_probability(photo, class).exp()).sum();
            prop_assert!((sum - 1.0).abs() < 1e-12);
            prop_assert!((0..3).all(|class| head.log_probability(photo, class).exp() <= head.probability(photo)));
        }
    }
}

/// Two heads, of which one has tags; the third photo's tags are not known.
fn with_tags() -> Answers {
    let names = (1..=4).map(|i| format!("{i}.jpg")).collect();
    let mut answers = Answers::new(Split::Test, names);
    let logits = [2.0, 0.0, 0.0, 2.0, 2.0, 0.0, 2.0, 0.0];
    let classes = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    answers
        .add_head("colour", classes(&["red", "blue"]), vec![Some(0), Some(1), Some(1), Some(0)], &logits)
        .unwrap();
    let truths = vec![Some(vec![0, 2]), Some(vec![]), None, Some(vec![1])];
    let logits = [3.0, -1.0, 1.0, -2.0, -1.0, -3.0, 5.0, 5.0, 5.0, 1.0, 2.0, -4.0];
    answers.add_tags("extras", classes(&["roof", "alloys", "tow bar"]), truths, &logits).unwrap();
    answers
}

#[test]
fn tags_are_right_if_exactly_those_of_the_label_are_answered() {
    let answers = with_tags();
    let head = &answers.tags()[0];
    let verdicts: Vec<_> = (0..4).map(|photo| head.is_right(photo)).collect();
    assert_eq!(verdicts, [Some(true), Some(true), None, Some(false)]);
    assert_eq!(
        (0..4).map(|photo| answers.wrong_heads(photo)).collect::<Vec<_>>(),
        [Some(0), Some(0), None, Some(1)]
    );
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let expected = sigmoid(2.0) * sigmoid(1.0) * sigmoid(3.0);
    assert!((head.probability(1) - expected).abs() < 1e-12);

    let metrics = Metrics::measure(&answers, &[vec![1, 1]]).unwrap();
    assert_eq!((metrics.all_heads_right.count, metrics.all_heads_right.total), (2, 3));
    let tags = &metrics.tags[0];
    assert_eq!((tags.exact.count, tags.exact.total, tags.always_none.count), (2, 3, 1));
    // scikit-learn: precision 0.5, 1, 1; recall 1, 1, 1; average precision 1, 1, 1 of roof, alloys, tow bar.
    let column = |pick: fn(&marque_evaluate::TagMetrics) -> Option<f64>| -> Vec<_> {
        tags.tags.iter().map(|tag| pick(tag).unwrap()).collect()
    };
    assert_eq!(column(|tag| tag.precision), [0.5, 1.0, 1.0]);
    assert_eq!(column(|tag| tag.recall), [1.0, 1.0, 1.0]);
    assert_eq!(column(|tag| tag.average_precision), [1.0, 1.0, 1.0]);
    assert_eq!(tags.mean_average_precision, Some(1.0));
    assert!((tags.macro_f1.unwrap() - (2.0 / 3.0 + 2.0) / 3.0).abs() < 1e-12);
    assert!((tags.micro_f1.unwrap() - 6.0 / 7.0).abs() < 1e-12);
    let text = serde_json::to_string(&metrics).unwrap();
    let read: Metrics = serde_json::from_str(&text).unwrap();
    assert_eq!((read.tags[0].exact.count, &read.tags[0].tags), (2, &tags.tags));
}

#[test]
fn tags_that_do_not_fit_are_refused() {
    let mut answers = Answers::new(Split::Test, vec!["1.jpg".to_owned()]);
    let classes = || vec!["roof".to_owned()];
    assert!(answers.add_tags("extras", classes(), vec![Some(vec![1])], &[0.0]).is_err());
    assert!(answers.add_tags("extras", classes(), vec![None, None], &[0.0]).is_err());
    assert!(answers.add_tags("extras", Vec::new(), vec![None], &[]).is_err());
    let error = answers.add_tags("extras", classes(), vec![None], &[f32::NAN]).unwrap_err();
    assert!(error.to_string().contains("1.jpg"), "{error}");
}
