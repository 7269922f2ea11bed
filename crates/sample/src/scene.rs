//! Where the photo is taken: the ground under the car and what stands behind it. Nothing here depends on the class.

use crate::chance::Chance;
use crate::geometry::{Vec3, fraction, lerp, smoothstep};
use crate::light::{Light, Rgb, linear, mix, plus, scaled, times};
use crate::noise::grain;

/// The kinds of places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Road,
    CarPark,
    Street,
    Field,
    Beach,
    Showroom,
}

/// One place with its own colours.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) place: Place,
    /// Mean colour of the ground.
    pub(crate) ground: Rgb,
    second: Rgb,
    /// Direction of road or bays against the car.
    turn: (f32, f32),
    offset: f32,
    /// Which part of the grain lies here.
    shift: usize,
}

impl Scene {
    /// Any place.
    pub(crate) fn of(chance: &mut Chance) -> Scene {
        let places = [
            (0.24, Place::Road),
            (0.24, Place::CarPark),
            (0.18, Place::Street),
            (0.15, Place::Field),
            (0.07, Place::Beach),
            (0.12, Place::Showroom),
        ];
        let place = chance.weighted(&places).unwrap_or(Place::Road);
        let (ground, second) = match place {
            Place::Road | Place::CarPark => ([104, 104, 106], [82, 104, 52]),
            Place::Street => ([112, 110, 106], [150, 146, 138]),
            Place::Field => ([98, 120, 58], [134, 116, 84]),
            Place::Beach => ([204, 188, 150], [182, 164, 126]),
            Place::Showroom => ([168, 166, 162], [150, 148, 144]),
        };
        Scene {
            place,
            ground: linear(chance.tint(ground)),
            second: linear(chance.tint(second)),
            turn: (chance.around(0.22) + if chance.is(0.25) { 1.5 } else { 0.0 }).sin_cos(),
            offset: chance.around(0.8),
            shift: chance.below(1 << 16) as usize,
        }
    }

    /// Linear light from the ground at (x, y), with the shadow of a car of this length, width and height.
    pub(crate) fn ground_light(&self, x: f32, y: f32, light: &Light, size: Vec3) -> Rgb {
        let albedo = self.albedo(x, y, x * x + y * y < 80.0);
        let outside = |x: f32, y: f32| {
            let (dx, dy) = (x.abs() - size.x / 2.0 + 0.35, y.abs() - size.y / 2.0 + 0.30);
            (dx.max(0.0).powi(2) + dy.max(0.0).powi(2)).sqrt() + dx.max(dy).min(0.0)
        };
        if x.abs() > size.x / 2.0 + 2.0 || y.abs() > size.y / 2.0 + 2.0 {
            return times(albedo, plus(light.overhead, light.sun_colour, light.sun.z.max(0.0)));
        }
        let away = outside(x, y);
        let near = smoothstep(-0.30, 0.60, away);
        let cast = light.sun * (size.z * 0.42 / light.sun.z.max(0.3));
        let lit = smoothstep(0.05, 0.35, outside(x + cast.x, y + cast.y)).min(smoothstep(0.0, 0.3, away));
        let ambient = scaled(light.overhead, lerp(0.10, 1.0, near));
        times(albedo, plus(ambient, light.sun_colour, light.sun.z.max(0.0) * lit))
    }

    fn albedo(&self, x: f32, y: f32, near: bool) -> Rgb {
        let (sin, cos) = self.turn;
        let (u, v) = (x * cos + y * sin, y * cos - x * sin + self.offset);
        // The finer grain is lost to the eye far away.
        let fine = if near { grain(x * 7.0, y * 7.0, self.shift + 77) } else { 0.5 };
        let rough = grain(x * 1.3, y * 1.3, self.shift) * 0.6 + fine * 0.4;
        match self.place {
            Place::Road => {
                let asphalt = scaled(self.ground, 0.82 + 0.36 * rough);
                let verge = scaled(self.second, 0.7 + 0.6 * rough);
                let paint = band(v, 2.6, 0.07) + band(v, -2.6, 0.07) * dashes(u, 6.0, 0.5);
                let road = mix(asphalt, [0.70, 0.70, 0.66], paint.min(1.0) * 0.85);
                mix(road, verge, smoothstep(4.6, 4.9, v.abs()))
            }
            Place::CarPark => {
                let asphalt = scaled(self.ground, 0.80 + 0.40 * rough);
                let bay = fraction(v / 2.9 + 0.5) * 2.9;
                let paint = band(bay, 0.06, 0.06) * smoothstep(3.3, 3.2, u.abs());
                mix(asphalt, [0.72, 0.72, 0.70], paint * 0.9)
            }
            Place::Street => {
                let asphalt = scaled(self.ground, 0.84 + 0.32 * rough);
                let slab = 1.0
                    - 0.3
                        * (band(fraction(u / 1.2), 0.0, 0.03) + band(fraction(v / 1.2), 0.0, 0.03)).min(1.0);
                let walk = scaled(self.second, (0.9 + 0.2 * rough) * slab);
                let kerb = band(v, 2.1, 0.12);
                mix(mix(asphalt, walk, smoothstep(2.1, 2.12, v)), [0.45, 0.44, 0.42], kerb)
            }
            Place::Field => {
                let track = smoothstep(0.35, 0.65, (v.abs() - 0.75).abs() + 0.4 * rough - 0.1);
                mix(scaled(self.second, 0.75 + 0.5 * rough), scaled(self.ground, 0.6 + 0.8 * rough), track)
            }
            Place::Beach => scaled(mix(self.ground, self.second, rough), 0.85 + 0.25 * rough),
            Place::Showroom => {
                let joint = band(fraction(u / 0.9), 0.0, 0.012) + band(fraction(v / 0.9), 0.0, 0.012);
                scaled(self.ground, 1.0 - 0.35 * joint.min(1.0))
            }
        }
    }
}

#[inline]
fn band(value: f32, middle: f32, half: f32) -> f32 {
    1.0 - smoothstep(half * 0.8, half * 1.2, (value - middle).abs())
}

#[inline]
fn dashes(value: f32, period: f32, share: f32) -> f32 {
    if fraction(value / period) < share { 1.0 } else { 0.0 }
}
