//! Confident learning suspects the labels that cleanlab suspects; constants by `cleanlab_constants.py`.

use marque_metrics::{argmax, suspected};

#[test]
fn the_same_labels_as_cleanlab_suspects() {
    for (photos, classes, wrong_every, expected) in [
        (200, 4, 11, &[0, 11, 22, 33, 66, 88, 110, 132, 165, 176][..]),
        (
            300,
            7,
            5,
            &[
                0, 5, 20, 30, 35, 45, 50, 55, 60, 65, 70, 75, 80, 85, 95, 100, 110, 115, 120, 125, 130, 145,
                150, 155, 160, 165, 175, 180, 185, 190, 195, 210, 220, 225, 230, 235, 240, 245, 250, 255,
                260, 265, 270, 275, 280, 285, 290, 295,
            ],
        ),
        (120, 2, 9, &[0, 27, 36, 54, 63, 90, 117]),
    ] {
        let raw = |photo: usize, column: usize| {
            (((photo * 7919 + column * 104_729 + photo * column * 31) % 1000) as f64 + 1.0).powi(2)
        };
        let mut probabilities = Vec::new();
        let mut labels = Vec::new();
        for photo in 0..photos {
            let row: Vec<_> = (0..classes).map(|column| raw(photo, column)).collect();
            let sum: f64 = row.iter().sum();
            let label = argmax(&row);
            let moved = (label + 1 + photo % (classes - 1)) % classes;
            labels.push(if photo % wrong_every == 0 { moved } else { label });
            probabilities.extend(row.into_iter().map(|value| value / sum));
        }
        let found = suspected(&labels, &probabilities, classes);
        let found: Vec<_> = (0..photos).filter(|photo| found[*photo]).collect();
        assert_eq!(found, expected, "{photos} photos of {classes} classes");
    }
}

#[test]
fn a_class_without_photos_is_no_guess() {
    let probabilities = [0.2, 0.8, 0.9, 0.1];
    assert_eq!(suspected(&[0, 0], &probabilities, 2), [false, false]);
    assert_eq!(suspected(&[], &[], 2), Vec::<bool>::new());
}
