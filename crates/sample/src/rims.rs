//! Wheels seen along their axle, in tyre radii: every face keeps to one design of rim.

use std::f32::consts::TAU;

use crate::Error;
use crate::catalogue::Face;
use crate::panel::{
    At, BLACK, BLUE, CHROME, Finish, GOLD, Panel, RED, RUBBER, SKY_BLUE, SMOKED, SkinImage, WHITE,
};
use crate::shape::Shape;

const SILVER: Finish = Finish::tint([196, 200, 206]);
const STEEL: Finish = Finish::tint([150, 153, 158]);

/// A ring of equal spokes.
struct Spokes {
    count: usize,
    /// Half width at the hub and at the rim, in rim radii.
    hub: f32,
    rim: f32,
    /// Turn from hub to rim, as a share of the gap between spokes.
    sweep: f32,
    /// Whether each spoke is a pair.
    double: bool,
}

const fn spokes(count: usize, hub: f32, rim: f32, sweep: f32, double: bool) -> Spokes {
    Spokes { count, hub, rim, sweep, double }
}

fn design(face: Face) -> (Spokes, Finish, Finish) {
    match face {
        Face::Audi => (spokes(5, 0.05, 0.07, 0.0, true), SILVER, WHITE),
        Face::Bmw => (spokes(7, 0.05, 0.05, 0.0, true), SILVER, SKY_BLUE),
        Face::Chevrolet => (spokes(5, 0.20, 0.15, 0.0, false), SILVER, GOLD),
        Face::Dodge => (spokes(4, 0.20, 0.24, 0.0, false), CHROME, RED),
        Face::Ford => (spokes(6, 0.09, 0.20, 0.0, false), SILVER, BLUE),
        Face::Slot => (spokes(6, 0.11, 0.11, 0.35, false), SILVER, SMOKED),
        Face::Wing => (spokes(9, 0.07, 0.09, 0.6, false), SILVER, SMOKED),
        Face::Star => (spokes(3, 0.24, 0.36, 0.0, false), SILVER, STEEL),
        Face::Hexagon => (spokes(8, 0.08, 0.10, 0.0, false), STEEL, STEEL),
        Face::SevenSlots => (spokes(7, 0.16, 0.20, 0.0, false), STEEL, BLACK),
        Face::Mesh => (spokes(14, 0.05, 0.04, 0.5, false), SILVER, SMOKED),
        Face::Temple => (spokes(18, 0.06, 0.07, 0.0, false), CHROME, SMOKED),
        Face::LowMouth => (spokes(5, 0.06, 0.05, 0.0, false), STEEL, SMOKED),
        Face::Slash => (spokes(4, 0.10, 0.10, 0.0, true), SILVER, STEEL),
        Face::Shield => (spokes(10, 0.08, 0.06, 0.0, false), CHROME, BLACK),
    }
}

/// Paints the wheel of a class.
pub(crate) fn paint(shape: &Shape) -> Result<SkinImage, Error> {
    let mut panel = Panel::new((-1.02, -1.02), (1.02, 1.02), 56.0)?;
    let rim = shape.rim;
    panel.disc((0.0, 0.0), (1.1, 1.1), RUBBER);
    panel.ring((0.0, 0.0), ((1.0 + rim) / 2.0, (1.0 + rim) / 2.0), 0.02, Finish::tint([44, 44, 46]));
    panel.disc((0.0, 0.0), (rim, rim), BLACK);
    panel.disc((0.0, 0.0), (rim * 0.55, rim * 0.55), SMOKED);
    let (spokes, metal, cap) = design(shape.face);
    for index in 0..spokes.count {
        let turn = index as f32 / spokes.count as f32;
        let gap = 1.0 / spokes.count as f32;
        let offsets: &[f32] = if spokes.double { &[-0.14, 0.14] } else { &[0.0] };
        for offset in offsets {
            let start = turn + offset * gap * 0.6;
            spoke(&mut panel, start, start + (offset + spokes.sweep) * gap, &spokes, rim, metal);
        }
    }
    panel.ring((0.0, 0.0), (rim * 0.95, rim * 0.95), 0.10 * rim, metal);
    panel.disc((0.0, 0.0), (rim * 0.62, rim * 0.62), metal);
    panel.disc((0.0, 0.0), (rim * 0.54, rim * 0.54), cap);
    Ok(panel.finish())
}

fn spoke(panel: &mut Panel, from: f32, to: f32, spokes: &Spokes, rim: f32, metal: Finish) {
    let at = |turn: f32, radius: f32, aside: f32| -> At {
        let (sin, cos) = (turn * TAU).sin_cos();
        (rim * (radius * cos - aside * sin), rim * (radius * sin + aside * cos))
    };
    let middle = (from + to) / 2.0;
    let waist = (spokes.hub + spokes.rim) / 2.0;
    panel.area(
        &[
            at(from, 0.1, -spokes.hub),
            at(middle, 0.55, -waist),
            at(to, 0.95, -spokes.rim),
            at(to, 0.95, spokes.rim),
            at(middle, 0.55, waist),
            at(from, 0.1, spokes.hub),
        ],
        metal,
    );
}
