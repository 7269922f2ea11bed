//! Everything above the belt line: the roofed cabin or the open cockpit with its windscreen, and the small fittings.

use std::f32::consts::PI;

use crate::body::SHOULDER;
use crate::catalogue::Body;
use crate::geometry::{Vec3, curve, lerp, vec3};
use crate::mesh::{Mesh, Skin};
use crate::shape::Shape;

/// Levels of the cabin wall: relative height, and how far the ring shrinks towards the roof's rounding.
const LEVELS: [(f32, f32); 9] = [
    (0.0, 1.0),
    (0.2, 1.0),
    (0.4, 1.0),
    (0.6, 1.0),
    (0.8, 1.0),
    (0.9, 0.995),
    (0.96, 0.98),
    (0.99, 0.955),
    (1.0, 0.92),
];

impl Shape {
    /// Height at which the cabin leaves the body, hidden a little below the belt.
    fn cabin_foot(&self) -> f32 {
        self.belt - 0.06
    }

    /// Front edge of the cabin at relative height t.
    pub(crate) fn cabin_front(&self, t: f32) -> f32 {
        let bow = 0.05 * (PI * t).sin();
        lerp(self.cowl, self.screen_top, t) + bow
    }

    /// Rear edge of the cabin at relative height t.
    pub(crate) fn cabin_rear(&self, t: f32) -> f32 {
        self.tail + (self.roof_end - self.tail) * t.powf(self.arch)
    }

    /// Half width of the cabin at relative height t.
    pub(crate) fn cabin_half(&self, t: f32) -> f32 {
        let foot = self.width / 2.0 * SHOULDER * 0.965;
        foot * lerp(1.0, self.roof_width / 0.94, t.powf(1.3)).min(1.0)
    }

    /// Relative height in the cabin of a height above the ground.
    pub(crate) fn cabin_level(&self, z: f32) -> f32 {
        ((z - self.cabin_foot()) / (self.height - self.cabin_foot())).clamp(0.0, 1.0)
    }

    fn cabin_point(&self, t: f32, shrink: f32, angle: f32) -> Vec3 {
        let power = 2.0 / if self.early { 7.0 } else { 5.0 };
        let signed = |value: f32| value.signum() * value.abs().powf(power);
        let (front, rear, half) = (self.cabin_front(t), self.cabin_rear(t), self.cabin_half(t));
        let (middle, reach) = ((front + rear) / 2.0, (front - rear) / 2.0);
        let (sin, cos) = angle.sin_cos();
        let z = lerp(self.cabin_foot(), self.height, t);
        vec3(middle + reach * shrink.max(0.97) * signed(cos), half * shrink * signed(sin), z)
    }

    /// Adds the cabin with its roof.
    fn add_roofed_cabin(&self, mesh: &mut Mesh) {
        let inside = vec3((self.cowl + self.tail) / 2.0, 0.0, self.belt);
        let quarters = [(0.0, Skin::Front), (0.5, Skin::Side), (1.0, Skin::Rear), (1.5, Skin::Side)];
        for (turn, skin) in quarters {
            mesh.grid((LEVELS.len(), 13), skin, inside, |i, j| {
                let (t, shrink) = LEVELS[i];
                self.cabin_point(t, shrink, (turn - 0.25 + j as f32 / 24.0) * PI)
            });
        }
        let (_, edge) = LEVELS[LEVELS.len() - 1];
        mesh.grid((5, 49), Skin::Paint, vec3(inside.x, 0.0, 0.0), |i, j| {
            let share = 1.0 - i as f32 / 4.0;
            let rim = self.cabin_point(1.0, edge, j as f32 / 24.0 * PI);
            let centre = vec3((self.screen_top + self.roof_end) / 2.0, 0.0, 0.0);
            let crown = 0.045 * (1.0 - share * share);
            vec3(lerp(centre.x, rim.x, share), rim.y * share, rim.z + crown)
        });
    }

    /// Adds the windscreen, its frame, the seats and the folded top.
    fn add_open_cockpit(&self, mesh: &mut Mesh) {
        let inside = vec3(self.cowl - 2.0, 0.0, self.belt);
        for turned in [inside, vec3(9.0, 0.0, self.belt)] {
            mesh.grid((6, 13), Skin::Clear, turned, |i, j| {
                self.cabin_point(i as f32 / 5.0, 1.0, (-0.25 + j as f32 / 24.0) * PI)
            });
        }
        let post =
            |side: f32| (0..=4).map(move |i| i as f32 / 4.0).map(move |t| (t, side)).collect::<Vec<_>>();
        for side in [-1.0, 1.0] {
            let points: Vec<Vec3> =
                post(side).iter().map(|&(t, side)| self.cabin_point(t, 1.0, 0.25 * PI * side)).collect();
            mesh.bar(&points, 0.035, Skin::Paint);
        }
        let header: Vec<Vec3> =
            (0..=8).map(|i| self.cabin_point(1.0, 1.0, (-0.25 + i as f32 / 16.0) * PI)).collect();
        mesh.bar(&header, 0.035, Skin::Paint);
        self.add_seats(mesh);
        if let Some((rear, _)) = self.hole {
            let half = self.width / 2.0 * 0.74;
            mesh.lump(vec3(rear - 0.10, 0.0, self.belt + 0.02), vec3(0.26, half, 0.10), 4.0, Skin::Cloth);
        }
    }

    fn add_seats(&self, mesh: &mut Mesh) {
        let front = self.cowl - 1.10;
        for side in [-1.0, 1.0] {
            let y = side * self.width * 0.21;
            for (x, rise) in [(front, 0.16), (front - 0.66, 0.08)] {
                mesh.lump(vec3(x + 0.24, y, self.floor() + 0.12), vec3(0.30, 0.25, 0.14), 4.0, Skin::Leather);
                mesh.lump(
                    vec3(x, y, self.belt - 0.10 + rise * 0.5),
                    vec3(0.11, 0.25, 0.28),
                    4.0,
                    Skin::Leather,
                );
                mesh.lump(
                    vec3(x - 0.05, y, self.belt + 0.18 + rise),
                    vec3(0.07, 0.14, 0.09),
                    3.0,
                    Skin::Leather,
                );
            }
        }
        let wheel: Vec<Vec3> = (0..=10)
            .map(|i| {
                let (sin, cos) = (i as f32 / 5.0 * PI).sin_cos();
                vec3(
                    self.cowl - 0.55 - 0.08 * sin,
                    self.width * 0.21 + 0.19 * cos,
                    self.belt + 0.02 + 0.17 * sin,
                )
            })
            .collect();
        mesh.bar(&wheel, 0.018, Skin::Plastic);
        let dash = vec3(self.cowl - 0.22, 0.0, self.belt - 0.06);
        mesh.lump(dash, vec3(0.20, self.width * 0.40, 0.10), 5.0, Skin::Plastic);
    }

    /// Adds everything above the belt.
    pub(crate) fn add_cabin(&self, mesh: &mut Mesh) {
        if self.has_roof() {
            self.add_roofed_cabin(mesh);
        } else {
            self.add_open_cockpit(mesh);
        }
        self.add_mirrors(mesh);
        self.add_antenna(mesh);
        match self.body {
            Body::Suv | Body::Wagon => self.add_roof_rails(mesh),
            Body::Pickup => self.add_bed_rails(mesh),
            _ => {}
        }
    }

    fn add_mirrors(&self, mesh: &mut Mesh) {
        let skin = if self.early { Skin::Plastic } else { Skin::Paint };
        for side in [-1.0, 1.0] {
            let centre = vec3(self.cowl - 0.42, side * (self.width / 2.0 + 0.07), self.belt + 0.09);
            mesh.lump(centre, vec3(0.07, 0.11, 0.075), 3.5, skin);
        }
    }

    /// A mast on the wing of early cars, a shark fin on the roof of later ones.
    fn add_antenna(&self, mesh: &mut Mesh) {
        if self.early {
            let foot = vec3(self.cowl + 0.12, self.width / 2.0 * 0.80, self.belt - 0.02);
            let tip = foot + vec3(-0.28, 0.0, 0.62);
            mesh.bar(&[foot, tip], 0.016, Skin::Plastic);
        } else if self.has_roof() {
            let x = self.roof_end + 0.16;
            mesh.grid((2, 4), Skin::Paint, vec3(x, -0.5, self.height), |i, j| self.fin(x, i, j, 1.0));
            mesh.grid((2, 4), Skin::Paint, vec3(x, 0.5, self.height), |i, j| self.fin(x, i, j, -1.0));
        }
    }

    fn fin(&self, x: f32, row: usize, column: usize, side: f32) -> Vec3 {
        let along = column as f32 / 3.0;
        let rise = curve(&[(0.0, 0.13), (0.33, 0.12), (1.0, 0.0)], along);
        let foot = self.height + 0.02;
        vec3(
            x + along * 0.30,
            side * if row == 0 { 0.045 } else { 0.0 },
            foot + if row == 0 { 0.0 } else { rise },
        )
    }

    fn add_roof_rails(&self, mesh: &mut Mesh) {
        let skin = if self.early { Skin::Plastic } else { Skin::Chrome };
        let rise = if self.body == Body::Suv { 0.09 } else { 0.05 };
        for side in [-1.0, 1.0] {
            let y = side * (self.cabin_half(1.0) - 0.07);
            let (from, to) = (self.screen_top - 0.12, self.roof_end + 0.05);
            let z = self.height;
            let points = [
                vec3(from, y, z),
                vec3(from - 0.12, y, z + rise),
                vec3(to + 0.12, y, z + rise),
                vec3(to, y, z),
            ];
            mesh.bar(&points, 0.028, skin);
        }
    }

    fn add_bed_rails(&self, mesh: &mut Mesh) {
        if let Some((from, to)) = self.hole {
            for side in [-1.0, 1.0] {
                let y = side * self.width / 2.0 * 0.90;
                mesh.bar(
                    &[vec3(from, y, self.belt + 0.005), vec3(to, y, self.belt + 0.005)],
                    0.03,
                    Skin::Plastic,
                );
            }
        }
    }
}
