//! Points and directions in car space: metres, x forward, y to the driver's left, z up, the ground at z = 0.

use std::ops::{Add, Mul, Sub};

/// A point or a direction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Vec3 {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) z: f32,
}

/// Short constructor.
#[inline]
pub(crate) const fn vec3(x: f32, y: f32, z: f32) -> Vec3 {
    Vec3 { x, y, z }
}

impl Vec3 {
    #[inline]
    pub(crate) fn dot(self, other: Vec3) -> f32 {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    #[inline]
    pub(crate) fn cross(self, other: Vec3) -> Vec3 {
        vec3(
            self.y * other.z - self.z * other.y,
            self.z * other.x - self.x * other.z,
            self.x * other.y - self.y * other.x,
        )
    }

    /// The direction of length one; a zero vector stays zero.
    #[inline]
    pub(crate) fn unit(self) -> Vec3 {
        let length = self.dot(self).sqrt();
        if length > 0.0 { self * (1.0 / length) } else { self }
    }

    /// Turned about the z axis, counter-clockwise seen from above.
    #[inline]
    pub(crate) fn turned(self, (sin, cos): (f32, f32)) -> Vec3 {
        vec3(self.x * cos - self.y * sin, self.x * sin + self.y * cos, self.z)
    }
}

impl Add for Vec3 {
    type Output = Vec3;
    #[inline]
    fn add(self, other: Vec3) -> Vec3 {
        vec3(self.x + other.x, self.y + other.y, self.z + other.z)
    }
}

impl Sub for Vec3 {
    type Output = Vec3;
    #[inline]
    fn sub(self, other: Vec3) -> Vec3 {
        vec3(self.x - other.x, self.y - other.y, self.z - other.z)
    }
}

impl Mul<f32> for Vec3 {
    type Output = Vec3;
    #[inline]
    fn mul(self, factor: f32) -> Vec3 {
        vec3(self.x * factor, self.y * factor, self.z * factor)
    }
}

/// Linear interpolation, `t` from 0 to 1.
#[inline]
pub(crate) fn lerp(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// 0 below `from`, 1 above `to`, a smooth cubic between.
#[inline]
pub(crate) fn smoothstep(from: f32, to: f32, x: f32) -> f32 {
    let t = ((x - from) * (1.0 / (to - from))).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// The largest whole number not above `x`, without the library call that old processors need for it.
#[inline]
pub(crate) fn floor(x: f32) -> f32 {
    let whole = x as i32 as f32;
    if whole > x { whole - 1.0 } else { whole }
}

/// The part of `x` after its floor, 0 up to 1.
#[inline]
pub(crate) fn fraction(x: f32) -> f32 {
    x - floor(x)
}

/// Piecewise linear curve through `knots`, which are sorted by their first value.
pub(crate) fn curve(knots: &[(f32, f32)], x: f32) -> f32 {
    let after = knots.partition_point(|knot| knot.0 < x);
    match (after.checked_sub(1).and_then(|before| knots.get(before)), knots.get(after)) {
        (Some(a), Some(b)) => lerp(a.1, b.1, (x - a.0) / (b.0 - a.0).max(1e-6)),
        (Some(only), None) | (None, Some(only)) => only.1,
        (None, None) => 0.0,
    }
}
