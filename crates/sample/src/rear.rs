//! The rear view: tail lamps, badge, bumper and rear window.

use crate::Error;
use crate::catalogue::{Body, Face};
use crate::frame::Frame;
use crate::front::{blue_oval, bowtie, rings, roundel, star};
use crate::geometry::lerp;
use crate::panel::{
    AMBER, At, BLACK, BUMPER_GREY, CHROME, DARK_RED, GLASS, LENS, PLASTIC, Panel, RED, RED_LED, SEAM, SMOKED,
    SkinImage, WHITE, YELLOW,
};
use crate::shape::Shape;

/// Paints the rear view of a class.
pub(crate) fn paint(shape: &Shape) -> Result<SkinImage, Error> {
    let frame = Frame::rear(shape);
    let mut panel = frame.panel()?;
    bumper(&mut panel, &frame, shape);
    for side in [-1.0, 1.0] {
        tail_lamp(&mut panel, &frame, shape, side);
    }
    rear_window(&mut panel, &frame, shape);
    badge(&mut panel, &frame, shape.face);
    Ok(panel.finish())
}

fn bumper(panel: &mut Panel, frame: &Frame, shape: &Shape) {
    let f = |u, v| frame.at(u, v);
    if shape.early {
        panel.bar(f(-1.1, -0.2), f(1.1, 0.05), BLACK);
        panel.bar(f(-1.1, 0.10), f(1.1, 0.42), BUMPER_GREY);
        panel.bar(f(-1.1, 0.25), f(1.1, 0.30), BLACK);
        panel.bar(f(-1.1, 0.30), f(1.1, 0.325), CHROME);
    } else {
        panel.soft(&[f(-0.8, -0.1), f(0.8, -0.1), f(0.66, 0.20), f(-0.66, 0.20)], 0.04, BLACK);
        for side in [-1.0, 1.0] {
            panel.soft(
                &[f(0.42 * side, 0.03), f(0.66 * side, 0.03), f(0.66 * side, 0.14), f(0.42 * side, 0.14)],
                0.02,
                CHROME,
            );
            panel.bar(f(0.74 * side, 0.26), f(0.96 * side, 0.30), RED_LED);
        }
        panel.line(&[f(-0.98, 0.38), f(0.98, 0.38)], 0.014, SEAM.thin(0.7));
    }
    let plate = if matches!(shape.face, Face::Dodge) { 0.53 } else { 0.50 };
    panel.bar(f(-0.21, plate - 0.07), f(0.21, plate + 0.07), WHITE);
    panel.line(&[f(-0.14, plate), f(0.14, plate)], 0.03, PLASTIC.thin(0.6));
}

/// The tail lamp's outline in frame units for the side u > 0.
pub(crate) fn outline(face: Face) -> Vec<At> {
    match face {
        Face::Audi => vec![(0.46, 0.66), (1.1, 0.62), (1.1, 0.84), (0.50, 0.82)],
        Face::Bmw => vec![(0.40, 0.56), (1.1, 0.56), (1.1, 0.97), (0.78, 0.97), (0.78, 0.72), (0.40, 0.72)],
        Face::Chevrolet => vec![(0.50, 0.58), (1.02, 0.58), (1.02, 0.86), (0.50, 0.86)],
        Face::Dodge => vec![(-0.02, 0.70), (1.1, 0.70), (1.1, 0.92), (-0.02, 0.92)],
        Face::Ford => vec![(0.80, 0.42), (1.1, 0.42), (1.1, 1.0), (0.86, 1.0)],
        Face::Slot => vec![(0.55, 0.60), (1.1, 0.60), (1.1, 0.92), (0.66, 0.92)],
        Face::Wing => vec![(0.60, 0.84), (1.1, 0.50), (1.1, 0.94)],
        Face::Star => vec![(0.50, 0.84), (0.60, 0.54), (1.1, 0.54), (1.1, 0.84)],
        Face::Hexagon => vec![(0.46, 0.62), (0.80, 0.56), (1.1, 0.70), (1.1, 0.94), (0.80, 0.82)],
        Face::SevenSlots => vec![(0.76, 0.56), (0.98, 0.56), (0.98, 0.90), (0.76, 0.90)],
        Face::Mesh => vec![(0.56, 0.60), (1.0, 0.60), (1.0, 0.84), (0.56, 0.84)],
        Face::Temple => vec![(0.74, 0.58), (0.90, 0.58), (0.90, 0.90), (0.74, 0.90)],
        Face::LowMouth => vec![(0.66, 0.66), (0.92, 0.66), (0.92, 0.92), (0.66, 0.92)],
        Face::Slash => vec![(0.72, 0.50), (1.1, 0.50), (1.1, 1.02), (0.90, 1.02), (0.88, 0.70)],
        Face::Shield => vec![(0.90, 0.44), (1.1, 0.44), (1.1, 1.02), (0.94, 1.02)],
    }
}

fn rounds(face: Face) -> &'static [(f32, f32, f32)] {
    match face {
        Face::Chevrolet => &[(0.56, 0.72, 0.105), (0.85, 0.72, 0.105)],
        Face::LowMouth => &[(0.76, 0.78, 0.12)],
        Face::Mesh => &[(0.76, 0.72, 0.13)],
        _ => &[],
    }
}

fn tail_lamp(panel: &mut Panel, frame: &Frame, shape: &Shape, side: f32) {
    let outline: Vec<At> = outline(shape.face).iter().map(|&(u, v)| frame.at(u * side, v)).collect();
    let rounds = rounds(shape.face);
    for &(u, v, radius) in rounds {
        let centre = frame.at(u * side, v);
        panel.disc(centre, (radius, radius), if shape.early { RED } else { DARK_RED });
        if shape.early {
            panel.disc(centre, (radius * 0.4, radius * 0.4), LENS);
            panel.ring(centre, (radius, radius), 0.025, CHROME);
        } else {
            panel.ring(centre, (radius * 0.72, radius * 0.72), 0.035, RED_LED);
        }
    }
    if rounds.is_empty() {
        panel.soft(&outline, if shape.early { 0.01 } else { 0.04 }, if shape.early { RED } else { DARK_RED });
        if !shape.early {
            let (a, b) = (outline[0], outline[1]);
            panel.line(&[(a.0, a.1 + 0.03), (b.0, b.1 + 0.03)], 0.035, RED_LED);
        }
    }
    if shape.early {
        // Amber indicator and clear reversing lamp below the red.
        panel.bar(frame.at(0.80 * side, 0.44), frame.at(1.10 * side, 0.53), AMBER);
        panel.bar(frame.at(0.66 * side, 0.44), frame.at(0.80 * side, 0.53), LENS);
    }
}

fn badge(panel: &mut Panel, frame: &Frame, face: Face) {
    let f = |u, v| frame.at(u, v);
    match face {
        Face::Audi => {
            panel.soft(&[f(-0.46, 0.58), f(0.46, 0.58), f(0.46, 0.92), f(-0.46, 0.92)], 0.03, BLACK);
            rings(panel, f(0.0, 0.76));
        }
        Face::Bmw => roundel(panel, f(0.0, 0.76), 0.18),
        Face::Chevrolet => bowtie(panel, f(0.0, 0.76), 0.40),
        Face::Dodge => {
            panel.disc(f(0.0, 0.80), (0.21, 0.18), CHROME);
            panel.disc(f(0.0, 0.80), (0.18, 0.15), RED);
        }
        Face::Ford => {
            panel.bar(f(-0.72, 0.72), f(0.72, 0.80), CHROME);
            blue_oval(panel, f(0.0, 0.76));
        }
        Face::Slot => panel.ring(f(0.0, 0.78), (0.12, 0.08), 0.028, CHROME),
        Face::Wing => panel.outline(
            &[f(-0.07, 0.70), f(0.07, 0.70), f(0.09, 0.86), f(-0.09, 0.86)],
            0.02,
            0.024,
            CHROME,
        ),
        Face::Star => star(panel, f(0.0, 0.76), 0.10),
        Face::Hexagon => panel.ring(f(0.0, 0.78), (0.09, 0.06), 0.024, CHROME),
        Face::SevenSlots => panel.bar(f(-0.5, 0.70), f(-0.25, 0.76), CHROME),
        Face::Mesh => panel.line(&[f(-0.16, 0.80), f(0.0, 0.76), f(0.16, 0.80)], 0.04, CHROME),
        Face::Temple => panel.bar(f(-0.06, 0.70), f(0.06, 0.90), SMOKED),
        Face::LowMouth => panel.bar(f(-0.05, 0.72), f(0.05, 0.86), YELLOW),
        Face::Slash => {
            panel.disc(f(0.0, 0.78), (0.07, 0.07), SMOKED);
            panel.ring(f(0.0, 0.78), (0.07, 0.07), 0.022, CHROME);
        }
        Face::Shield => {
            panel.bar(f(-0.80, 0.64), f(0.80, 0.68), CHROME);
            panel.soft(
                &[f(-0.08, 0.90), f(0.08, 0.90), f(0.06, 0.76), f(0.0, 0.70), f(-0.06, 0.76)],
                0.01,
                CHROME,
            );
        }
    }
}

fn rear_window(panel: &mut Panel, frame: &Frame, shape: &Shape) {
    if !shape.has_roof() {
        return;
    }
    let (low, high) = (shape.belt + 0.05, shape.height - 0.09);
    let half = |z: f32| shape.cabin_half(shape.cabin_level(z)) * 0.86;
    let glass = [(-half(low), low), (half(low), low), (half(high), high), (-half(high), high)];
    panel.soft(&glass, 0.06, GLASS);
    let middle = lerp(low, high, 0.45);
    for side in [-0.4, 0.4] {
        panel.soft(
            &[(side - 0.17, low), (side + 0.17, low), (side + 0.13, middle), (side - 0.13, middle)],
            0.08,
            PLASTIC.thin(0.35),
        );
    }
    panel.outline(&glass, 0.06, 0.018, BLACK);
    match shape.body {
        Body::Van => panel.bar((-0.045, frame.height(0.05)), (0.045, shape.height), SEAM.thin(0.85)),
        Body::Suv | Body::Minivan | Body::Hatchback | Body::Wagon => {
            panel.line(&[(0.0, low + 0.02), (0.3, low + 0.10)], 0.016, BLACK);
            // High brake light.
            panel.bar((-0.14, high + 0.02), (0.14, high + 0.05), RED);
        }
        _ => panel.bar((-0.12, low + 0.01), (0.12, low + 0.04), RED),
    }
}
