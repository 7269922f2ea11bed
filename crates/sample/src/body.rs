//! The body below the windows: a loft of cross-sections along x, closed by a face in front and one behind.

use std::f32::consts::PI;

use crate::geometry::{Vec3, curve, lerp, smoothstep, vec3};
use crate::mesh::{Mesh, Skin};
use crate::shape::Shape;

/// Height of the crown of bonnet and deck above the shoulder line.
const CROWN: f32 = 0.045;

/// Where the top surface starts inward of the shoulder, as a share of the half width.
pub(crate) const SHOULDER: f32 = 0.94;

impl Shape {
    /// Half width at x, the most outward point of the section.
    pub(crate) fn half_width(&self, x: f32) -> f32 {
        let taper = if self.early { (0.05, 0.035) } else { (0.10, 0.07) };
        let front = smoothstep(self.front_axle - 0.2, self.length / 2.0, x) * taper.0;
        let rear = smoothstep(-self.rear_axle - 0.2, self.length / 2.0, -x) * taper.1;
        self.width / 2.0 * (1.0 - front - rear)
    }

    /// Height of the shoulder at x: deck, belt, bonnet.
    pub(crate) fn shoulder(&self, x: f32) -> f32 {
        let half = self.length / 2.0;
        let along = |s: f32| lerp(self.belt, self.nose, s.powf(if self.early { 1.15 } else { 1.5 }));
        let height = if x > self.cowl {
            along(((x - self.cowl) / (half - self.cowl)).clamp(0.0, 1.0))
        } else if x < self.tail {
            lerp(self.belt, self.deck, ((self.tail - x) / (self.tail + half).max(0.01)).clamp(0.0, 1.0))
        } else {
            self.belt
        };
        height - CROWN
    }

    /// Height of the lower edge of the body side at x, without the wheel arches.
    pub(crate) fn sill(&self, x: f32) -> f32 {
        let half = self.length / 2.0;
        self.clearance + 0.05 * smoothstep(half - 0.5, half, x.abs())
    }

    /// Radius of the wheel arches.
    pub(crate) fn arch_radius(&self) -> f32 {
        self.wheel * if self.is_tall() { 1.20 } else { 1.14 }
    }

    fn lower_edge(&self, x: f32) -> f32 {
        let radius = self.arch_radius();
        [self.front_axle, self.rear_axle].iter().fold(self.sill(x), |edge, axle| {
            let reach = radius * radius - (x - axle) * (x - axle);
            if reach > 0.0 { edge.max(self.wheel + reach.sqrt()) } else { edge }
        })
    }

    /// Share of the half width at a relative height from sill (0) to shoulder (1).
    fn flank(&self, height: f32) -> f32 {
        if self.early {
            curve(
                &[(0.0, 0.94), (0.10, 0.98), (0.3, 1.0), (0.8, 1.0), (0.94, 0.985), (1.0, SHOULDER)],
                height,
            )
        } else {
            curve(
                &[
                    (0.0, 0.90),
                    (0.08, 0.955),
                    (0.22, 0.985),
                    (0.5, 0.965),
                    (0.68, 1.0),
                    (0.74, 1.0),
                    (0.9, 0.965),
                    (1.0, SHOULDER),
                ],
                height,
            )
        }
    }

    /// How far the point at relative breadth `u` lies before the straight end of the body.
    fn bulge(&self, x: f32, u: f32) -> f32 {
        let round = 1.0 - u.abs().min(1.0).powf(if self.early { 4.0 } else { 2.6 });
        let front = smoothstep(self.front() - 0.7, self.front(), x) * self.front_bulge;
        let rear = smoothstep(-self.rear() - 0.6, -self.rear(), -x) * self.rear_bulge;
        (front - rear) * round
    }

    fn stations(&self) -> Vec<f32> {
        let (front, rear) = (self.front(), self.rear());
        let mut stations: Vec<f32> = (0..=40).map(|i| lerp(rear, front, i as f32 / 40.0)).collect();
        let radius = self.arch_radius();
        for axle in [self.front_axle, self.rear_axle] {
            stations.retain(|x| (x - axle).abs() > radius + 0.01);
            stations.extend((0..=12).map(|i| axle - radius * (i as f32 / 12.0 * PI).cos() * 0.9995));
            stations.extend([axle - radius - 0.004, axle + radius + 0.004]);
        }
        for edge in self.hole.iter().flat_map(|&(a, b)| [a - 0.004, a + 0.004, b - 0.004, b + 0.004]) {
            stations.push(edge);
        }
        stations.sort_by(f32::total_cmp);
        stations
    }

    fn top_point(&self, x: f32, inward: f32) -> Vec3 {
        let half = self.half_width(x) * SHOULDER;
        let u = 1.0 - inward;
        let mut z = self.shoulder(x) + CROWN * (1.0 - u.abs().powf(2.4));
        if let Some((from, to)) = self.hole
            && x > from
            && x < to
            && inward >= 0.115
        {
            z = self.floor();
        }
        vec3(x + self.bulge(x, u * SHOULDER), half * u, z)
    }

    /// Height of the floor of the cockpit or bed.
    pub(crate) fn floor(&self) -> f32 {
        self.belt - 0.46
    }

    /// A point of the face at relative breadth u from -1 to 1 and relative height v from 0 to 1.
    fn end_point(&self, end: f32, u: f32, v: f32) -> Vec3 {
        let x = if end > 0.0 { self.front() } else { self.rear() };
        let (low, high) = (self.lower_edge(x), self.shoulder(x) + CROWN * (1.0 - u.abs().powf(2.4)));
        let side = self.half_width(x) * self.flank(v);
        let bumper = if self.early {
            0.10 * smoothstep(0.10, 0.16, v) * (1.0 - smoothstep(0.40, 0.44, v))
        } else {
            0.07 * (PI * (v * 1.25).min(1.0)).sin()
        };
        let tuck = -0.05 * (1.0 - smoothstep(0.0, 0.12, v)) * (1.0 - u * u);
        let lean = if end > 0.0 && !self.early { -0.05 * v * v } else { 0.0 };
        let out = (bumper + tuck) * (1.0 - u.abs().powi(6)) + (lean - lean * smoothstep(0.9, 1.0, v));
        vec3(x + self.bulge(x, u) + end * out, u * side, lerp(low, high, v))
    }

    /// Adds the body shell.
    pub(crate) fn add_body(&self, mesh: &mut Mesh) {
        let stations = self.stations();
        let inside = vec3(0.0, 0.0, self.clearance + 0.3);
        for side in [-1.0, 1.0] {
            mesh.grid((stations.len(), 12), Skin::Side, inside, |i, j| {
                let x = stations[i];
                let (low, high, sill) = (self.lower_edge(x), self.shoulder(x), self.sill(x));
                let z = lerp(low, high, j as f32 / 11.0);
                let share = self.flank(((z - sill) / (high - sill)).clamp(0.0, 1.0));
                vec3(x + self.bulge(x, share.min(1.0)), side * self.half_width(x) * share, z)
            });
            const INWARD: [f32; 9] = [0.0, 0.03, 0.08, 0.11, 0.12, 0.3, 0.5, 0.75, 1.0];
            mesh.grid((stations.len(), INWARD.len()), Skin::Top, vec3(0.0, 0.0, -5.0), |i, j| {
                let p = self.top_point(stations[i], INWARD[j]);
                vec3(p.x, side * p.y, p.z)
            });
        }
        for (end, skin) in [(1.0, Skin::Front), (-1.0, Skin::Rear)] {
            mesh.grid((13, 19), skin, inside, |i, j| {
                self.end_point(end, j as f32 / 9.0 - 1.0, i as f32 / 12.0)
            });
        }
        self.add_wells(mesh);
    }

    /// Dark boxes behind the wheels and under the floor, so that one does not see through the body.
    fn add_wells(&self, mesh: &mut Mesh) {
        let (half, low) = (self.width * 0.36, self.clearance + 0.04);
        let (front, rear) = (self.front() - 0.1, self.rear() + 0.1);
        mesh.block(vec3(rear, -half, low), vec3(front, half, self.belt - 0.52), Skin::Hollow);
        for axle in [self.front_axle, self.rear_axle] {
            let reach = self.arch_radius() + 0.06;
            let below = |x: f32| self.shoulder(x) - 0.05;
            let top = (self.wheel + reach).min(below(axle - reach)).min(below(axle + reach));
            let top = top.min(if self.hole.is_some() { self.floor() } else { top });
            mesh.block(vec3(axle - reach, -half, low), vec3(axle + reach, half, top), Skin::Hollow);
        }
    }
}
