//! From the light that reached the camera to a JPEG file: exposure, white balance, softness, noise.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::Error;
use crate::chance::Chance;
use crate::light::{Rgb, plus, scaled, times};
use crate::noise::sensor_row;

/// Quality of the JPEG files, as the encoder counts it.
const QUALITY: u8 = 88;
const STEPS: usize = 2048;
/// Light beyond this is white in every exposure.
const BRIGHTEST: f32 = 4.0;

/// The photo as it falls on the sensor: linear light, row by row.
pub(crate) struct Exposure {
    pub(crate) pixels: Vec<Rgb>,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

/// Turns light into the bytes of a photo, three a pixel.
pub(crate) fn develop(exposure: &Exposure, chance: &mut Chance) -> Vec<u8> {
    let gain = 1.50 * (chance.bell() * 0.20).exp2();
    let warmth = chance.bell() * 0.035;
    let gains = [gain * (1.0 + warmth), gain, gain * (1.0 - warmth)];
    let contrast = 1.0 + chance.bell() * 0.06;
    let tone: Vec<f32> = (0..=STEPS)
        .map(|step| {
            let light = step as f32 / STEPS as f32 * BRIGHTEST;
            // A film-like shoulder, then display gamma.
            let value = (light * (1.0 + light * 0.12) / (1.0 + light * 0.62)).powf(1.0 / 2.2);
            ((value - 0.5) * contrast + 0.5) * 255.0
        })
        .collect();
    let noise = chance.between(0.8, 4.2);
    let mut bytes = Vec::with_capacity(exposure.pixels.len() * 3);
    let (middle_x, middle_y) = (exposure.width as f32 / 2.0, exposure.height as f32 / 2.0);
    let vignette = chance.between(0.0, 0.22) / (middle_x * middle_x + middle_y * middle_y);
    for (y, row) in exposure.pixels.chunks(exposure.width).enumerate() {
        for ((x, pixel), grain) in row.iter().enumerate().zip(sensor_row(chance)) {
            let (dx, dy) = (x as i32 as f32 - middle_x, y as i32 as f32 - middle_y);
            let fall = (1.0 - vignette * (dx * dx + dy * dy)) * (STEPS as f32 / BRIGHTEST);
            let light = scaled(times(*pixel, gains), fall);
            let value = |channel: usize| {
                let step = (light[channel] as i32).clamp(0, STEPS as i32) as usize;
                (tone[step] + noise * grain[channel]) as u8
            };
            bytes.extend_from_slice(&[value(0), value(1), value(2)]);
        }
    }
    bytes
}

/// Softens linear light by a 3 x 3 binomial-like kernel whose side weight is `side` (0 none, 0.25 full).
pub(crate) fn soften(exposure: &mut Exposure, side: f32) {
    let (width, height) = (exposure.width, exposure.height);
    for row in exposure.pixels.chunks_mut(width) {
        let mut before = row[0];
        for x in 1..width.saturating_sub(1) {
            let own = row[x];
            row[x] = weighted(before, own, row[x + 1], side);
            before = own;
        }
    }
    let mut above: Vec<Rgb> = exposure.pixels[..width].to_vec();
    for y in 1..height.saturating_sub(1) {
        let (row, below) = exposure.pixels[y * width..(y + 2) * width].split_at_mut(width);
        for ((own, above), below) in row.iter_mut().zip(&mut above).zip(below.iter()) {
            let soft = weighted(*above, *own, *below, side);
            *above = *own;
            *own = soft;
        }
    }
}

fn weighted(before: Rgb, at: Rgb, after: Rgb, side: f32) -> Rgb {
    plus(plus(scaled(at, 1.0 - 2.0 * side), before, side), after, side)
}

/// Encodes a photo's bytes as JPEG.
pub(crate) fn encode(bytes: &[u8], width: u32, height: u32) -> Result<Vec<u8>, Error> {
    let mut file = Vec::with_capacity(bytes.len() / 8);
    let mut encoder = Encoder::new(&mut file, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    let [width, height] = [width, height].map(|side| u16::try_from(side).unwrap_or(u16::MAX));
    encoder.encode(bytes, width, height, ColorType::Rgb).map_err(Error::Encode)?;
    Ok(file)
}
