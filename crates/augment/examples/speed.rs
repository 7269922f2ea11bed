//! Photos per second on one core: `cargo run --release -p marque-augment --example speed`.

use std::error::Error;
use std::time::Instant;

use marque_augment::{ColourJitter, Mixing, Options, Policy, RandAugment, RandomErasing, RandomResizedCrop};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SIZE: usize = 224;

fn main() -> Result<(), Box<dyn Error>> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut photo = vec![0; SIZE * SIZE * 3];
    rng.fill_bytes(&mut photo);
    let plain = Options { flip: true, shift: 8, ..Options::default() };
    let crop = Options { random_resized_crop: Some(RandomResizedCrop::default()), ..plain.clone() };
    let jitter = ColourJitter { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 };
    let policies = [
        ("flip, shift", plain.clone()),
        ("smaller, flip, shift", Options { output_size: Some(128), ..plain.clone() }),
        ("random-resized crop, flip", crop.clone()),
        ("and colour jitter without hue", {
            Options { colour_jitter: Some(ColourJitter { hue: 0.0, ..jitter }), ..crop.clone() }
        }),
        ("and colour jitter", Options { colour_jitter: Some(jitter), ..crop.clone() }),
        ("crop, RandAugment 2 × 9, erasing", {
            let erasing = Some(RandomErasing::default());
            Options {
                rand_augment: Some(RandAugment { operations: 2, magnitude: 9.0 }),
                random_erasing: erasing,
                ..crop
            }
        }),
    ];
    println!("{SIZE} px, one core");
    for (name, options) in policies {
        let policy = Policy::new(options)?;
        let output = policy.output_size(SIZE);
        let mut out = vec![0.0; output * output * 3];
        let mut best = f64::INFINITY;
        for _ in 0..5 {
            let begun = Instant::now();
            for _ in 0..200 {
                policy.apply(&mut rng, &photo, SIZE, &mut out)?;
            }
            best = best.min(begun.elapsed().as_secs_f64() / 200.0);
        }
        println!("{name:<34} {:>7.0} photos/s", 1.0 / best);
    }
    let mut batch = vec![0.5; 16 * SIZE * SIZE * 3];
    for (name, mixing) in [
        ("mixup, batches of 16", Mixing { mixup_alpha: 0.2, ..Mixing::default() }),
        ("CutMix, batches of 16", Mixing { cutmix_alpha: 1.0, ..Mixing::default() }),
    ] {
        let begun = Instant::now();
        for _ in 0..50 {
            if let Some(mix) = mixing.draw(&mut rng, 16, SIZE)? {
                mix.apply(&mut batch, SIZE)?;
            }
        }
        println!("{name:<34} {:>7.0} photos/s", 800.0 / begun.elapsed().as_secs_f64());
    }
    Ok(())
}
