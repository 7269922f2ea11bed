//! Operations beside what torchvision and Pillow make of the same photo (`torchvision_constants.py`).

use marque_augment::{Canvas, Draw, Operation, Options, Policy, Region};
use safetensors::SafeTensors;

const SIZE: usize = 24;
const FILL: [u8; 3] = [124, 116, 104];

const CONSTANTS: &[u8] = include_bytes!("fixtures/torchvision.safetensors");

fn constant(name: &str) -> Vec<u8> {
    let file = SafeTensors::deserialize(CONSTANTS).unwrap();
    file.tensor(name).unwrap_or_else(|_| panic!("no constant `{name}`")).data().to_vec()
}

/// The same formula as in the script.
fn photo() -> Vec<u8> {
    let byte = |y: usize, x: usize, c: usize| {
        ((x * x * (2 + c) + 9 * y * (3 - c) + (x * y) % (23 + c)) % 231 + if c == 0 { 12 } else { 0 }) as u8
    };
    let places = (0..SIZE).flat_map(|y| (0..SIZE).flat_map(move |x| (0..3).map(move |c| (y, x, c))));
    places.map(|(y, x, c)| byte(y, x, c)).collect()
}

/// Largest difference, and share of the bytes that are equal.
fn compare(found: &[u8], expected: &[u8]) -> (u8, f64) {
    assert_eq!(found.len(), expected.len());
    let differences = found.iter().zip(expected).map(|(a, b)| a.abs_diff(*b));
    let equal = differences.clone().filter(|&difference| difference == 0).count();
    (differences.max().unwrap(), equal as f64 / found.len() as f64)
}

fn applied(operation: Operation) -> Vec<u8> {
    let mut canvas = Canvas::new(SIZE, photo()).unwrap();
    operation.apply(&mut canvas, FILL);
    canvas.pixels().to_vec()
}

#[test]
fn the_photo_is_the_script_s() {
    assert_eq!(photo(), constant("photo"));
}

#[test]
fn operations_are_torchvision_s() {
    use Operation::*;
    let cases = [
        ("ShearX 0.3", ShearX(0.3)),
        ("ShearX -0.17", ShearX(-0.17)),
        ("ShearY 0.21", ShearY(0.21)),
        ("ShearY -0.3", ShearY(-0.3)),
        ("TranslateX 5", TranslateX(5)),
        ("TranslateX -9", TranslateX(-9)),
        ("TranslateY 7", TranslateY(7)),
        ("TranslateY -4", TranslateY(-4)),
        ("Rotate 30", Rotate(30.0)),
        ("Rotate -13.5", Rotate(-13.5)),
        ("Brightness 0.6", Brightness(1.6)),
        ("Brightness -0.7", Brightness(0.3)),
        ("Color 0.9", Saturation(1.9)),
        ("Color -0.4", Saturation(0.6)),
        ("Contrast 0.9", Contrast(1.9)),
        ("Contrast -0.55", Contrast(0.45)),
        ("Sharpness 0.9", Sharpness(1.9)),
        ("Sharpness -0.9", Sharpness(0.1)),
        ("Posterize 4", Posterize(4)),
        ("Posterize 6", Posterize(6)),
        ("Solarize 178.5", Solarize(178.5)),
        ("Solarize 30", Solarize(30.0)),
        ("AutoContrast 0", AutoContrast),
        ("Equalize 0", Equalize),
        ("Hue 0.2", Hue(0.2)),
        ("Hue -0.35", Hue(-0.35)),
        ("Hue 0.5", Hue(0.5)),
    ];
    for (name, operation) in cases {
        let (largest, equal) = compare(&applied(operation), &constant(name));
        println!("{name:<16} largest difference {largest}, {:.1}% equal", 100.0 * equal);
        // A level up or down where arithmetic in single precision ends beside the threshold of a rounding.
        assert!(largest <= 1 && equal > 0.98, "{name}: {largest}, {equal}");
    }
}

#[test]
fn parts_are_resized_as_pillow_does() {
    let cases = [[0, 0, 24, 24, 16], [0, 0, 24, 24, 40], [3, 5, 14, 9, 24], [1, 2, 20, 22, 7]];
    for [left, top, width, height, size] in cases {
        let name = format!("Resize {left} {top} {width} {height} {size}");
        let policy = Policy::new(Options { output_size: Some(size), ..Options::default() }).unwrap();
        let draw = Draw { crop: Some(Region { left, top, width, height }), ..Draw::default() };
        let mut out = vec![0; size * size * 3];
        policy.render_u8(&draw, &photo(), SIZE, &mut out).unwrap();
        let (largest, equal) = compare(&out, &constant(&name));
        println!("{name:<24} largest difference {largest}, {:.1}% equal", 100.0 * equal);
        assert!(largest <= 1, "{name}: {largest}");
    }
}
