//! Things that stand before the car in some photos and hide a small part of it.

use tiny_skia::{FillRule, Paint, Path, PathBuilder, Pixmap, Rect, Transform};

use crate::Error;
use crate::chance::Chance;

/// The car's rectangle in the photo: left, top, right, bottom.
pub(crate) type Extent = (f32, f32, f32, f32);

/// Things before the car; `None` in most photos.
pub(crate) fn before(
    extent: Extent,
    (width, height): (u32, u32),
    chance: &mut Chance,
) -> Result<Option<Pixmap>, Error> {
    let kind = chance.weighted(&[(0.72, 0), (0.08, 1), (0.08, 2), (0.06, 3), (0.06, 4)]);
    if kind == Some(0) {
        return Ok(None);
    }
    let pixmap = Pixmap::new(width, height).ok_or(Error::Canvas { width, height })?;
    let mut front = Front { pixmap, bottom: height as f32 };
    match kind {
        Some(1) => front.post(extent, chance),
        Some(2) => front.bush(extent, chance),
        Some(3) => front.person(extent, chance),
        _ => front.other_car(extent, width as f32, chance),
    }
    Ok(Some(front.pixmap))
}

struct Front {
    pixmap: Pixmap,
    bottom: f32,
}

impl Front {
    fn fill(&mut self, path: Option<Path>, rgb: [u8; 3]) {
        if let Some(path) = path {
            let mut paint = Paint { anti_alias: true, ..Paint::default() };
            paint.set_color_rgba8(rgb[0], rgb[1], rgb[2], 255);
            self.pixmap.fill_path(&path, &paint, FillRule::Winding, Transform::identity(), None);
        }
    }

    fn oval(&mut self, x: f32, y: f32, half_width: f32, half_height: f32, rgb: [u8; 3]) {
        let rect = Rect::from_ltrb(x - half_width, y - half_height, x + half_width, y + half_height);
        self.fill(rect.and_then(PathBuilder::from_oval), rgb);
    }

    fn shape(&mut self, points: &[(f32, f32)], radius: f32, rgb: [u8; 3]) {
        self.fill(crate::panel::rounded(points, radius), rgb);
    }

    /// A lamp post, thinner than a wheel.
    fn post(&mut self, (left, _, right, bottom): Extent, chance: &mut Chance) {
        let x = chance.between(left, right);
        let half = (right - left) * chance.between(0.012, 0.022);
        let foot = (bottom + 8.0).min(self.bottom);
        let grey = [chance.between(60.0, 120.0) as u8; 3];
        self.shape(&[(x - half, -5.0), (x + half, -5.0), (x + half, foot), (x - half, foot)], 1.0, grey);
        let bright = grey.map(|byte| byte.saturating_add(45));
        self.shape(&[(x - half * 0.4, -5.0), (x, -5.0), (x, foot), (x - half * 0.4, foot)], 0.5, bright);
    }

    /// A bush over one lower corner.
    fn bush(&mut self, (left, _, right, bottom): Extent, chance: &mut Chance) {
        let size = (right - left) * 0.10;
        let x = if chance.is(0.5) { left } else { right };
        for leaf in 0..60 {
            // Leaves get lighter towards the top layer.
            let bright = (0.8 + leaf as f32 / 60.0 * 0.7) * chance.between(0.85, 1.15);
            let rgb = [40.0, 62.0, 30.0].map(|part: f32| (part * bright) as u8);
            let (dx, dy) = (chance.bell() * size * 0.8, chance.between(-0.9, 0.8) * size);
            let (w, h) = (size * chance.between(0.10, 0.26), size * chance.between(0.08, 0.2));
            self.oval(x + dx, bottom + dy, w, h, rgb);
        }
    }

    /// Somebody standing beside one end of the car.
    fn person(&mut self, (left, top, right, bottom): Extent, chance: &mut Chance) {
        let tall = (bottom - top) * chance.between(0.95, 1.2);
        let x = if chance.is(0.5) { left - tall * 0.02 } else { right + tall * 0.02 };
        let foot = (bottom + tall * 0.06).min(self.bottom + tall * 0.2);
        let at = |dx: f32, up: f32| (x + dx * tall, foot - up * tall);
        let cloth = [[50, 60, 92], [120, 40, 40], [70, 74, 70], [196, 190, 176]][chance.below(4) as usize];
        let legs = [[34, 38, 56], [60, 54, 46], [24, 24, 26]][chance.below(3) as usize];
        let skin = [[224, 178, 146], [150, 104, 76], [96, 66, 50]][chance.below(3) as usize];
        self.shape(&[at(-0.075, 0.0), at(-0.015, 0.0), at(0.0, 0.48), at(-0.085, 0.48)], 2.0, legs);
        self.shape(&[at(0.015, 0.0), at(0.075, 0.0), at(0.085, 0.48), at(0.0, 0.48)], 2.0, legs);
        self.shape(&[at(-0.09, 0.45), at(0.09, 0.45), at(0.12, 0.82), at(-0.12, 0.82)], 5.0, cloth);
        let sleeve = cloth.map(|byte: u8| byte.saturating_sub(16));
        self.shape(&[at(-0.15, 0.45), at(-0.105, 0.45), at(-0.09, 0.81), at(-0.13, 0.81)], 2.0, sleeve);
        self.shape(&[at(0.105, 0.45), at(0.15, 0.45), at(0.13, 0.81), at(0.09, 0.81)], 2.0, sleeve);
        self.oval(x, foot - 0.91 * tall, 0.058 * tall, 0.078 * tall, skin);
        self.oval(x, foot - 0.955 * tall, 0.060 * tall, 0.042 * tall, [44, 34, 28]);
    }

    /// The corner of another car at the lower edge of the photo.
    fn other_car(&mut self, (left, _, right, bottom): Extent, width: f32, chance: &mut Chance) {
        let size = (right - left) * chance.between(0.16, 0.24);
        let (edge, inward) = if chance.is(0.5) {
            (0.0_f32.max(left - size * 0.3), 1.0)
        } else {
            (width.min(right + size * 0.3), -1.0)
        };
        let at = |along: f32, up: f32| (edge + inward * along * size, (bottom + 14.0) - up * size);
        let tone = [[150, 154, 160], [44, 46, 50], [120, 26, 26], [36, 56, 96]][chance.below(4) as usize];
        let dark = tone.map(|byte: u8| byte / 2);
        let light = tone.map(|byte: u8| byte.saturating_add(34));
        self.shape(
            &[at(-3.0, -1.0), at(0.92, -1.0), at(1.0, 0.20), at(0.72, 0.60), at(-3.0, 0.85)],
            size * 0.22,
            tone,
        );
        self.shape(&[at(-3.0, 0.56), at(0.62, 0.44), at(0.66, 0.56), at(-3.0, 0.78)], size * 0.05, light);
        self.shape(&[at(-3.0, -1.0), at(0.9, -1.0), at(0.96, 0.06), at(-3.0, 0.06)], size * 0.05, dark);
        self.shape(
            &[at(0.58, 0.24), at(0.90, 0.20), at(0.84, 0.38), at(0.58, 0.44)],
            size * 0.08,
            [222, 224, 220],
        );
    }
}
