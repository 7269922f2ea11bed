//! Which surface of the car is seen at which of the four samples of each pixel.
//!
//! A depth buffer keeps only the nearest face of each sample; where on the face the sample lies is worked out when the
//! sample is coloured, so that hidden faces cost little.

use crate::camera::Camera;
use crate::geometry::{Vec3, floor, vec3};
use crate::mesh::{Mesh, Skin};

/// Samples along each side of a pixel.
const GRID: usize = 2;

/// A value that changes linearly over the photo: its value at the face's origin and its change per sample.
#[derive(Clone, Copy, Debug, Default)]
struct Plane {
    at: f32,
    x: f32,
    y: f32,
}

impl Plane {
    #[inline]
    fn value(&self, x: f32, y: f32) -> f32 {
        self.at + self.x * x + self.y * y
    }
}

/// A triangle as it lies in the photo.
#[derive(Clone, Copy, Debug)]
struct Face {
    origin: (f32, f32),
    uv: [Plane; 2],
    normal: [Plane; 3],
    skin: Skin,
}

/// `depth` is the inverse distance, 0 where no car is seen; `face` counts from 0 in the order of drawing.
#[derive(Clone, Copy, Debug)]
struct Sample {
    depth: f32,
    face: u32,
}

const NOTHING: Sample = Sample { depth: 0.0, face: 0 };

/// A point of the car seen at one sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    face: &'a Face,
    x: f32,
    y: f32,
}

impl Seen<'_> {
    /// The skin that lies here.
    pub(crate) fn skin(&self) -> Skin {
        self.face.skin
    }

    /// The point's place on its skin.
    #[inline]
    pub(crate) fn uv(&self) -> [f32; 2] {
        [self.face.uv[0].value(self.x, self.y), self.face.uv[1].value(self.x, self.y)]
    }

    /// The surface's normal, of unit length.
    #[inline]
    pub(crate) fn normal(&self) -> Vec3 {
        let [x, y, z] = &self.face.normal;
        vec3(x.value(self.x, self.y), y.value(self.x, self.y), z.value(self.x, self.y)).unit()
    }
}

#[derive(Clone, Copy)]
struct Corner {
    x: f32,
    y: f32,
    depth: f32,
    normal: Vec3,
    uv: [f32; 2],
}

/// The depth buffer of one photo, with the faces that are seen in it.
pub(crate) struct Raster {
    samples: Vec<Sample>,
    width: usize,
    height: usize,
    corners: Vec<Corner>,
    faces: Vec<Face>,
}

impl Raster {
    /// An empty buffer for photos of this many pixels.
    pub(crate) fn new(width: usize, height: usize) -> Raster {
        let (width, height) = (width * GRID, height * GRID);
        let samples = vec![NOTHING; width * height];
        Raster { samples, width, height, corners: Vec::new(), faces: Vec::new() }
    }

    /// Forgets the last photo.
    pub(crate) fn clear(&mut self) {
        self.samples.fill(NOTHING);
        self.faces.clear();
    }

    fn square(&self, x: usize, y: usize) -> [Sample; GRID * GRID] {
        let first = y * GRID * self.width + x * GRID;
        let (upper, lower) = (&self.samples[first..first + 2], &self.samples[first + self.width..][..2]);
        [upper[0], upper[1], lower[0], lower[1]]
    }

    /// Whether nothing but the car shows in pixel (x, y).
    #[inline]
    pub(crate) fn covers(&self, x: usize, y: usize) -> bool {
        self.square(x, y).iter().all(|sample| sample.depth > 0.0)
    }

    /// What is seen of the car in pixel (x, y): up to four samples.
    #[inline]
    pub(crate) fn pixel(&self, x: usize, y: usize) -> impl Iterator<Item = Seen<'_>> {
        let seen = self.square(x, y).into_iter().enumerate().filter(|(_, sample)| sample.depth > 0.0);
        seen.map(move |(at, sample)| {
            let face = &self.faces[sample.face as usize];
            let column = (x * GRID + at % GRID) as i32 as f32 + 0.5;
            let row = (y * GRID + at / GRID) as i32 as f32 + 0.5;
            Seen { face, x: column - face.origin.0, y: row - face.origin.1 }
        })
    }

    /// Draws a mesh moved into car space by `place`, which takes a position and a normal.
    pub(crate) fn draw(&mut self, mesh: &Mesh, camera: &Camera, place: impl Fn(Vec3, Vec3) -> (Vec3, Vec3)) {
        self.corners.clear();
        self.corners.extend(mesh.vertices.iter().map(|vertex| {
            let (position, normal) = place(vertex.position, vertex.normal);
            let (x, y, depth) = camera.project(position);
            Corner { x: x * GRID as f32, y: y * GRID as f32, depth, normal, uv: vertex.uv }
        }));
        for triangle in &mesh.triangles {
            let [a, b, c] = triangle.corners.map(|corner| self.corners[corner as usize]);
            self.triangle(&a, &b, &c, triangle.skin);
        }
    }

    fn triangle(&mut self, a: &Corner, b: &Corner, c: &Corner, skin: Skin) {
        let area = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
        // Counter-clockwise corners in car space turn clockwise in a photo whose y runs down: their area is negative.
        if area > -1e-6 {
            return;
        }
        let (left, right) = span(a.x, b.x, c.x, self.width);
        let (top, bottom) = span(a.y, b.y, c.y, self.height);
        if left >= right || top >= bottom {
            return;
        }
        let inverse = 1.0 / area;
        // Barycentric weights of b and c.
        let (bx, by) = ((c.y - a.y) * inverse, -(c.x - a.x) * inverse);
        let (cx, cy) = (-(b.y - a.y) * inverse, (b.x - a.x) * inverse);
        let plane = |at: f32, to_b: f32, to_c: f32| {
            let (b, c) = (to_b - at, to_c - at);
            Plane { at, x: b * bx + c * cx, y: b * by + c * cy }
        };
        let face = self.faces.len() as u32;
        self.faces.push(Face {
            origin: (a.x, a.y),
            uv: [plane(a.uv[0], b.uv[0], c.uv[0]), plane(a.uv[1], b.uv[1], c.uv[1])],
            normal: [
                plane(a.normal.x, b.normal.x, c.normal.x),
                plane(a.normal.y, b.normal.y, c.normal.y),
                plane(a.normal.z, b.normal.z, c.normal.z),
            ],
            skin,
        });
        let depths = plane(a.depth, b.depth, c.depth);
        for row in top..bottom {
            let (dx, dy) = (left as i32 as f32 + 0.5 - a.x, row as i32 as f32 + 0.5 - a.y);
            let (mut wb, mut wc) = (dx * bx + dy * by, dx * cx + dy * cy);
            let mut depth = depths.value(dx, dy);
            let samples = &mut self.samples[row * self.width..][left..right];
            for (column, sample) in samples.iter_mut().enumerate() {
                // A hair of tolerance closes the seams between neighbours.
                let inside = (wb > -1e-4) & (wc > -1e-4) & (wb + wc < 1.0001) & (depth > sample.depth);
                if inside && (skin != Skin::Clear || (row + left + column) % 2 == 0) {
                    *sample = Sample { depth, face };
                }
                wb += bx;
                wc += cx;
                depth += depths.x;
            }
        }
    }

    /// The smallest pixel rectangle that holds every sample of the car, as (left, top, right, bottom), all inclusive.
    pub(crate) fn extent(&self) -> Option<(usize, usize, usize, usize)> {
        let mut extent: Option<(usize, usize, usize, usize)> = None;
        for (y, row) in self.samples.chunks(self.width).enumerate() {
            let first = row.iter().position(|sample| sample.depth > 0.0);
            let last = row.iter().rposition(|sample| sample.depth > 0.0);
            if let (Some(first), Some(last)) = (first, last) {
                let (left, right, y) = (first / GRID, last / GRID, y / GRID);
                extent = Some(
                    extent.map_or((left, y, right, y), |old| (old.0.min(left), old.1, old.2.max(right), y)),
                );
            }
        }
        extent
    }
}

/// The samples whose centres lie between the least and the greatest of three coordinates, within `0..end`.
#[inline]
fn span(p: f32, q: f32, r: f32, end: usize) -> (usize, usize) {
    // Plain comparisons: unlike f32::min they need no care for NaN, and cost one instruction.
    let (low, high) = if p < q { (p, q) } else { (q, p) };
    let low = if r < low { r } else { low };
    let high = if r > high { r } else { high };
    let first = (floor(low + 0.5) as i32).max(0) as usize;
    let after = (floor(high + 0.5) as i32).max(0) as usize;
    (first, after.min(end))
}
