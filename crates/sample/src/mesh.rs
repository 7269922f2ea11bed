//! Triangles with normals and skin coordinates, built from grids of points.

use crate::geometry::{Vec3, vec3};

/// Which picture colours a surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Skin {
    /// Seen from the left or right; coordinates (x, z).
    Side = 0,
    /// Seen from the front; coordinates (y, z).
    Front = 1,
    /// Seen from behind; coordinates (y, z).
    Rear = 2,
    /// Seen from above; coordinates (x, y).
    Top = 3,
    /// A wheel seen along its axle; coordinates in tyre radii.
    Wheel = 4,
    /// Plain body paint.
    Paint = 5,
    /// Black unlit depth: wheel wells, underside.
    Hollow = 6,
    /// Dark plastic and rubber.
    Plastic = 7,
    /// Polished metal.
    Chrome = 8,
    /// Seat covers.
    Leather = 9,
    /// Window glass drawn on half of the samples, so that one sees through it.
    Clear = 10,
    /// Folded cloth top.
    Cloth = 11,
}

/// How many skins there are.
pub(crate) const SKINS: usize = 12;

impl Skin {
    fn coordinates(self, p: Vec3) -> [f32; 2] {
        match self {
            Skin::Side => [p.x, p.z],
            Skin::Front | Skin::Rear => [p.y, p.z],
            Skin::Top => [p.x, p.y],
            _ => [0.0, 0.0],
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Vertex {
    pub(crate) position: Vec3,
    pub(crate) normal: Vec3,
    pub(crate) uv: [f32; 2],
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Triangle {
    pub(crate) corners: [u32; 3],
    pub(crate) skin: Skin,
}

/// A set of triangles whose corners run counter-clockwise seen from outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mesh {
    pub(crate) vertices: Vec<Vertex>,
    pub(crate) triangles: Vec<Triangle>,
}

impl Mesh {
    /// Adds the surface through `rows` x `columns` points. The side facing away from `inside` is the outside.
    pub(crate) fn grid(
        &mut self,
        (rows, columns): (usize, usize),
        skin: Skin,
        inside: Vec3,
        point: impl Fn(usize, usize) -> Vec3,
    ) {
        let points: Vec<Vec3> = (0..rows * columns).map(|at| point(at / columns, at % columns)).collect();
        let at = |row: usize, column: usize| points[row * columns + column];
        let mut normals: Vec<Vec3> = (0..rows * columns)
            .map(|index| {
                let (row, column) = (index / columns, index % columns);
                let along = at(row, (column + 1).min(columns - 1)) - at(row, column.saturating_sub(1));
                let across = at((row + 1).min(rows - 1), column) - at(row.saturating_sub(1), column);
                along.cross(across).unit()
            })
            .collect();
        for index in 0..normals.len() {
            // A row that shrinks to a point has no direction of its own: it takes its neighbour row's.
            if normals[index] == Vec3::default() {
                let neighbour = if index >= columns { index - columns } else { index + columns };
                normals[index] = normals.get(neighbour).copied().unwrap_or_default();
            }
        }
        let agreement: f32 = points.iter().zip(&normals).map(|(&p, &n)| (p - inside).dot(n)).sum();
        let flipped = agreement < 0.0;
        if flipped {
            normals.iter_mut().for_each(|normal| *normal = *normal * -1.0);
        }
        let first = self.vertices.len() as u32;
        self.vertices.extend(points.iter().zip(&normals).map(|(&position, &normal)| Vertex {
            position,
            normal,
            uv: skin.coordinates(position),
        }));
        for row in 0..rows - 1 {
            for column in 0..columns - 1 {
                let a = first + (row * columns + column) as u32;
                let (b, c, d) = (a + 1, a + columns as u32 + 1, a + columns as u32);
                self.push([a, b, c], skin, flipped);
                self.push([a, c, d], skin, flipped);
            }
        }
    }

    fn push(&mut self, [a, b, c]: [u32; 3], skin: Skin, flipped: bool) {
        let corners = if flipped { [a, c, b] } else { [a, b, c] };
        self.triangles.push(Triangle { corners, skin });
    }

    /// A box with slightly rounded shading, given two opposite corners.
    pub(crate) fn block(&mut self, low: Vec3, high: Vec3, skin: Skin) {
        let middle = (low + high) * 0.5;
        let corner = |i: usize, j: usize, axis: usize, end: bool| {
            let pick = |bit: bool, a: f32, b: f32| if bit { b } else { a };
            match axis {
                0 => vec3(pick(end, low.x, high.x), pick(i > 0, low.y, high.y), pick(j > 0, low.z, high.z)),
                1 => vec3(pick(i > 0, low.x, high.x), pick(end, low.y, high.y), pick(j > 0, low.z, high.z)),
                _ => vec3(pick(i > 0, low.x, high.x), pick(j > 0, low.y, high.y), pick(end, low.z, high.z)),
            }
        };
        for axis in 0..3 {
            for end in [false, true] {
                self.grid((2, 2), skin, middle, |i, j| corner(i, j, axis, end));
            }
        }
    }

    /// An ellipsoid-like lump: a superellipsoid with these half axes; `power` 2 is an ellipsoid, larger is boxier.
    pub(crate) fn lump(&mut self, centre: Vec3, half: Vec3, power: f32, skin: Skin) {
        let signed = |value: f32| value.signum() * value.abs().powf(2.0 / power);
        self.grid((7, 13), skin, centre, |i, j| {
            let up = (i as f32 / 6.0 - 0.5) * std::f32::consts::PI;
            let round = j as f32 / 12.0 * std::f32::consts::TAU;
            let ring = signed(up.cos().max(0.0));
            centre
                + vec3(
                    half.x * ring * signed(round.cos()),
                    half.y * ring * signed(round.sin()),
                    half.z * signed(up.sin()),
                )
        });
    }

    /// A round bar through the given points.
    pub(crate) fn bar(&mut self, points: &[Vec3], radius: f32, skin: Skin) {
        for pair in points.windows(2) {
            let axis = (pair[1] - pair[0]).unit();
            let helper = if axis.z.abs() > 0.8 { vec3(1.0, 0.0, 0.0) } else { vec3(0.0, 0.0, 1.0) };
            let (u, v) = (axis.cross(helper).unit(), axis.cross(axis.cross(helper)).unit());
            let middle = (pair[0] + pair[1]) * 0.5;
            self.grid((2, 7), skin, middle, |i, j| {
                let (sin, cos) = (j as f32 / 6.0 * std::f32::consts::TAU).sin_cos();
                pair[i] + u * (radius * cos) + v * (radius * sin)
            });
        }
    }

    /// A wheel at the origin, axle along y, outer face towards +y: unit tyre radius, half width `half`.
    pub(crate) fn wheel(&mut self, half: f32, rim: f32) {
        const STEPS: usize = 24;
        let first = self.vertices.len();
        // Cross-section of the tyre from the tread's inner edge over the shoulder to the rim's dish.
        let profile = [
            (-half * 0.9, 0.0),
            (-half, 0.93),
            (-half * 0.8, 1.0),
            (half * 0.7, 1.0),
            (half * 0.95, 0.96),
            (half, rim + 0.04),
            (half * 0.96, rim),
            (half * 0.72, rim * 0.93),
            (half * 0.70, rim * 0.3),
            (half * 0.80, rim * 0.2),
            (half * 0.84, 0.0),
        ];
        self.grid((profile.len(), STEPS + 1), Skin::Wheel, vec3(0.0, -0.2 * half, 0.0), |i, j| {
            let (sin, cos) = (j as f32 / STEPS as f32 * std::f32::consts::TAU).sin_cos();
            vec3(profile[i].1 * cos, profile[i].0, profile[i].1 * sin)
        });
        for vertex in &mut self.vertices[first..] {
            vertex.uv = [vertex.position.x, vertex.position.z];
        }
    }
}
