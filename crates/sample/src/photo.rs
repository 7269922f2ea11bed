//! One photo from beginning to end.

use std::f32::consts::TAU;

use crate::camera::Camera;
use crate::chance::Chance;
use crate::develop::{Exposure, develop, encode, soften};
use crate::geometry::{Vec3, smoothstep, vec3};
use crate::light::{Coat, Light, Rgb, linear, mix, plus, scaled, shade};
use crate::mesh::Skin;
use crate::model::{Model, WheelPlace};
use crate::panel::{SkinImage, Texel};
use crate::raster::{Raster, Seen};
use crate::scene::{Place, Scene};
use crate::{Error, backdrop, occlusion};

/// A rectangle of pixels, all bounds inclusive and counted from 1 as in the published annotations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rectangle {
    /// First column.
    pub x1: u32,
    /// First row.
    pub y1: u32,
    /// Last column.
    pub x2: u32,
    /// Last row.
    pub y2: u32,
}

/// One drawn photo.
#[derive(Clone, Debug)]
pub struct Photo {
    /// The JPEG file.
    pub jpeg: Vec<u8>,
    /// The annotated box: the car with a margin of a few pixels, within the photo.
    pub annotated: Rectangle,
    /// The tightest box around the visible car.
    pub car: Rectangle,
}

/// What differs from photo to photo of one class.
struct Appearance {
    coat: Coat,
    leather: SkinImage,
    cloth: SkinImage,
    steer: f32,
    spin: [f32; 4],
}

impl Appearance {
    fn of(chance: &mut Chance) -> Appearance {
        let paints = [
            (21.0, [236, 236, 234], 0.0),
            (19.0, [18, 18, 20], 0.4),
            (17.0, [176, 180, 184], 0.8),
            (14.0, [92, 96, 100], 0.8),
            (9.0, [156, 18, 22], 0.3),
            (9.0, [24, 52, 122], 0.6),
            (2.5, [30, 76, 48], 0.5),
            (2.5, [112, 84, 58], 0.6),
            (2.0, [206, 192, 160], 0.5),
            (1.5, [232, 184, 24], 0.0),
            (1.5, [214, 92, 20], 0.2),
            (1.5, [104, 158, 200], 0.5),
        ];
        let (rgb, flakes) =
            chance.weighted(&paints.map(|(w, rgb, flakes)| (w, (rgb, flakes)))).unwrap_or(([120; 3], 0.0));
        let shift = 1.0 + chance.around(0.16);
        let rgb = rgb.map(|part: u8| (f32::from(part) * shift + chance.around(7.0)).clamp(4.0, 244.0) as u8);
        let seats = [[38, 36, 38], [168, 128, 88], [120, 28, 28], [196, 184, 160], [88, 66, 52]];
        Appearance {
            coat: Coat { colour: linear(rgb), flakes },
            leather: SkinImage::plain(seats[chance.below(5) as usize], 0.02),
            cloth: SkinImage::plain(
                [[30, 30, 32], [92, 76, 58], [48, 52, 70]][chance.below(3) as usize],
                0.0,
            ),
            steer: if chance.is(0.5) { chance.around(0.42) } else { 0.0 },
            spin: std::array::from_fn(|_| chance.between(0.0, TAU)),
        }
    }

    fn skin<'a>(&'a self, model: &'a Model, skin: Skin) -> &'a SkinImage {
        match skin {
            Skin::Leather => &self.leather,
            Skin::Cloth => &self.cloth,
            _ => &model.skins[skin as usize],
        }
    }
}

/// Draws a photo of `width` x `height` pixels of a model. `raster` is of that size; what it holds is forgotten.
pub(crate) fn take(
    model: &Model,
    (width, height): (u32, u32),
    chance: &mut Chance,
    raster: &mut Raster,
) -> Result<Photo, Error> {
    let appearance = Appearance::of(chance);
    let scene = Scene::of(chance);
    let light = Light::of(scene.place == Place::Showroom, scene.ground, chance);
    let camera = Camera::place(model, (width as f32, height as f32), chance);
    trace(raster, model, &appearance, &camera);
    let Some((left, top, right, bottom)) = raster.extent() else {
        return Err(Error::OutOfSight { width, height });
    };
    let car =
        Rectangle { x1: left as u32 + 1, y1: top as u32 + 1, x2: right as u32 + 1, y2: bottom as u32 + 1 };
    let mut exposure = background(model, &scene, &light, &camera, raster, (width, height), chance)?;
    paint_car(&mut exposure, car, raster, model, &appearance, &light, &camera);
    let extent = (left as f32, top as f32, right as f32, bottom as f32);
    if let Some(front) = occlusion::before(extent, (width, height), chance)? {
        lay(&mut exposure, &front, light_level(&light));
    }
    if chance.is(0.6) {
        soften(&mut exposure, chance.between(0.02, 0.20));
    }
    let bytes = develop(&exposure, chance);
    Ok(Photo { jpeg: encode(&bytes, width, height)?, annotated: annotate(car, width, height, chance), car })
}

fn annotate(car: Rectangle, width: u32, height: u32, chance: &mut Chance) -> Rectangle {
    let mut margin = || chance.below(4);
    Rectangle {
        x1: car.x1.saturating_sub(margin()).max(1),
        y1: car.y1.saturating_sub(margin()).max(1),
        x2: (car.x2 + margin()).min(width),
        y2: (car.y2 + margin()).min(height),
    }
}

fn trace(raster: &mut Raster, model: &Model, appearance: &Appearance, camera: &Camera) {
    raster.clear();
    raster.draw(&model.body, camera, |position, normal| (position, normal));
    for (place, spin) in model.wheels.iter().zip(appearance.spin) {
        let steer = if place.steers { appearance.steer } else { 0.0 };
        let turned = wheel_turner(place, spin, steer);
        raster.draw(&model.wheel, camera, |position, normal| {
            (place.centre + turned(position) * model.wheel_radius, turned(normal))
        });
    }
}

/// Spins a wheel about its axle, turns its outer face to its side of the car, and steers it.
fn wheel_turner(place: &WheelPlace, spin: f32, steer: f32) -> impl Fn(Vec3) -> Vec3 {
    let (sin, cos) = spin.sin_cos();
    let steer = steer.sin_cos();
    let side = place.side;
    move |p: Vec3| {
        let (x, z) = (p.x * cos - p.z * sin, p.x * sin + p.z * cos);
        // Half a turn about the vertical brings the outer face to the right.
        vec3(x * side, p.y * side, z).turned(steer)
    }
}

fn light_level(light: &Light) -> f32 {
    let up = light.ambient(vec3(0.0, 0.0, 1.0))[1] + light.sun_colour[1] * light.sun.z * 0.6;
    up.clamp(0.4, 1.1)
}

fn background(
    model: &Model,
    scene: &Scene,
    light: &Light,
    camera: &Camera,
    raster: &Raster,
    (width, height): (u32, u32),
    chance: &mut Chance,
) -> Result<Exposure, Error> {
    let backdrop = backdrop::paint(scene.place, camera, light, (width, height), chance)?;
    let size = vec3(model.length, model.width, 1.5);
    let hidden = |at: usize| backdrop.pixels()[at].alpha() == u8::MAX;
    let mut pixels = Vec::with_capacity(width as usize * height as usize);
    for y in 0..height {
        for x in 0..width {
            if raster.covers(x as usize, y as usize) || hidden(pixels.len()) {
                pixels.push(light.horizon);
                continue;
            }
            let ray = camera.ray(x as i32 as f32 + 0.5, y as i32 as f32 + 0.5);
            pixels.push(if ray.z < -1e-3 {
                let reach = -camera.eye.z / ray.z;
                let spot = camera.eye + ray * reach;
                let haze = smoothstep(20.0, 160.0, reach);
                mix(scene.ground_light(spot.x, spot.y, light, size), scaled(light.horizon, 0.6), haze * 0.6)
            } else {
                light.horizon
            });
        }
    }
    let mut exposure = Exposure { pixels, width: width as usize, height: height as usize };
    lay(&mut exposure, &backdrop, if scene.place == Place::Showroom { 0.75 } else { light_level(light) });
    Ok(exposure)
}

/// Lays a painted picture over linear light; `level` is the light in which its colours were meant.
fn lay(exposure: &mut Exposure, picture: &tiny_skia::Pixmap, level: f32) {
    for (under, over) in exposure.pixels.iter_mut().zip(picture.pixels()) {
        if over.alpha() > 0 {
            if over.alpha() == u8::MAX {
                *under = scaled(linear([over.red(), over.green(), over.blue()]), level);
                continue;
            }
            let colour = over.demultiply();
            let own = scaled(linear([colour.red(), colour.green(), colour.blue()]), level);
            *under = mix(*under, own, f32::from(over.alpha()) / 255.0);
        }
    }
}

fn paint_car(
    exposure: &mut Exposure,
    car: Rectangle,
    raster: &Raster,
    model: &Model,
    appearance: &Appearance,
    light: &Light,
    camera: &Camera,
) {
    let width = exposure.width;
    for y in car.y1 as usize - 1..car.y2 as usize {
        for x in car.x1 as usize - 1..car.x2 as usize {
            let mut seen = [None; 4];
            let mut covered = 0;
            for sample in raster.pixel(x, y) {
                seen[covered] = Some(sample);
                covered += 1;
            }
            let Some(first) = seen[0] else { continue };
            let view = camera.ray(x as i32 as f32 + 0.5, y as i32 as f32 + 0.5).unit();
            let artist = Artist { model, appearance, light, view };
            let pixel = &mut exposure.pixels[y * width + x];
            let uniform = covered == 4 && seen.iter().flatten().all(|other| other.skin() == first.skin());
            *pixel = if uniform {
                // Two samples on the diagonal tell nearly as much of a skin as all four.
                artist.together(&[seen[0], seen[3]])
            } else {
                let mut sum = scaled(*pixel, (4 - covered) as f32 * 0.25);
                for sample in &seen[..covered] {
                    sum = plus(sum, artist.together(std::slice::from_ref(sample)), 0.25);
                }
                sum
            };
        }
    }
}

struct Artist<'a> {
    model: &'a Model,
    appearance: &'a Appearance,
    light: &'a Light,
    view: Vec3,
}

impl Artist<'_> {
    /// The light from samples of one skin; the surface bends too little within a pixel to need several normals.
    fn together(&self, samples: &[Option<Seen>]) -> Rgb {
        let Some(first) = samples.first().copied().flatten() else { return [0.0; 3] };
        let skin = self.appearance.skin(self.model, first.skin());
        let mut texels = [Texel::default(); 2];
        for (texel, seen) in texels.iter_mut().zip(samples.iter().flatten()) {
            let [u, v] = seen.uv();
            *texel = skin.at(u, v);
        }
        let open = match first.skin() {
            Skin::Side | Skin::Front | Skin::Rear => 0.45 + 0.55 * smoothstep(0.05, 0.6, first.uv()[1]),
            Skin::Wheel => 0.8,
            _ => 1.0,
        };
        shade(&texels[..samples.len()], first.normal(), self.view, self.light, &self.appearance.coat, open)
    }
}
