//! What stands behind the car: sky, hills, trees, houses, parked cars, or the wall of a hall.

use tiny_skia::{
    Color, FillRule, GradientStop, LinearGradient, Paint, PathBuilder, Pixmap, Point, Rect, Shader,
    SpreadMode, Transform,
};

use crate::Error;
use crate::camera::Camera;
use crate::chance::Chance;
use crate::light::{Light, Rgb};
use crate::scene::Place;

/// Everything behind the car that stands above the ground, transparent elsewhere.
pub(crate) fn paint(
    place: Place,
    camera: &Camera,
    light: &Light,
    (width, height): (u32, u32),
    chance: &mut Chance,
) -> Result<Pixmap, Error> {
    let pixmap = Pixmap::new(width, height).ok_or(Error::Canvas { width, height })?;
    let horizon = camera.horizon();
    let turn = Transform::from_rotate_at(camera.lean(), camera.centre.0, horizon);
    let mut sketch =
        Sketch { pixmap, turn, horizon, width: width as f32, focal: camera.focal, eye: camera.eye.z };
    if place == Place::Showroom {
        sketch.hall(chance);
        return Ok(sketch.pixmap);
    }
    sketch.sky(light, chance);
    match place {
        Place::Road | Place::Field => {
            sketch.hills(chance);
            sketch.trees(chance, 0.75);
            if chance.is(0.4) {
                sketch.fence(chance);
            }
        }
        Place::CarPark => {
            sketch.houses(chance, 0.6);
            sketch.trees(chance, 0.35);
            sketch.parked_cars(chance, 5);
        }
        Place::Street => {
            sketch.houses(chance, 1.6);
            sketch.trees(chance, 0.25);
            sketch.parked_cars(chance, 2);
            sketch.poles(chance);
        }
        _ => {
            sketch.sea();
            if chance.is(0.5) {
                sketch.hills(chance);
            }
        }
    }
    Ok(sketch.pixmap)
}

/// A backdrop being painted; heights are metres seen at some distance.
struct Sketch {
    pixmap: Pixmap,
    turn: Transform,
    horizon: f32,
    width: f32,
    focal: f32,
    eye: f32,
}

impl Sketch {
    fn solid(&mut self, path: Option<tiny_skia::Path>, rgb: [u8; 3], alpha: u8) {
        if let Some(path) = path {
            let mut paint = Paint { anti_alias: true, ..Paint::default() };
            paint.set_color_rgba8(rgb[0], rgb[1], rgb[2], alpha);
            self.pixmap.fill_path(&path, &paint, FillRule::Winding, self.turn, None);
        }
    }

    fn rect(&mut self, left: f32, top: f32, right: f32, bottom: f32, rgb: [u8; 3]) {
        let path = Rect::from_ltrb(left, top, right, bottom).map(PathBuilder::from_rect);
        self.solid(path, rgb, 255);
    }

    /// Where the ground lies in the photo at this distance.
    fn foot(&self, distance: f32) -> f32 {
        self.horizon + self.focal * self.eye / distance
    }

    fn sky(&mut self, light: &Light, chance: &mut Chance) {
        let colour = |rgb: Rgb| {
            let [r, g, b] = rgb.map(|part| part.clamp(0.0, 1.0).powf(1.0 / 2.2));
            Color::from_rgba(r, g, b, 1.0).unwrap_or(Color::WHITE)
        };
        let (top, bottom) = (self.horizon - self.focal * 0.7, self.horizon + 1.5);
        let stops =
            vec![GradientStop::new(0.0, colour(light.zenith)), GradientStop::new(1.0, colour(light.horizon))];
        let shader = LinearGradient::new(
            Point::from_xy(0.0, top),
            Point::from_xy(0.0, bottom),
            stops,
            SpreadMode::Pad,
            Transform::identity(),
        );
        let paint = Paint { shader: shader.unwrap_or(Shader::SolidColor(Color::WHITE)), ..Paint::default() };
        if let Some(rect) = Rect::from_ltrb(-400.0, self.horizon - 3000.0, self.width + 400.0, bottom) {
            self.pixmap.fill_rect(rect, &paint, self.turn, None);
        }
        for _ in 0..chance.below(6) {
            let (x, y) =
                (chance.between(0.0, self.width), self.horizon - chance.between(0.08, 0.6) * self.focal);
            for _ in 0..5 {
                let (w, h) = (chance.between(14.0, 46.0), chance.between(4.0, 10.0));
                let (x, y) = (x + chance.around(34.0), y + chance.around(5.0));
                self.solid(oval(x, y, w, h), [250, 250, 252], 70);
            }
        }
    }

    fn hills(&mut self, chance: &mut Chance) {
        for layer in 0..2 {
            let mut path = PathBuilder::new();
            let (phase, size) = (chance.between(0.0, 6.0), self.focal * chance.between(0.02, 0.09));
            path.move_to(-60.0, self.horizon + 2.0);
            for step in 0..=30 {
                let x = -60.0 + step as f32 / 30.0 * (self.width + 120.0);
                let wave = (x * 0.013 + phase).sin() + 0.5 * (x * 0.037 + phase * 2.0).sin();
                path.line_to(x, self.horizon - size * (1.2 - layer as f32 * 0.5) * (1.2 + wave * 0.6));
            }
            path.line_to(self.width + 60.0, self.horizon + 2.0);
            path.close();
            let tone = if layer == 0 { [118, 138, 142] } else { [84, 108, 76] };
            self.solid(path.finish(), chance.tint(tone), 255);
        }
    }

    fn trees(&mut self, chance: &mut Chance, share: f32) {
        let count = (chance.between(6.0, 16.0) * share) as u32;
        for _ in 0..count {
            let distance = chance.between(16.0, 60.0);
            let (foot, scale) = (self.foot(distance), self.focal / distance);
            let x = chance.between(-20.0, self.width + 20.0);
            let tall = chance.between(3.0, 8.0) * scale;
            self.rect(x - 0.14 * scale, foot - tall * 0.5, x + 0.14 * scale, foot, [70, 54, 40]);
            let leaf = chance.tint([56, 88, 44]);
            for puff in 0..11 {
                let rise = puff as f32 / 10.0;
                let (dx, dy) = (chance.around(0.30) * (1.1 - rise) * tall, (0.45 + 0.5 * rise) * tall);
                let bright = (0.72 + 0.5 * rise) * chance.between(0.9, 1.1);
                let shade = leaf.map(|part| (f32::from(part) * bright) as u8);
                self.solid(
                    oval(
                        x + dx,
                        foot - dy,
                        tall * chance.between(0.10, 0.20),
                        tall * chance.between(0.07, 0.13),
                    ),
                    shade,
                    255,
                );
            }
        }
    }

    fn houses(&mut self, chance: &mut Chance, size: f32) {
        let mut x = -60.0;
        while x < self.width + 60.0 {
            let distance = chance.between(22.0, 50.0);
            let (foot, scale) = (self.foot(distance), self.focal / distance);
            let (wide, tall) = (chance.between(7.0, 16.0) * scale, chance.between(4.0, 13.0) * scale * size);
            let walls = [[168, 150, 132], [140, 96, 80], [190, 188, 182], [120, 126, 134], [206, 196, 170]];
            let wall = walls[chance.below(5) as usize];
            let wall = chance.tint(wall);
            self.rect(x, foot - tall, x + wide, foot, wall);
            self.rect(x, foot - tall - 0.5 * scale, x + wide, foot - tall, chance.tint([96, 78, 70]));
            let (step, floor) = (2.4 * scale, 3.2 * scale);
            let glass = chance.tint([72, 86, 102]);
            let mut y = foot - floor * 0.85;
            while y > foot - tall + floor * 0.3 && step > 3.0 {
                let mut window = x + step * 0.4;
                while window + step * 0.5 < x + wide {
                    self.rect(window, y - floor * 0.32, window + step * 0.5, y + floor * 0.14, glass);
                    window += step;
                }
                y -= floor;
            }
            x += wide + chance.between(0.0, 5.0) * scale;
        }
    }

    fn parked_cars(&mut self, chance: &mut Chance, most: u32) {
        for _ in 0..chance.below(most + 1) {
            let distance = chance.between(13.0, 30.0);
            let (foot, s) = (self.foot(distance), self.focal / distance);
            let x = chance.between(-40.0, self.width + 40.0);
            let tones = [[170, 172, 176], [60, 62, 66], [130, 30, 28], [40, 62, 110], [222, 222, 220]];
            let tone = tones[chance.below(5) as usize];
            let tone = chance.tint(tone);
            let at = |points: &[(f32, f32)]| {
                let points: Vec<(f32, f32)> = points.iter().map(|p| (x + p.0 * s, foot - p.1 * s)).collect();
                crate::panel::rounded(&points, 0.25 * s)
            };
            self.solid(at(&[(-2.2, 0.05), (2.2, 0.05), (2.2, 0.15), (-2.2, 0.15)]), [12, 12, 14], 150);
            self.solid(at(&[(-1.3, 0.8), (1.0, 0.8), (0.6, 1.42), (-0.9, 1.42)]), [34, 40, 48], 255);
            self.solid(
                at(&[(-2.15, 0.3), (2.15, 0.3), (2.15, 0.85), (1.1, 0.95), (-1.6, 0.95), (-2.15, 0.85)]),
                tone,
                255,
            );
            self.solid(at(&[(-0.9, 1.35), (0.55, 1.35), (0.5, 1.47), (-0.8, 1.47)]), tone, 255);
            for wheel in [-1.35, 1.35] {
                self.solid(oval(x + wheel * s, foot - 0.32 * s, 0.33 * s, 0.33 * s), [20, 20, 22], 255);
                self.solid(oval(x + wheel * s, foot - 0.32 * s, 0.18 * s, 0.18 * s), [150, 152, 156], 255);
            }
        }
    }

    fn fence(&mut self, chance: &mut Chance) {
        let distance = chance.between(12.0, 22.0);
        let (foot, scale) = (self.foot(distance), self.focal / distance);
        let tone = chance.tint([150, 132, 108]);
        for rail in [0.45, 0.85] {
            self.rect(
                -60.0,
                foot - (rail + 0.06) * scale,
                self.width + 60.0,
                foot - (rail - 0.06) * scale,
                tone,
            );
        }
        let mut x = chance.around(20.0) - 40.0;
        while x < self.width + 60.0 {
            self.rect(x - 0.06 * scale, foot - 1.05 * scale, x + 0.06 * scale, foot, tone);
            x += 2.0 * scale;
        }
    }

    fn poles(&mut self, chance: &mut Chance) {
        for _ in 0..chance.below(4) {
            let distance = chance.between(10.0, 26.0);
            let (foot, scale) = (self.foot(distance), self.focal / distance);
            let x = chance.between(0.0, self.width);
            self.rect(
                x - 0.06 * scale,
                foot - 6.0 * scale,
                x + 0.06 * scale,
                foot,
                chance.tint([92, 94, 96]),
            );
            if chance.is(0.4) {
                self.solid(
                    oval(x, foot - 2.5 * scale, 0.32 * scale, 0.32 * scale),
                    chance.tint([190, 40, 36]),
                    255,
                );
            }
        }
    }

    fn sea(&mut self) {
        let shore = self.foot(60.0);
        self.rect(-400.0, self.horizon, self.width + 400.0, shore, [58, 104, 132]);
        self.rect(-400.0, shore - 1.0, self.width + 400.0, shore + 1.0, [222, 226, 222]);
    }

    fn hall(&mut self, chance: &mut Chance) {
        let foot = self.foot(chance.between(9.0, 13.0));
        let wall = chance.tint([188, 186, 182]);
        self.rect(-400.0, self.horizon - 3000.0, self.width + 400.0, foot, wall);
        let scale = self.focal / 11.0;
        let panel = chance.tint([132, 134, 138]);
        let mut x = chance.between(-120.0, 0.0);
        while x < self.width + 40.0 {
            let wide = chance.between(1.6, 3.4) * scale;
            let shade = chance.tint(panel);
            self.rect(x, foot - 3.0 * scale, x + wide, foot - 0.25 * scale, shade);
            if chance.is(0.35) {
                let picture =
                    [[60, 90, 140], [150, 60, 50], [50, 54, 60], [200, 180, 120]][chance.below(4) as usize];
                self.rect(
                    x + wide * 0.2,
                    foot - 2.5 * scale,
                    x + wide * 0.8,
                    foot - 1.5 * scale,
                    chance.tint(picture),
                );
            }
            x += wide + 0.3 * scale;
        }
        for row in 0..3 {
            let y = foot - (3.6 + row as f32 * 0.9) * scale;
            let mut x = chance.between(-60.0, 0.0);
            while x < self.width + 40.0 {
                self.solid(oval(x, y, 0.35 * scale, 0.10 * scale), [255, 252, 240], 235);
                x += 2.2 * scale;
            }
        }
        self.rect(-400.0, foot - 0.2 * scale, self.width + 400.0, foot, [96, 94, 92]);
    }
}

fn oval(x: f32, y: f32, half_width: f32, half_height: f32) -> Option<tiny_skia::Path> {
    Rect::from_ltrb(x - half_width, y - half_height, x + half_width, y + half_height)
        .and_then(PathBuilder::from_oval)
}
