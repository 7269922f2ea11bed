//! Light: the sun, the sky and what a polished surface mirrors; colours are linear, 0 to about 1.

use std::sync::LazyLock;

use crate::chance::Chance;
use crate::geometry::{Vec3, fraction, lerp, smoothstep, vec3};
use crate::panel::Texel;

/// A linear colour.
pub(crate) type Rgb = [f32; 3];

/// Linear value of each sRGB byte.
static LINEAR: LazyLock<[f32; 256]> = LazyLock::new(|| {
    std::array::from_fn(|byte| {
        let value = byte as f32 / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    })
});

/// The linear colour of an sRGB colour.
#[inline]
pub(crate) fn linear(rgb: [u8; 3]) -> Rgb {
    let table: &[f32; 256] = &LINEAR;
    [table[rgb[0] as usize], table[rgb[1] as usize], table[rgb[2] as usize]]
}

/// From `a` (t = 0) to `b` (t = 1).
#[inline(always)]
pub(crate) fn mix(a: Rgb, b: Rgb, t: f32) -> Rgb {
    // Written out here and below: mapping over the array does not inline in the hot loops.
    [lerp(a[0], b[0], t), lerp(a[1], b[1], t), lerp(a[2], b[2], t)]
}

/// All parts times `factor`.
#[inline(always)]
pub(crate) fn scaled(a: Rgb, factor: f32) -> Rgb {
    [a[0] * factor, a[1] * factor, a[2] * factor]
}

/// `a` plus `factor` times `b`.
#[inline(always)]
pub(crate) fn plus(a: Rgb, b: Rgb, factor: f32) -> Rgb {
    [a[0] + b[0] * factor, a[1] + b[1] * factor, a[2] + b[2] * factor]
}

/// Part by part.
#[inline(always)]
pub(crate) fn times(a: Rgb, b: Rgb) -> Rgb {
    [a[0] * b[0], a[1] * b[1], a[2] * b[2]]
}

/// The light of one photo.
#[derive(Clone, Debug)]
pub(crate) struct Light {
    /// Towards the sun.
    pub(crate) sun: Vec3,
    pub(crate) sun_colour: Rgb,
    pub(crate) zenith: Rgb,
    pub(crate) horizon: Rgb,
    /// What the ground throws back.
    pub(crate) ground: Rgb,
    /// The dark line of trees or houses in reflections.
    pub(crate) skyline: Rgb,
    pub(crate) indoors: bool,
    /// Light arriving at level ground that does not see the sun.
    pub(crate) overhead: Rgb,
}

impl Light {
    /// Daylight of some hour and weather, or the lamps of a showroom.
    pub(crate) fn of(indoors: bool, ground: Rgb, chance: &mut Chance) -> Light {
        let mut light = Light::without_overhead(indoors, ground, chance);
        light.overhead = light.ambient(vec3(0.0, 0.0, 1.0));
        light
    }

    fn without_overhead(indoors: bool, ground: Rgb, chance: &mut Chance) -> Light {
        let azimuth = chance.between(0.0, std::f32::consts::TAU);
        let height = chance.between(0.45, 1.25);
        let sun = vec3(azimuth.cos() * height.cos(), azimuth.sin() * height.cos(), height.sin());
        if indoors {
            return Light {
                sun: vec3(sun.x * 0.4, sun.y * 0.4, 1.0).unit(),
                sun_colour: [0.62, 0.60, 0.56],
                zenith: [0.66, 0.66, 0.67],
                horizon: [0.52, 0.52, 0.53],
                ground,
                skyline: [0.16, 0.16, 0.17],
                indoors,
                overhead: [0.0; 3],
            };
        }
        // 0 is overcast, 1 a clear sky; warm is a low sun.
        let (clear, warm) =
            (chance.between(0.0, 1.0).powf(0.7), smoothstep(0.9, 0.45, height) * chance.between(0.2, 1.0));
        let strength = lerp(0.20, 1.75, clear);
        let sky = mix([0.74, 0.77, 0.82], [0.20, 0.42, 0.92], clear);
        Light {
            sun,
            sun_colour: mix(scaled([1.0, 0.97, 0.92], strength), scaled([1.0, 0.78, 0.52], strength), warm),
            zenith: scaled(sky, 0.85),
            horizon: mix(mix([0.74, 0.76, 0.78], [0.72, 0.82, 0.92], clear), [0.95, 0.78, 0.58], warm * 0.7),
            ground,
            skyline: [0.07, 0.08, 0.07],
            indoors,
            overhead: [0.0; 3],
        }
    }

    /// Light arriving at a surface facing `normal` that does not see the sun.
    #[inline]
    pub(crate) fn ambient(&self, normal: Vec3) -> Rgb {
        let up = normal.z * 0.5 + 0.5;
        let sky = mix(self.horizon, self.zenith, 0.5);
        mix(scaled(self.ground, 0.45), scaled(sky, 0.62), up)
    }

    /// What is seen in direction `ray` when nothing of the car is in the way.
    #[inline]
    pub(crate) fn surroundings(&self, ray: Vec3) -> Rgb {
        if ray.z < 0.0 {
            return mix(self.skyline, scaled(self.ground, 0.75), smoothstep(0.0, -0.25, ray.z));
        }
        if self.indoors {
            let lamp = smoothstep(0.62, 0.66, ray.z) * smoothstep(0.96, 0.92, ray.z)
                + smoothstep(0.28, 0.30, ray.z) * smoothstep(0.38, 0.36, ray.z);
            return mix(mix(self.horizon, self.zenith, ray.z), [1.6, 1.6, 1.6], lamp.min(1.0));
        }
        let edge = 0.10 + 0.05 * ridge(ray.x * 2.9) * ridge(ray.y * 2.3);
        let sky = mix(self.horizon, self.zenith, ray.z.sqrt());
        mix(self.skyline, sky, smoothstep(edge - 0.03, edge + 0.05, ray.z))
    }
}

/// A cheap wave of period 2 between -1 and 1.
#[inline]
fn ridge(x: f32) -> f32 {
    let t = fraction(x * 0.5) * 2.0 - 1.0;
    1.0 - 2.0 * t * t
}

/// What a photo gives to the surfaces that have no colour of their own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coat {
    pub(crate) colour: Rgb,
    /// Share of metal flakes, 0 to 1.
    pub(crate) flakes: f32,
}

/// Linear mean of some texels over a coat of paint, with their mean reflectance and glow.
#[inline]
pub(crate) fn blend(texels: &[Texel], coat: Rgb) -> (Rgb, f32, f32, f32) {
    let table: &[f32; 256] = &LINEAR;
    let (mut colour, mut mirror, mut glow, mut cover) = ([0.0f32; 3], 0u32, 0u32, 0u32);
    for texel in texels {
        colour[0] += table[texel.rgb[0] as usize];
        colour[1] += table[texel.rgb[1] as usize];
        colour[2] += table[texel.rgb[2] as usize];
        mirror += u32::from(texel.mirror);
        glow += u32::from(texel.glow);
        cover += u32::from(texel.cover);
    }
    let share = 1.0 / texels.len().max(1) as f32;
    let mean = |sum: u32| sum as f32 * (share / 255.0);
    let colour = plus(scaled(colour, share), coat, 1.0 - mean(cover));
    (colour, mean(mirror), mean(glow), mean(cover))
}

/// The light that leaves a surface towards the eye. `view` points from the eye to the surface; `open` is 1 under the
/// open sky and smaller in corners.
#[inline]
pub(crate) fn shade(
    texels: &[Texel],
    normal: Vec3,
    view: Vec3,
    light: &Light,
    coat: &Coat,
    open: f32,
) -> Rgb {
    let (albedo, mirror, glow, cover) = blend(texels, coat.colour);
    let facing = -normal.dot(view);
    let mirrored = view + normal * (2.0 * facing);
    let sun = light.sun.dot(normal).max(0.0) * smoothstep(0.3, 0.9, open);
    let ambient = light.ambient(normal);
    let gleam = mirrored.dot(light.sun).max(0.0);
    let flakes = coat.flakes * (1.0 - cover) * gleam.powi(6) * 0.5;
    let grazing = (1.0 - facing.clamp(0.0, 1.0)).powi(5);
    let fresnel = if mirror < 0.01 { 0.0 } else { (mirror + (1.0 - mirror) * 0.55 * grazing).min(1.0) };
    let around = if mirror < 0.01 { [0.0; 3] } else { light.surroundings(mirrored) };
    let spark = if mirror < 0.01 { 0.0 } else { gleam.powi(90) * (0.25 + mirror) * 1.6 };
    let arriving = plus(scaled(ambient, open), light.sun_colour, sun + flakes);
    let lit = scaled(times(albedo, arriving), 1.0 - fresnel);
    let lit = plus(lit, around, fresnel * open.max(0.4));
    mix(plus(lit, light.sun_colour, spark), scaled(albedo, 1.15), glow)
}
