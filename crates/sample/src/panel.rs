//! A flat view of the car (side, front, rear, top, wheel) painted in metres, and wrapped around the body later.
//!
//! Two pictures are kept in step: the colour, whose alpha says how much it covers the body paint, and the surface,
//! which holds how mirror-like and how luminous a point is.

use tiny_skia::{
    BlendMode, Color, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Stroke, Transform,
};

use crate::Error;

/// A point of a panel in metres, or of a unit frame.
pub(crate) type At = (f32, f32);

/// How a part looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finish {
    rgb: [u8; 3],
    /// Reflectance seen straight on, 0 to 1.
    mirror: f32,
    /// Share of the colour that shines by itself, 0 to 1.
    glow: f32,
    cover: f32,
}

impl Finish {
    const fn new(rgb: [u8; 3], mirror: f32, glow: f32) -> Finish {
        Finish { rgb, mirror, glow, cover: 1.0 }
    }

    /// The same finish laid on thinly.
    pub(crate) const fn thin(self, cover: f32) -> Finish {
        Finish { cover, ..self }
    }

    /// Any opaque colour with the gloss of paint.
    pub(crate) const fn tint(rgb: [u8; 3]) -> Finish {
        Finish::new(rgb, 0.05, 0.0)
    }
}

pub(crate) const PAINT_MIRROR: f32 = 0.05;
pub(crate) const GLASS: Finish = Finish::new([16, 22, 28], 0.13, 0.0);
pub(crate) const CHROME: Finish = Finish::new([205, 210, 216], 0.45, 0.12);
pub(crate) const BLACK: Finish = Finish::new([13, 13, 15], 0.03, 0.0);
pub(crate) const PLASTIC: Finish = Finish::new([58, 59, 62], 0.0, 0.0);
pub(crate) const BUMPER_GREY: Finish = Finish::new([84, 86, 90], 0.0, 0.0);
pub(crate) const RUBBER: Finish = Finish::new([26, 26, 28], 0.0, 0.0);
pub(crate) const SEAM: Finish = Finish::new([10, 10, 12], 0.0, 0.0);
pub(crate) const LENS: Finish = Finish::new([214, 219, 224], 0.20, 0.25);
pub(crate) const SMOKED: Finish = Finish::new([30, 33, 40], 0.12, 0.0);
pub(crate) const LED: Finish = Finish::new([250, 252, 255], 0.0, 1.0);
pub(crate) const AMBER: Finish = Finish::new([240, 136, 20], 0.06, 0.45);
pub(crate) const RED: Finish = Finish::new([196, 16, 22], 0.07, 0.35);
pub(crate) const DARK_RED: Finish = Finish::new([120, 8, 16], 0.10, 0.25);
pub(crate) const RED_LED: Finish = Finish::new([255, 60, 58], 0.0, 1.0);
pub(crate) const WHITE: Finish = Finish::new([232, 232, 228], 0.04, 0.1);
pub(crate) const GOLD: Finish = Finish::new([236, 178, 36], 0.10, 0.25);
pub(crate) const BLUE: Finish = Finish::new([22, 66, 168], 0.06, 0.2);
pub(crate) const SKY_BLUE: Finish = Finish::new([40, 130, 220], 0.05, 0.2);
pub(crate) const YELLOW: Finish = Finish::new([245, 205, 40], 0.05, 0.2);

/// One texel of a skin.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Texel {
    /// Colour, premultiplied by `cover`.
    pub(crate) rgb: [u8; 3],
    /// How much of the body paint is covered.
    pub(crate) cover: u8,
    pub(crate) mirror: u8,
    pub(crate) glow: u8,
}

/// A finished picture of a part.
#[derive(Clone, Debug)]
pub(crate) struct SkinImage {
    texels: Vec<Texel>,
    width: usize,
    height: usize,
    left: f32,
    top: f32,
    scale: f32,
}

impl SkinImage {
    /// A skin of one colour.
    pub(crate) fn plain(rgb: [u8; 3], mirror: f32) -> SkinImage {
        let texel = Texel { rgb, cover: 255, mirror: (mirror * 255.0) as u8, glow: 0 };
        SkinImage { texels: vec![texel], width: 1, height: 1, left: 0.0, top: 0.0, scale: 0.0 }
    }

    /// The skin of bare body paint.
    pub(crate) fn bare() -> SkinImage {
        let mut skin = SkinImage::plain([0; 3], PAINT_MIRROR);
        skin.texels[0].cover = 0;
        skin
    }

    /// The texel at a point in the panel's own units; points outside take the nearest edge.
    #[inline]
    pub(crate) fn at(&self, u: f32, v: f32) -> Texel {
        // By way of i32, the one integer that processors convert to and from floats in a single step.
        let column = ((u - self.left) * self.scale) as i32;
        let row = ((self.top - v) * self.scale) as i32;
        let column = column.clamp(0, self.width as i32 - 1) as usize;
        let row = row.clamp(0, self.height as i32 - 1) as usize;
        self.texels[row * self.width + column]
    }
}

/// A panel being painted.
pub(crate) struct Panel {
    colour: Pixmap,
    surface: Pixmap,
    transform: Transform,
    left: f32,
    top: f32,
    scale: f32,
}

impl Panel {
    /// A bare panel from `low` to `high` with `scale` texels per unit.
    pub(crate) fn new(low: At, high: At, scale: f32) -> Result<Panel, Error> {
        let size = |span: f32| ((span * scale).ceil() as u32).max(1);
        let (width, height) = (size(high.0 - low.0), size(high.1 - low.1));
        let colour = Pixmap::new(width, height).ok_or(Error::Canvas { width, height })?;
        let mut surface = Pixmap::new(width, height).ok_or(Error::Canvas { width, height })?;
        surface.fill(Color::from_rgba(PAINT_MIRROR, 0.0, 0.0, 1.0).unwrap_or(Color::BLACK));
        let transform = Transform::from_row(scale, 0.0, 0.0, -scale, -low.0 * scale, high.1 * scale);
        Ok(Panel { colour, surface, transform, left: low.0, top: high.1, scale })
    }

    /// The painted panel as a skin.
    pub(crate) fn finish(self) -> SkinImage {
        let texels = self.colour.pixels().iter().zip(self.surface.pixels());
        let texels = texels.map(|(colour, surface)| Texel {
            rgb: [colour.red(), colour.green(), colour.blue()],
            cover: colour.alpha(),
            mirror: surface.red(),
            glow: surface.green(),
        });
        SkinImage {
            texels: texels.collect(),
            width: self.colour.width() as usize,
            height: self.colour.height() as usize,
            left: self.left,
            top: self.top,
            scale: self.scale,
        }
    }

    fn each(&mut self, finish: Finish, draw: impl Fn(&mut Pixmap, &Paint, Transform)) {
        let mut paint = Paint { anti_alias: true, blend_mode: BlendMode::SourceOver, ..Paint::default() };
        let [r, g, b] = finish.rgb;
        paint.set_color_rgba8(r, g, b, (finish.cover * 255.0) as u8);
        draw(&mut self.colour, &paint, self.transform);
        let byte = |share: f32| (share * 255.0) as u8;
        paint.set_color_rgba8(byte(finish.mirror), byte(finish.glow), 0, (finish.cover * 255.0) as u8);
        draw(&mut self.surface, &paint, self.transform);
    }

    fn fill(&mut self, path: Option<Path>, finish: Finish) {
        if let Some(path) = path {
            self.each(finish, |pixmap, paint, transform| {
                pixmap.fill_path(&path, paint, FillRule::Winding, transform, None);
            });
        }
    }

    fn stroke(&mut self, path: Option<Path>, width: f32, finish: Finish) {
        if let Some(path) = path {
            let stroke =
                Stroke { width, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() };
            self.each(finish, |pixmap, paint, transform| {
                pixmap.stroke_path(&path, paint, &stroke, transform, None)
            });
        }
    }

    /// Fills a polygon.
    pub(crate) fn area(&mut self, points: &[At], finish: Finish) {
        self.fill(polygon(points, true), finish);
    }

    /// Fills a polygon whose corners are rounded with this radius.
    pub(crate) fn soft(&mut self, points: &[At], radius: f32, finish: Finish) {
        self.fill(rounded(points, radius), finish);
    }

    /// Draws the outline of a polygon whose corners are rounded.
    pub(crate) fn outline(&mut self, points: &[At], radius: f32, width: f32, finish: Finish) {
        self.stroke(rounded(points, radius), width, finish);
    }

    /// Draws an open line.
    pub(crate) fn line(&mut self, points: &[At], width: f32, finish: Finish) {
        self.stroke(polygon(points, false), width, finish);
    }

    /// Fills an upright rectangle given two corners.
    pub(crate) fn bar(&mut self, low: At, high: At, finish: Finish) {
        self.area(&[low, (high.0, low.1), high, (low.0, high.1)], finish);
    }

    /// Fills an ellipse.
    pub(crate) fn disc(&mut self, centre: At, radii: At, finish: Finish) {
        self.fill(oval(centre, radii), finish);
    }

    /// Draws an ellipse's outline.
    pub(crate) fn ring(&mut self, centre: At, radii: At, width: f32, finish: Finish) {
        self.stroke(oval(centre, radii), width, finish);
    }
}

fn polygon(points: &[At], closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (index, &(x, y)) in points.iter().enumerate() {
        if index == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
    }
    if closed {
        path.close();
    }
    path.finish()
}

fn oval(centre: At, radii: At) -> Option<Path> {
    let rect = tiny_skia::Rect::from_ltrb(
        centre.0 - radii.0,
        centre.1 - radii.1,
        centre.0 + radii.0,
        centre.1 + radii.1,
    );
    rect.and_then(PathBuilder::from_oval)
}

/// A closed polygon, each corner replaced by a curve that starts at most `radius` from it.
pub(crate) fn rounded(points: &[At], radius: f32) -> Option<Path> {
    let mut path = PathBuilder::new();
    let count = points.len();
    for index in 0..count {
        let (before, corner, after) =
            (points[(index + count - 1) % count], points[index], points[(index + 1) % count]);
        let near = |end: At| {
            let (dx, dy) = (end.0 - corner.0, end.1 - corner.1);
            let share = (radius / (dx * dx + dy * dy).sqrt().max(1e-6)).min(0.5);
            (corner.0 + dx * share, corner.1 + dy * share)
        };
        let (from, to) = (near(before), near(after));
        if index == 0 {
            path.move_to(from.0, from.1)
        } else {
            path.line_to(from.0, from.1)
        }
        path.quad_to(corner.0, corner.1, to.0, to.1);
    }
    path.close();
    path.finish()
}
