//! The camera: where it stands, and where a point of the car lands in the photo.

use crate::chance::Chance;
use crate::geometry::{Vec3, vec3};
use crate::mesh::Mesh;
use crate::model::Model;

/// A pinhole camera. Photo coordinates are pixels, x right, y down, the origin at the upper left corner.
#[derive(Clone, Debug)]
pub(crate) struct Camera {
    pub(crate) eye: Vec3,
    pub(crate) forward: Vec3,
    pub(crate) right: Vec3,
    pub(crate) up: Vec3,
    /// Focal length in pixels.
    pub(crate) focal: f32,
    /// Where the optical axis meets the photo.
    pub(crate) centre: (f32, f32),
}

impl Camera {
    /// A camera around the car, so framed that the car fills a varying part of the photo, off-centre.
    pub(crate) fn place(model: &Model, (width, height): (f32, f32), chance: &mut Chance) -> Camera {
        let degrees = match chance.weighted(&[(0.72, 0), (0.20, 1), (0.08, 2)]) {
            Some(1) => chance.between(124.0, 162.0),
            Some(2) => chance.between(56.0, 66.0),
            _ => chance.between(20.0, 56.0),
        };
        let yaw = degrees.to_radians() * if chance.is(0.5) { 1.0 } else { -1.0 };
        let distance = model.length * chance.between(1.35, 2.4);
        let eye = vec3(distance * yaw.cos(), distance * yaw.sin(), chance.between(1.15, 2.35));
        let target = vec3(chance.around(0.3), chance.around(0.2), 0.65);
        let forward = (target - eye).unit();
        let level = forward.cross(vec3(0.0, 0.0, 1.0)).unit();
        let upright = level.cross(forward);
        let (sin, cos) = (chance.bell() * 0.016).sin_cos();
        let mut camera = Camera {
            eye,
            forward,
            right: level * cos + upright * sin,
            up: upright * cos - level * sin,
            focal: 1.0,
            centre: (0.0, 0.0),
        };
        let (low, high) = camera.extent(&model.body);
        let (wide, tall) = (high.0 - low.0, high.1 - low.1);
        let fill = chance.between(0.56, 0.95);
        camera.focal = (fill * width / wide).min(chance.between(0.80, 0.94) * height / tall);
        let (wide, tall) = (wide * camera.focal, tall * camera.focal);
        // A few photos cut the car slightly at the border.
        let slack = if chance.is(0.12) { 0.04 * width } else { -2.0 };
        let room = |size: f32, car: f32| ((size - car) / 2.0 + slack).max(0.0);
        let x = width / 2.0 + chance.around(1.0) * room(width, wide);
        let y = height / 2.0 + chance.between(-0.5, 1.0) * room(height, tall).min(height * 0.2);
        camera.centre =
            (x - camera.focal * (low.0 + high.0) / 2.0, y - camera.focal * (low.1 + high.1) / 2.0);
        camera
    }

    fn extent(&self, mesh: &Mesh) -> ((f32, f32), (f32, f32)) {
        let start = ((f32::MAX, f32::MAX), (f32::MIN, f32::MIN));
        mesh.vertices.iter().step_by(3).fold(start, |(low, high), vertex| {
            let (x, y, _) = self.project(vertex.position);
            ((low.0.min(x), low.1.min(y)), (high.0.max(x), high.1.max(y)))
        })
    }

    /// Photo coordinates and inverse depth of a point before the camera.
    #[inline]
    pub(crate) fn project(&self, point: Vec3) -> (f32, f32, f32) {
        let from_eye = point - self.eye;
        let inverse = 1.0 / from_eye.dot(self.forward).max(0.05);
        let x = self.centre.0 + self.focal * from_eye.dot(self.right) * inverse;
        let y = self.centre.1 - self.focal * from_eye.dot(self.up) * inverse;
        (x, y, inverse)
    }

    /// Direction, not of unit length, from the eye through a point of the photo.
    #[inline]
    pub(crate) fn ray(&self, x: f32, y: f32) -> Vec3 {
        let (u, v) = ((x - self.centre.0) / self.focal, (self.centre.1 - y) / self.focal);
        self.forward + self.right * u + self.up * v
    }

    /// Height in the photo of the horizon straight ahead.
    pub(crate) fn horizon(&self) -> f32 {
        let flat = vec3(self.forward.x, self.forward.y, 0.0).unit();
        self.project(self.eye + flat * 1000.0).1
    }

    /// How far the camera leans, in degrees, clockwise.
    pub(crate) fn lean(&self) -> f32 {
        -self.right.z.asin().to_degrees()
    }
}
