//! Training and evaluation turn pixels into the same numbers, though each has its own way there.

use marque_augment::{Options, Policy};
use marque_network::PixelLevels;

const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const STD: [f32; 3] = [0.229, 0.224, 0.225];

#[test]
fn every_level_of_every_colour_is_the_same_number_to_the_bit() {
    let levels = PixelLevels::new(MEAN, STD);
    let policy = Policy::new(Options { mean: MEAN, std: STD, ..Options::default() }).unwrap();
    let pixels: Vec<u8> =
        (0..=255u8).flat_map(|level| [level, level.wrapping_add(85), 255 - level]).collect();
    let mut trained_on = vec![0f32; pixels.len()];
    policy.normalise(&pixels, 16, &mut trained_on).unwrap();
    let evaluated: Vec<f32> = pixels.as_chunks().0.iter().flat_map(|pixel| levels.of(*pixel)).collect();
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&trained_on), bits(&evaluated));
}
