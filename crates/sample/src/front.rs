//! The front view: grille, headlamps, badge and bumper of each face, and the windscreen.

use crate::Error;
use crate::catalogue::Face;
use crate::frame::Frame;
use crate::geometry::lerp;
use crate::panel::{
    AMBER, At, BLACK, BLUE, BUMPER_GREY, CHROME, Finish, GLASS, GOLD, LED, LENS, PLASTIC, Panel, RED,
    SKY_BLUE, SMOKED, SkinImage, WHITE, YELLOW,
};
use crate::shape::Shape;

/// Paints the front view of a class.
pub(crate) fn paint(shape: &Shape) -> Result<SkinImage, Error> {
    let frame = Frame::front(shape);
    let mut panel = frame.panel()?;
    bumper(&mut panel, &frame, shape);
    for side in [-1.0, 1.0] {
        headlamp(&mut panel, &frame, shape, side);
    }
    grille(&mut panel, &frame, shape);
    windscreen(&mut panel, shape);
    Ok(panel.finish())
}

fn bumper(panel: &mut Panel, frame: &Frame, shape: &Shape) {
    let f = |u, v| frame.at(u, v);
    if shape.early {
        panel.bar(f(-1.1, -0.2), f(1.1, 0.05), BLACK);
        panel.bar(f(-1.1, 0.12), f(1.1, 0.42), BUMPER_GREY);
        panel.bar(f(-1.1, 0.26), f(1.1, 0.31), BLACK);
        panel.bar(f(-1.1, 0.31), f(1.1, 0.335), CHROME);
    } else {
        panel.soft(&[f(-0.62, 0.05), f(0.62, 0.05), f(0.54, 0.24), f(-0.54, 0.24)], 0.04, BLACK);
        if shape.is_tall() {
            panel.bar(f(-1.1, -0.2), f(1.1, 0.10), PLASTIC);
            panel.bar(f(-0.4, -0.2), f(0.4, 0.08), CHROME);
        }
        for side in [-1.0f32, 1.0] {
            // Daytime running lights: an upright light strip in a dark pocket at each corner.
            panel.soft(
                &[f(0.68 * side, 0.08), f(0.90 * side, 0.12), f(0.92 * side, 0.40), f(0.76 * side, 0.34)],
                0.03,
                BLACK,
            );
            panel.line(&[f(0.76 * side, 0.14), f(0.84 * side, 0.34)], 0.045, LED);
        }
    }
    let plate = if shape.early { 0.28 } else { 0.31 };
    panel.bar(f(-0.20, plate - 0.065), f(0.20, plate + 0.065), WHITE);
    panel.line(&[f(-0.14, plate), f(0.14, plate)], 0.03, PLASTIC.thin(0.6));
}

/// The lamp's outline in frame units for the right side (u > 0).
fn lamp_outline(face: Face) -> Vec<At> {
    match face {
        Face::Audi => vec![(0.50, 0.66), (0.98, 0.70), (1.05, 0.95), (0.86, 0.93), (0.50, 0.80)],
        Face::Bmw => vec![(0.42, 0.58), (1.04, 0.58), (1.04, 0.92), (0.42, 0.90)],
        Face::Chevrolet => vec![(0.60, 0.48), (1.04, 0.48), (1.04, 0.94), (0.60, 0.94)],
        Face::Dodge => vec![(0.52, 0.62), (1.04, 0.72), (1.04, 0.93), (0.52, 0.80)],
        Face::Ford => vec![(0.58, 0.48), (1.04, 0.56), (1.04, 0.96), (0.64, 0.94)],
        Face::Slot => vec![(0.54, 0.70), (0.80, 0.60), (1.04, 0.66), (1.04, 0.96), (0.54, 0.90)],
        Face::Wing => vec![(0.52, 0.62), (1.04, 0.58), (1.04, 0.97), (0.52, 0.84)],
        Face::Star => vec![(0.48, 0.56), (0.95, 0.52), (1.04, 0.90), (0.60, 0.95)],
        Face::Hexagon => vec![(0.50, 0.70), (1.04, 0.60), (1.04, 0.99), (0.90, 0.98)],
        Face::SevenSlots => vec![(0.52, 0.52), (0.92, 0.52), (0.92, 0.96), (0.52, 0.96)],
        Face::Mesh => vec![(0.44, 0.55), (1.04, 0.55), (1.04, 0.97), (0.44, 0.97)],
        Face::Temple => vec![(0.44, 0.68), (0.96, 0.68), (0.96, 0.92), (0.44, 0.92)],
        Face::LowMouth => vec![(0.56, 0.55), (0.90, 0.55), (1.04, 1.0), (0.92, 1.02)],
        Face::Slash => vec![(0.52, 0.56), (1.04, 0.62), (1.04, 0.94), (0.52, 0.94)],
        Face::Shield => vec![(0.76, 0.40), (1.04, 0.44), (1.04, 1.0), (0.68, 0.96)],
    }
}

/// Round lamps of a face, as (u, v, radius in metres); empty for faces with one-piece lenses.
fn round_lamps(face: Face) -> &'static [(f32, f32, f32)] {
    match face {
        Face::Bmw => &[(0.58, 0.74, 0.105), (0.86, 0.75, 0.105)],
        Face::SevenSlots => &[(0.72, 0.74, 0.145)],
        Face::Mesh => &[(0.58, 0.77, 0.13), (0.88, 0.74, 0.085)],
        _ => &[],
    }
}

fn headlamp(panel: &mut Panel, frame: &Frame, shape: &Shape, side: f32) {
    let outline: Vec<At> = lamp_outline(shape.face).iter().map(|&(u, v)| frame.at(u * side, v)).collect();
    let rounds = round_lamps(shape.face);
    if shape.early {
        if rounds.is_empty() {
            panel.soft(&outline, 0.02, LENS);
            if shape.face == Face::Chevrolet {
                panel.bar(frame.at(0.58 * side, 0.685), frame.at(1.06 * side, 0.735), BLACK);
            }
            panel.outline(&outline, 0.02, 0.025, CHROME);
        } else if shape.face == Face::Bmw {
            panel.soft(&outline, 0.02, BLACK);
        }
        for &(u, v, radius) in rounds {
            panel.disc(frame.at(u * side, v), (radius, radius), LENS);
            panel.ring(frame.at(u * side, v), (radius, radius), 0.025, CHROME);
        }
        // The amber corner of early cars, beside and below the lamp.
        panel.bar(frame.at(0.95 * side, 0.52), frame.at(1.12 * side, 0.90), AMBER);
        return;
    }
    panel.soft(&outline, 0.05, SMOKED);
    if rounds.is_empty() {
        let centre = |share: f32| {
            let count = outline.len() as f32;
            let sum = outline.iter().fold((0.0, 0.0), |sum, p| (sum.0 + p.0, sum.1 + p.1));
            let outer = frame.at(0.98 * side, 0.80);
            (lerp(sum.0 / count, outer.0, share), lerp(sum.1 / count, outer.1, share * 0.4))
        };
        if shape.face == Face::Chevrolet {
            for v in [0.60, 0.82] {
                panel.soft(
                    &[
                        frame.at(0.66 * side, v - 0.07),
                        frame.at(0.94 * side, v - 0.07),
                        frame.at(0.94 * side, v + 0.07),
                        frame.at(0.66 * side, v + 0.07),
                    ],
                    0.02,
                    LENS,
                );
            }
        } else {
            panel.disc(centre(0.0), (0.05, 0.05), LENS);
            panel.disc(centre(0.55), (0.045, 0.045), LENS);
        }
    }
    for &(u, v, radius) in rounds {
        panel.disc(frame.at(u * side, v), (radius * 0.55, radius * 0.55), LENS);
        panel.ring(frame.at(u * side, v), (radius * 0.86, radius * 0.86), 0.03, LED);
    }
    // The light strip follows the lamp's lower edge.
    let (a, b) = (outline[0], outline[1]);
    let lift = 0.012;
    panel.line(&[(a.0, a.1 + lift), (b.0, b.1 + lift)], 0.04, LED);
}

fn grille(panel: &mut Panel, frame: &Frame, shape: &Shape) {
    let f = |u, v| frame.at(u, v);
    let quad =
        |half: f32, low: f32, high: f32| vec![f(-half, low), f(half, low), f(half, high), f(-half, high)];
    match shape.face {
        Face::Audi => {
            let foot = if shape.early { 0.45 } else { 0.06 };
            let hexagon =
                [f(-0.28, foot), f(0.28, foot), f(0.46, 0.66), f(0.40, 0.97), f(-0.40, 0.97), f(-0.46, 0.66)];
            panel.soft(&hexagon, 0.03, BLACK);
            for v in [0.14, 0.24, 0.34, 0.44, 0.54].into_iter().filter(|&v| v > foot) {
                panel.line(&[f(-0.28, v), f(0.28, v)], 0.012, PLASTIC);
            }
            panel.outline(&hexagon, 0.03, 0.04, CHROME);
            rings(panel, f(0.0, 0.77));
        }
        Face::Bmw => {
            for side in [-1.0, 1.0] {
                let foot = if shape.early { 0.45 } else { 0.32 };
                let kidney =
                    [f(0.03 * side, foot), f(0.28 * side, foot), f(0.34 * side, 0.82), f(0.05 * side, 0.86)];
                panel.soft(&kidney, 0.07, BLACK);
                for u in [0.10, 0.16, 0.22] {
                    panel.line(&[f(u * side, 0.48), f((u + 0.02) * side, 0.76)], 0.012, PLASTIC);
                }
                panel.outline(&kidney, 0.07, 0.042, CHROME);
            }
            roundel(panel, f(0.0, 0.90), 0.17);
        }
        Face::Chevrolet => {
            let area = quad(0.54, 0.46, 0.96);
            panel.soft(&area, 0.04, BLACK);
            for v in [0.53, 0.60, 0.83, 0.90] {
                panel.line(&[f(-0.5, v), f(0.5, v)], 0.010, PLASTIC);
            }
            panel.outline(&area, 0.04, 0.022, CHROME);
            panel.bar(f(-0.54, 0.66), f(0.54, 0.76), CHROME);
            bowtie(panel, f(0.0, 0.71), 0.38);
        }
        Face::Dodge => {
            let area = [f(-0.40, 0.44), f(0.40, 0.44), f(0.46, 0.96), f(-0.46, 0.96)];
            panel.soft(&area, 0.04, BLACK);
            panel.outline(&area, 0.04, 0.05, CHROME);
            panel.line(&[f(0.0, 0.45), f(0.0, 0.95)], 0.085, CHROME);
            panel.line(&[f(-0.42, 0.70), f(0.42, 0.70)], 0.085, CHROME);
            panel.disc(f(0.0, 0.70), (0.21, 0.18), CHROME);
            panel.disc(f(0.0, 0.70), (0.18, 0.15), RED);
        }
        Face::Ford => {
            let area = [f(-0.46, 0.44), f(0.46, 0.44), f(0.52, 0.97), f(-0.52, 0.97)];
            panel.soft(&area, 0.04, BLACK);
            for v in [0.53, 0.705, 0.88] {
                panel.line(&[f(-0.45, v), f(0.45, v)], 0.058, CHROME);
            }
            blue_oval(panel, f(0.0, 0.705));
        }
        Face::Slot => {
            panel.soft(&quad(0.46, 0.80, 0.93), 0.03, BLACK);
            panel.line(&[f(-0.46, 0.80), f(0.46, 0.80)], 0.022, CHROME);
            let mouth = [f(-0.66, 0.04), f(0.66, 0.04), f(0.48, 0.58), f(-0.48, 0.58)];
            panel.soft(&mouth, 0.05, BLACK);
            for v in [0.14, 0.46] {
                panel.line(&[f(-0.5, v), f(0.5, v)], 0.014, PLASTIC);
            }
            panel.bar(f(-0.20, 0.24), f(0.20, 0.38), WHITE);
            let c = f(0.0, 0.86);
            panel.disc(c, (0.15, 0.10), SMOKED);
            panel.ring(c, (0.14, 0.09), 0.03, CHROME);
            panel.ring(c, (0.05, 0.085), 0.02, CHROME);
        }
        Face::Wing => {
            panel.soft(&[f(-0.40, 0.46), f(0.40, 0.46), f(0.50, 0.80), f(-0.50, 0.80)], 0.03, BLACK);
            panel.soft(
                &[f(-0.52, 0.95), f(0.0, 0.84), f(0.52, 0.95), f(0.44, 0.76), f(0.0, 0.62), f(-0.44, 0.76)],
                0.02,
                CHROME,
            );
            panel.soft(&quad(0.07, 0.66, 0.80), 0.01, BLACK);
        }
        Face::Star => {
            let area = [f(-0.38, 0.44), f(0.38, 0.44), f(0.44, 0.96), f(-0.44, 0.96)];
            panel.soft(&area, 0.04, BLACK);
            panel.outline(&area, 0.04, 0.022, CHROME);
            for v in [0.60, 0.80] {
                panel.line(&[f(-0.40, v), f(0.40, v)], 0.032, CHROME);
            }
            star(panel, f(0.0, 0.70), 0.15);
        }
        Face::Hexagon => {
            // The mouth lies low; on early cars it sits above their bumper.
            let g = |u: f32, v: f32| frame.at(u, if shape.early { 0.44 + v * 0.56 } else { v });
            let area =
                [g(-0.40, 0.06), g(0.40, 0.06), g(0.52, 0.34), g(0.40, 0.60), g(-0.40, 0.60), g(-0.52, 0.34)];
            panel.soft(&area, 0.03, BLACK);
            for v in [0.20, 0.46] {
                panel.line(&[g(-0.46, v), g(-0.16, v + 0.06), g(0.16, v + 0.06), g(0.46, v)], 0.026, CHROME);
            }
            if !shape.early {
                panel.bar(f(-0.20, 0.27), f(0.20, 0.39), WHITE);
            }
            panel.ring(f(0.0, if shape.early { 0.90 } else { 0.82 }), (0.10, 0.065), 0.024, CHROME);
        }
        Face::SevenSlots => {
            for slot in -3..=3 {
                let u = slot as f32 * 0.125;
                let area = [f(u - 0.042, 0.45), f(u + 0.042, 0.45), f(u + 0.042, 0.96), f(u - 0.042, 0.96)];
                panel.soft(&area, 0.03, BLACK);
                panel.outline(&area, 0.03, 0.014, CHROME);
            }
        }
        Face::Mesh => {
            let foot = if shape.early { 0.44 } else { 0.12 };
            let area = [f(-0.28, foot), f(0.28, foot), f(0.38, 0.96), f(-0.38, 0.96)];
            panel.soft(&area, 0.08, Finish::tint([120, 122, 126]));
            for step in 0..7 {
                let u = step as f32 * 0.085 - 0.255;
                panel.line(&[f(u - 0.06, foot + 0.04), f(u + 0.06, 0.92)], 0.012, BLACK);
                panel.line(&[f(u + 0.06, foot + 0.04), f(u - 0.06, 0.92)], 0.012, BLACK);
            }
            panel.outline(&area, 0.08, 0.045, CHROME);
        }
        Face::Temple => {
            panel.area(&quad(0.30, 0.16, 1.04), CHROME);
            for slit in -4..=4 {
                let u = slit as f32 * 0.06;
                panel.bar(f(u - 0.017, 0.20), f(u + 0.017, 0.94), BLACK);
            }
        }
        Face::LowMouth => {
            for side in [-1.0, 1.0] {
                panel.soft(
                    &[f(0.16 * side, 0.06), f(0.66 * side, 0.06), f(0.60 * side, 0.42), f(0.24 * side, 0.34)],
                    0.05,
                    BLACK,
                );
            }
            panel.soft(
                &[f(-0.06, 0.74), f(0.0, 0.66), f(0.06, 0.74), f(0.06, 0.92), f(-0.06, 0.92)],
                0.01,
                YELLOW,
            );
        }
        Face::Slash => {
            let area = quad(0.42, 0.44, 0.95);
            panel.soft(&area, 0.04, BLACK);
            panel.outline(&area, 0.04, 0.03, CHROME);
            panel.line(&[f(-0.40, 0.93), f(0.40, 0.46)], 0.055, CHROME);
            panel.disc(f(0.0, 0.695), (0.075, 0.075), SMOKED);
            panel.ring(f(0.0, 0.695), (0.075, 0.075), 0.022, CHROME);
        }
        Face::Shield => {
            let area = [f(-0.44, 0.96), f(0.44, 0.96), f(0.40, 0.50), f(0.0, 0.26), f(-0.40, 0.50)];
            panel.soft(&area, 0.02, Finish::tint([160, 164, 170]));
            for u in [-0.28, -0.14, 0.0, 0.14, 0.28] {
                panel.line(&[f(u, 0.42), f(u, 0.93)], 0.022, BLACK);
            }
            for v in [0.52, 0.66, 0.80] {
                panel.line(&[f(-0.38, v), f(0.38, v)], 0.022, BLACK);
            }
            panel.outline(&area, 0.02, 0.03, CHROME);
        }
    }
}

/// Four interlocking rings.
pub(crate) fn rings(panel: &mut Panel, centre: At) {
    for place in [-1.5, -0.5, 0.5, 1.5] {
        panel.ring((centre.0 + place * 0.18, centre.1), (0.125, 0.125), 0.046, CHROME);
    }
}

/// A roundel quartered in blue and white.
pub(crate) fn roundel(panel: &mut Panel, centre: At, radius: f32) {
    panel.disc(centre, (radius * 1.3, radius * 1.3), BLACK);
    panel.disc(centre, (radius, radius), WHITE);
    for (right, up) in [(1.0, -1.0), (-1.0, 1.0)] {
        let edge = |share: f32| {
            let (sin, cos) = (share * std::f32::consts::FRAC_PI_2).sin_cos();
            (centre.0 + right * radius * cos, centre.1 + up * radius * sin)
        };
        panel.area(&[centre, edge(0.0), edge(0.25), edge(0.5), edge(0.75), edge(1.0)], SKY_BLUE);
    }
}

/// A golden bowtie of this half width.
pub(crate) fn bowtie(panel: &mut Panel, (x, z): At, half: f32) {
    let point = |u: f32, v: f32| (x + u * half, z + v * half);
    let outline = [
        point(-1.0, -0.32),
        point(-0.38, -0.32),
        point(-0.32, -0.55),
        point(0.50, -0.55),
        point(0.42, -0.32),
        point(1.0, -0.32),
        point(0.85, 0.32),
        point(0.38, 0.32),
        point(0.32, 0.55),
        point(-0.50, 0.55),
        point(-0.42, 0.32),
        point(-0.85, 0.32),
    ];
    panel.area(&outline, GOLD);
    panel.outline(&outline, 0.0, 0.014, CHROME);
}

/// A blue oval with a bright rim.
pub(crate) fn blue_oval(panel: &mut Panel, centre: At) {
    panel.disc(centre, (0.36, 0.17), BLUE);
    panel.ring(centre, (0.35, 0.16), 0.03, CHROME);
    panel.line(&[(centre.0 - 0.14, centre.1), (centre.0 + 0.14, centre.1)], 0.03, WHITE);
}

/// A three-pointed star in a ring.
pub(crate) fn star(panel: &mut Panel, (x, z): At, radius: f32) {
    panel.disc((x, z), (radius, radius), SMOKED);
    panel.ring((x, z), (radius * 0.94, radius * 0.94), 0.026, CHROME);
    for turn in 0..3 {
        let (sin, cos) = (turn as f32 / 3.0 * std::f32::consts::TAU).sin_cos();
        panel.line(&[(x, z), (x + radius * 0.88 * sin, z + radius * 0.88 * cos)], 0.03, CHROME);
    }
}

fn windscreen(panel: &mut Panel, shape: &Shape) {
    if !shape.has_roof() {
        return;
    }
    let (low, high) = (shape.belt - 0.02, shape.height - 0.075);
    let half = |z: f32| shape.cabin_half(shape.cabin_level(z)) * 0.90;
    let glass = [(-half(low), low), (half(low), low), (half(high), high), (-half(high), high)];
    panel.soft(&glass, 0.06, GLASS);
    let middle = lerp(low, high, 0.55);
    for side in [-0.45, 0.45] {
        // Front seats, dim behind the glass.
        panel.soft(
            &[(side - 0.2, low), (side + 0.2, low), (side + 0.15, middle), (side - 0.15, middle)],
            0.08,
            Finish::tint([34, 36, 40]).thin(0.7),
        );
    }
    panel.line(&[(-0.05, high - 0.05), (0.05, high - 0.05)], 0.05, BLACK);
    panel.line(&[(-half(low) * 0.9, low + 0.01), (-0.05, low + 0.05)], 0.015, BLACK);
    panel.line(&[(0.05, low + 0.01), (half(low) * 0.85, low + 0.05)], 0.015, BLACK);
    panel.outline(&glass, 0.06, 0.018, BLACK);
}
