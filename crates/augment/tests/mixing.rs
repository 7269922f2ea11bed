//! Mixing photos of a batch with one another.

use marque_augment::{Mix, Mixing};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const SIZE: usize = 8;
const PHOTO: usize = SIZE * SIZE * 3;

/// A batch whose photo `i` is all `i`.
fn batch(photos: usize) -> Vec<f32> {
    (0..photos).flat_map(|photo| vec![photo as f32; PHOTO]).collect()
}

fn draw(mixing: Mixing, seed: u64, photos: usize) -> Mix {
    mixing.draw(&mut ChaCha8Rng::seed_from_u64(seed), photos, SIZE).unwrap().unwrap()
}

fn mixup() -> Mixing {
    Mixing { mixup_alpha: 0.4, ..Mixing::default() }
}

fn cutmix() -> Mixing {
    Mixing { cutmix_alpha: 1.0, ..Mixing::default() }
}

#[test]
fn off_draws_nothing() {
    assert_eq!(Mixing::default().draw(&mut ChaCha8Rng::seed_from_u64(1), 4, SIZE), Ok(None));
}

#[test]
fn mixup_blends_each_photo_with_its_partner() {
    for seed in 0..50 {
        let mix = draw(mixup(), seed, 7);
        let mut images = batch(7);
        mix.apply(&mut images, SIZE).unwrap();
        for (photo, pixels) in images.chunks(PHOTO).enumerate() {
            let expected =
                mix.lambda() * photo as f64 + (1.0 - mix.lambda()) * mix.permutation()[photo] as f64;
            assert!(pixels.iter().all(|&value| (f64::from(value) - expected).abs() < 1e-5));
        }
    }
}

#[test]
fn cutmix_pastes_a_part_of_the_partner_and_lambda_is_its_true_area() {
    for seed in 0..200 {
        let mix = draw(cutmix(), seed, 5);
        let region = mix.region().unwrap();
        assert!((mix.lambda() - (1.0 - region.area() as f64 / 64.0)).abs() < 1e-12);
        let mut images = batch(5);
        mix.apply(&mut images, SIZE).unwrap();
        for (photo, pixels) in images.chunks(PHOTO).enumerate() {
            for (at, pixel) in pixels.chunks(3).enumerate() {
                let (x, y) = (at % SIZE, at / SIZE);
                let inside = (region.left..region.left + region.width).contains(&x)
                    && (region.top..region.top + region.height).contains(&y);
                let expected = if inside { mix.permutation()[photo] } else { photo };
                assert_eq!(pixel, [expected as f32; 3]);
            }
        }
    }
}

#[test]
fn lambda_follows_its_beta_distribution() {
    let moments = |alpha: f64| {
        let mixing = Mixing { mixup_alpha: alpha, ..Mixing::default() };
        let lambdas: Vec<_> = (0..4000).map(|seed| draw(mixing, seed, 2).lambda()).collect();
        let mean = lambdas.iter().sum::<f64>() / 4000.0;
        (mean, lambdas.iter().map(|lambda| (lambda - mean).powi(2)).sum::<f64>() / 4000.0)
    };
    for alpha in [0.2, 1.0, 4.0] {
        let (mean, variance) = moments(alpha);
        assert!((mean - 0.5).abs() < 0.03, "{alpha}: {mean}");
        let expected = 0.25 / (2.0 * alpha + 1.0);
        assert!((variance / expected - 1.0).abs() < 0.1, "{alpha}: {variance}, {expected}");
    }
}

#[test]
fn both_take_turns() {
    let both = Mixing { mixup_alpha: 0.2, cutmix_alpha: 1.0, switch_probability: 0.25 };
    let cut = (0..1000).filter(|&seed| draw(both, seed, 4).region().is_some()).count();
    assert!((200..300).contains(&cut), "{cut}");
}

#[test]
fn the_same_generator_mixes_the_same_way() {
    assert_eq!(draw(cutmix(), 3, 32), draw(cutmix(), 3, 32));
    assert_ne!(draw(cutmix(), 3, 32), draw(cutmix(), 4, 32));
    let mut partners = draw(mixup(), 3, 32).permutation().to_vec();
    partners.sort_unstable();
    assert_eq!(partners, (0..32).collect::<Vec<_>>());
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mixing = Mixing { switch_probability: 1.5, ..mixup() };
    let error = mixing.check().unwrap_err();
    assert_eq!(error.to_string(), "augmentation: `switch_probability` must be from 0 to 1, found 1.5");
    assert!(draw(mixup(), 1, 3).apply(&mut [0.0; 5], SIZE).is_err());
}
