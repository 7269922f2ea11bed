//! What comes out of policies: ranges, distributions, and that the same generator gives the same photo.

use marque_augment::{
    Canvas, ColourJitter, Draw, Error, Operation, Options, Policy, RandAugment, RandomErasing,
    RandomResizedCrop, Region,
};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SIZE: usize = 16;

fn photo() -> Vec<u8> {
    ChaCha8Rng::seed_from_u64(7).random_iter().take(SIZE * SIZE * 3).collect()
}

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn policy(options: Options) -> Policy {
    Policy::new(options).unwrap()
}

fn everything() -> Options {
    Options {
        flip: true,
        shift: 2,
        random_resized_crop: Some(RandomResizedCrop::default()),
        colour_jitter: Some(ColourJitter { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 }),
        rand_augment: Some(RandAugment { operations: 2, magnitude: 9.0 }),
        random_erasing: Some(RandomErasing { probability: 0.5, ..RandomErasing::default() }),
        output_size: Some(12),
        ..Options::default()
    }
}

fn draws(options: Options, count: u64) -> Vec<Draw> {
    let policy = policy(options);
    (0..count).map(|seed| policy.draw(&mut rng(seed), SIZE).unwrap()).collect()
}

/// The definition of mirroring and moving, pixel by pixel, with the draws in their order.
fn mirrored_and_moved(pixels: &[u8], flip: bool, shift: i64, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mirrored = flip && rng.random_bool(0.5);
    let (dx, dy) = (rng.random_range(-shift..=shift), rng.random_range(-shift..=shift));
    let last = SIZE as i64 - 1;
    let mut out = Vec::new();
    for y in 0..SIZE as i64 {
        for x in 0..SIZE as i64 {
            let x = (x + dx).clamp(0, last);
            let x = if mirrored { last - x } else { x };
            let at = ((y + dy).clamp(0, last) * SIZE as i64 + x) as usize * 3;
            out.extend((0..3).map(|c| (f32::from(pixels[at + c]) / 255.0 - 0.4) / 0.2));
        }
    }
    out
}

#[test]
fn mirroring_and_moving_keep_their_draws_to_the_bit() {
    for (flip, shift) in [(true, 3), (false, 3), (true, 0), (false, 0)] {
        let options = Options { flip, shift, mean: [0.4; 3], std: [0.2; 3], ..Options::default() };
        let policy = policy(options);
        for seed in 0..50 {
            let (mut ours, mut plain) = (rng(seed), rng(seed));
            let mut out = vec![f32::NAN; SIZE * SIZE * 3];
            policy.apply(&mut ours, &photo(), SIZE, &mut out).unwrap();
            assert_eq!(out, mirrored_and_moved(&photo(), flip, shift as i64, &mut plain));
            assert_eq!(ours.next_u64(), plain.next_u64(), "both have drawn as often");
        }
    }
}

#[test]
fn without_draws_photos_are_only_normalised() {
    let policy = policy(Options { mean: [0.5, 0.0, 0.25], std: [0.5, 1.0, 0.125], ..Options::default() });
    let mut out = vec![f32::NAN; SIZE * SIZE * 3];
    policy.normalise(&photo(), SIZE, &mut out).unwrap();
    for (out, bytes) in out.chunks(3).zip(photo().chunks(3)) {
        assert_eq!(out[0], (f32::from(bytes[0]) / 255.0 - 0.5) / 0.5);
        assert_eq!(out[1], f32::from(bytes[1]) / 255.0);
        assert_eq!(out[2], (f32::from(bytes[2]) / 255.0 - 0.25) / 0.125);
    }
}

#[test]
fn the_same_generator_gives_the_same_photo_and_another_another() {
    let policy = policy(everything());
    let photo_of = |seed| {
        let mut out = vec![0.0; 12 * 12 * 3];
        policy.apply(&mut rng(seed), &photo(), SIZE, &mut out).unwrap();
        out
    };
    assert_eq!(photo_of(1), photo_of(1));
    assert_ne!(photo_of(1), photo_of(2));
    assert!(photo_of(1).iter().all(|value| (-1.0..=1.0).contains(value)));
}

#[test]
fn previews_show_what_the_network_sees() {
    let policy = policy(everything());
    for seed in 0..40 {
        let (mut seen, mut shown) = (vec![0.0; 12 * 12 * 3], vec![0; 12 * 12 * 3]);
        policy.apply(&mut rng(seed), &photo(), SIZE, &mut seen).unwrap();
        let draw = policy.draw(&mut rng(seed), SIZE).unwrap();
        policy.render_u8(&draw, &photo(), SIZE, &mut shown).unwrap();
        for (seen, shown) in seen.iter().zip(&shown) {
            // The blank colour, 127.5, is no whole byte.
            assert!((seen * 0.5 + 0.5 - f32::from(*shown) / 255.0).abs() < 0.6 / 255.0);
        }
    }
}

#[test]
fn options_do_not_disturb_the_draws_of_those_before_them() {
    let few = draws(Options { flip: true, shift: 2, ..Options::default() }, 100);
    for (few, all) in few.iter().zip(draws(everything(), 100)) {
        assert_eq!((few.mirrored, few.shift), (all.mirrored, all.shift));
    }
}

#[test]
fn half_of_the_photos_are_mirrored_and_every_shift_comes_up() {
    let draws = draws(Options { flip: true, shift: 1, ..Options::default() }, 2000);
    let mirrored = draws.iter().filter(|draw| draw.mirrored).count();
    assert!((900..1100).contains(&mirrored), "{mirrored}");
    for dx in -1..=1 {
        for dy in -1..=1 {
            let count = draws.iter().filter(|draw| draw.shift == [dx, dy]).count();
            assert!((160..290).contains(&count), "{dx} {dy}: {count}");
        }
    }
}

#[test]
fn crops_keep_to_their_area_and_shape() {
    let crop = RandomResizedCrop { scale: [0.25, 0.75], ratio: [0.5, 2.0] };
    let size = 200;
    let policy = policy(Options { random_resized_crop: Some(crop), ..Options::default() });
    let mut shares = Vec::new();
    for seed in 0..1000 {
        let region = policy.draw(&mut rng(seed), size).unwrap().crop.unwrap();
        assert!(region.left + region.width <= size && region.top + region.height <= size);
        let ratio = region.width as f64 / region.height as f64;
        assert!((0.48..2.1).contains(&ratio), "{ratio}");
        shares.push(region.area() as f64 / (size * size) as f64);
    }
    assert!(shares.iter().all(|share| (0.24..0.76).contains(share)));
    let mean = shares.iter().sum::<f64>() / 1000.0;
    assert!((0.45..0.53).contains(&mean), "{mean}: large crops fit less often where they are long");
}

#[test]
fn a_crop_that_fits_nowhere_becomes_the_middle() {
    let crop = RandomResizedCrop { scale: [1.0, 1.0], ratio: [4.0, 4.0] };
    let draws = draws(Options { random_resized_crop: Some(crop), ..Options::default() }, 3);
    assert!(draws.iter().all(|draw| draw.crop == Some(Region { left: 0, top: 6, width: 16, height: 4 })));
}

#[test]
fn jitter_keeps_to_its_ranges_in_any_order() {
    let jitter = ColourJitter { brightness: 0.3, contrast: 0.2, saturation: 1.5, hue: 0.1 };
    let draws = draws(Options { colour_jitter: Some(jitter), ..Options::default() }, 1000);
    let mut first = std::collections::BTreeMap::new();
    for draw in &draws {
        assert_eq!(draw.operations.len(), 4);
        *first.entry(std::mem::discriminant(&draw.operations[0]).clone_name(draw)).or_insert(0) += 1;
        for operation in &draw.operations {
            match operation {
                Operation::Brightness(factor) => assert!((0.7..=1.3).contains(factor)),
                Operation::Contrast(factor) => assert!((0.8..=1.2).contains(factor)),
                Operation::Saturation(factor) => assert!((0.0..=2.5).contains(factor)),
                Operation::Hue(turn) => assert!((-0.1..=0.1).contains(turn)),
                other => panic!("{other}"),
            }
        }
    }
    assert_eq!(first.len(), 4);
    assert!(first.values().all(|count| (190..310).contains(count)), "{first:?}");
    let only = ColourJitter { hue: 0.1, ..ColourJitter::default() };
    let only = self::draws(Options { colour_jitter: Some(only), ..Options::default() }, 20);
    assert!(only.iter().all(|draw| matches!(draw.operations[..], [Operation::Hue(_)])));
}

/// A name for the first operation of a draw.
trait CloneName {
    fn clone_name(&self, draw: &Draw) -> String;
}

impl CloneName for std::mem::Discriminant<Operation> {
    fn clone_name(&self, draw: &Draw) -> String {
        draw.operations[0].to_string().split(' ').next().unwrap().to_owned()
    }
}

#[test]
fn rand_augment_takes_all_operations_alike() {
    let options = RandAugment { operations: 1, magnitude: 15.0 };
    let policy = policy(Options { rand_augment: Some(options), ..Options::default() });
    let mut counts = std::collections::BTreeMap::new();
    for seed in 0..2800 {
        let draw = policy.draw(&mut rng(seed), 331).unwrap();
        let name = match draw.operations[..] {
            [operation] => operation.to_string(),
            _ => "nothing".to_owned(),
        };
        *counts.entry(name).or_insert(0) += 1;
    }
    // Nine have a sign.
    let expected = [
        "shear x +0.15",
        "shear x -0.15",
        "shear y +0.15",
        "shear y -0.15",
        "move x +75",
        "move x -75",
        "move y +75",
        "move y -75",
        "rotate +15°",
        "rotate -15°",
        "brightness 1.45",
        "brightness 0.55",
        "saturation 1.45",
        "saturation 0.55",
        "contrast 1.45",
        "contrast 0.55",
        "sharpness 1.45",
        "sharpness 0.55",
    ];
    for name in expected {
        assert!((60..145).contains(counts.get(name).unwrap_or(&0)), "{name}: {counts:?}");
    }
    for name in ["nothing", "posterize 6", "solarize 128", "autocontrast", "equalize"] {
        assert!((150..255).contains(counts.get(name).unwrap_or(&0)), "{name}: {counts:?}");
    }
    assert_eq!(counts.len(), 23, "{counts:?}");
}

#[test]
fn operations_of_no_magnitude_change_nothing() {
    let options = RandAugment { operations: 3, magnitude: 0.0 };
    let draws = draws(Options { rand_augment: Some(options), ..Options::default() }, 500);
    let rest = [Operation::AutoContrast, Operation::Equalize];
    assert!(draws.iter().flat_map(|draw| &draw.operations).all(|operation| rest.contains(operation)));
    use Operation::*;
    let nothing = [
        ShearX(0.0),
        ShearY(0.0),
        TranslateX(0),
        TranslateY(0),
        Rotate(0.0),
        Brightness(1.0),
        Contrast(1.0),
        Saturation(1.0),
        Sharpness(1.0),
        Hue(0.0),
        Posterize(8),
        Solarize(256.0),
    ];
    for operation in nothing {
        let mut canvas = Canvas::new(SIZE, photo()).unwrap();
        operation.apply(&mut canvas, [1, 2, 3]);
        let largest = canvas.pixels().iter().zip(&photo()).map(|(a, b)| a.abs_diff(*b)).max();
        // Hues go to the colour circle and back.
        let allowed = if matches!(operation, Hue(_)) { 1 } else { 0 };
        assert!(largest <= Some(allowed), "{operation}: {largest:?}");
    }
}

#[test]
fn erasing_blanks_a_rectangle_of_the_mean_colour() {
    let erasing = RandomErasing { probability: 0.5, scale: [0.1, 0.3], ratio: [0.5, 2.0] };
    let options = Options { random_erasing: Some(erasing), mean: [0.2; 3], ..Options::default() };
    let drawn = draws(options.clone(), 1000);
    let erased: Vec<_> = drawn.iter().filter_map(|draw| draw.erased).collect();
    assert!((440..560).contains(&erased.len()), "{}", erased.len());
    for region in &erased {
        assert!(region.left + region.width <= SIZE && region.top + region.height <= SIZE);
        let share = region.area() as f64 / (SIZE * SIZE) as f64;
        assert!((0.06..0.36).contains(&share), "{share}");
    }
    let policy = policy(options);
    let region = Region { left: 3, top: 5, width: 7, height: 2 };
    let mut out = vec![0.0; SIZE * SIZE * 3];
    let pixels = vec![255; out.len()];
    policy.render(&Draw { erased: Some(region), ..Draw::default() }, &pixels, SIZE, &mut out).unwrap();
    for (at, pixel) in out.chunks(3).enumerate() {
        let (x, y) = (at % SIZE, at / SIZE);
        let inside = (3..10).contains(&x) && (5..7).contains(&y);
        assert_eq!(pixel.iter().all(|&value| value == 0.0), inside, "{x} {y}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    let cases: [(&str, Options); 8] = [
        ("output_size", Options { output_size: Some(1), ..Options::default() }),
        ("std", Options { std: [0.0; 3], ..Options::default() }),
        ("mean", Options { mean: [f32::NAN; 3], ..Options::default() }),
        ("shift", Options { shift: usize::MAX, ..Options::default() }),
        (
            "random_resized_crop.scale",
            Options {
                random_resized_crop: Some(RandomResizedCrop { scale: [0.5, 0.2], ratio: [1.0, 1.0] }),
                ..Options::default()
            },
        ),
        (
            "colour_jitter.hue",
            Options {
                colour_jitter: Some(ColourJitter { hue: 0.6, ..ColourJitter::default() }),
                ..Options::default()
            },
        ),
        (
            "rand_augment.magnitude",
            Options {
                rand_augment: Some(RandAugment { operations: 1, magnitude: 31.0 }),
                ..Options::default()
            },
        ),
        (
            "random_erasing.ratio",
            Options {
                random_erasing: Some(RandomErasing { ratio: [0.0, 1.0], ..RandomErasing::default() }),
                ..Options::default()
            },
        ),
    ];
    for (name, options) in cases {
        let error = Policy::new(options).unwrap_err();
        assert!(matches!(&error, Error::Option { option, .. } if *option == name), "{error}");
    }
    let policy = policy(Options::default());
    let error = policy.normalise(&[0; 27], 4, &mut [0.0; 48]).unwrap_err();
    assert_eq!(error.to_string(), "the pixels have 27 values, expected 48");
    assert!(policy.normalise(&[], 0, &mut []).is_err());
}
