//! The measures of a body in metres, typical of its kind and slightly its own in every class.

use crate::catalogue::{Body, Class, Face};
use crate::chance::Chance;

/// The measures of one class's body. x runs forward from the middle of the car, z up from the ground.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) body: Body,
    pub(crate) face: Face,
    /// 2009 and earlier: flat sides, sharp corners, separate bumpers, small wheels on thick tyres.
    pub(crate) early: bool,
    pub(crate) length: f32,
    pub(crate) width: f32,
    /// Height of the roof; of the windscreen's upper edge where there is no roof.
    pub(crate) height: f32,
    /// Height of the sill above the ground.
    pub(crate) clearance: f32,
    /// Height of the lower edge of the side windows.
    pub(crate) belt: f32,
    /// Height of the upper edge of the face.
    pub(crate) nose: f32,
    /// Height of the body at the tail.
    pub(crate) deck: f32,
    /// Where the windscreen meets the bonnet.
    pub(crate) cowl: f32,
    /// Where the windscreen meets the roof.
    pub(crate) screen_top: f32,
    /// Where the roof ends.
    pub(crate) roof_end: f32,
    /// Where the rear window meets the body.
    pub(crate) tail: f32,
    /// How the rear window bends: 1 straight, larger arched like a fastback.
    pub(crate) arch: f32,
    /// Width of the roof as a share of the width at the belt.
    pub(crate) roof_width: f32,
    pub(crate) front_axle: f32,
    pub(crate) rear_axle: f32,
    pub(crate) wheel: f32,
    /// Radius of the rim as a share of the wheel's.
    pub(crate) rim: f32,
    /// How far the corners recede, front and rear.
    pub(crate) front_bulge: f32,
    pub(crate) rear_bulge: f32,
    /// The open part of the top: a cockpit or a load bed, from rear to front.
    pub(crate) hole: Option<(f32, f32)>,
}

impl Shape {
    /// The shape of a class; `chance` gives the class its own proportions.
    pub(crate) fn of(class: &Class, chance: &mut Chance) -> Shape {
        let early = class.is_early();
        let tall = matches!(class.body, Body::Suv | Body::Pickup);
        // length, width, height, clearance, belt, nose, deck, cowl, screen_top, roof_end, tail, arch, roof_width
        let m: [f32; 13] = match class.body {
            Body::Sedan => [4.75, 1.80, 1.47, 0.19, 0.93, 0.83, 0.98, 0.85, 0.15, -1.05, -1.62, 1.0, 0.78],
            Body::Coupe => [4.45, 1.86, 1.24, 0.15, 0.86, 0.74, 0.88, 0.50, -0.25, -0.60, -2.00, 1.35, 0.68],
            Body::Convertible => {
                [4.40, 1.82, 1.30, 0.17, 0.87, 0.76, 0.90, 0.62, 0.10, -0.6, -1.5, 1.0, 0.80]
            }
            Body::Hatchback => {
                [3.95, 1.76, 1.52, 0.18, 0.94, 0.84, 0.96, 0.95, 0.30, -1.25, -1.84, 1.1, 0.80]
            }
            Body::Wagon => [4.80, 1.80, 1.50, 0.19, 0.93, 0.83, 0.95, 0.85, 0.15, -1.90, -2.30, 1.1, 0.80],
            Body::Suv => [4.60, 1.90, 1.86, 0.38, 1.16, 1.06, 1.16, 0.95, 0.45, -1.98, -2.20, 1.0, 0.84],
            Body::Minivan => [4.95, 1.92, 1.80, 0.20, 1.04, 0.86, 1.04, 1.62, 0.62, -2.05, -2.38, 1.1, 0.82],
            Body::Van => [5.20, 1.96, 2.28, 0.27, 1.22, 1.02, 1.22, 1.85, 1.25, -2.46, -2.52, 1.0, 0.88],
            Body::Pickup => [5.40, 1.94, 1.84, 0.40, 1.18, 1.10, 1.18, 1.05, 0.50, -0.62, -0.86, 1.0, 0.82],
        };
        let scale = 1.0 + chance.around(0.03);
        let mut shape = Shape {
            body: class.body,
            face: class.face,
            early,
            length: m[0] * scale,
            width: m[1] * (1.0 + chance.around(0.015)),
            height: m[2] + chance.around(0.03),
            clearance: m[3] + chance.around(0.015),
            belt: m[4] + chance.around(0.015),
            nose: m[5] + chance.around(0.02),
            deck: m[6] + chance.around(0.015),
            cowl: m[7] * scale + chance.around(0.06),
            screen_top: m[8] * scale + chance.around(0.06),
            roof_end: m[9] * scale + chance.around(0.06),
            tail: m[10] * scale,
            arch: m[11],
            roof_width: m[12],
            front_axle: 0.0,
            rear_axle: 0.0,
            wheel: if early { 0.30 } else { 0.35 },
            rim: if early { 0.56 } else { 0.80 },
            front_bulge: if early { 0.10 } else { 0.22 },
            rear_bulge: if early { 0.08 } else { 0.16 },
            hole: None,
        };
        if tall {
            shape.wheel += 0.06;
        }
        if class.body == Body::Van {
            shape.wheel += 0.02;
        }
        let overhang = if matches!(class.body, Body::Minivan | Body::Van) { 0.86 } else { 0.92 };
        shape.front_axle = shape.length / 2.0 - overhang + chance.around(0.04);
        shape.rear_axle = -shape.length / 2.0 + 0.98 + chance.around(0.05);
        shape.hole = match class.body {
            Body::Convertible => Some((-1.12 * scale, shape.cowl - 0.12)),
            Body::Pickup => Some((-shape.length / 2.0 + 0.14, shape.tail - 0.08)),
            _ => None,
        };
        shape
    }

    /// Whether the drawing has a roof over the seats.
    pub(crate) fn has_roof(&self) -> bool {
        self.body != Body::Convertible
    }

    /// Whether it stands high on dark cladding.
    pub(crate) fn is_tall(&self) -> bool {
        matches!(self.body, Body::Suv | Body::Pickup)
    }

    /// Front end of the body where its corners begin.
    pub(crate) fn front(&self) -> f32 {
        self.length / 2.0 - self.front_bulge
    }

    /// Rear end of the body where its corners begin.
    pub(crate) fn rear(&self) -> f32 {
        -self.length / 2.0 + self.rear_bulge
    }
}
