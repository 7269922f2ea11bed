//! The view from above: bonnet, deck, cockpit and load bed.

use crate::Error;
use crate::catalogue::Body;
use crate::frame::SCALE;
use crate::panel::{BLACK, Finish, PLASTIC, Panel, SEAM, SkinImage};
use crate::shape::Shape;

/// Paints the view from above of a class.
pub(crate) fn paint(shape: &Shape) -> Result<SkinImage, Error> {
    let half = shape.length / 2.0 + 0.1;
    let mut panel = Panel::new((-half, -1.15), (half, 1.15), SCALE * 0.6)?;
    let (front, breadth) = (shape.length / 2.0, shape.width / 2.0);
    for side in [-1.0, 1.0] {
        // Shut line of the bonnet, then two raised lines running to the nose.
        panel.line(
            &[(shape.cowl, breadth * 0.84 * side), (front - 0.05, breadth * 0.74 * side)],
            0.018,
            SEAM.thin(0.7),
        );
        let (inner, shade) = if shape.early { (0.5, 0.18) } else { (0.42, 0.38) };
        panel.line(
            &[(shape.cowl, breadth * (inner + 0.1) * side), (front, breadth * inner * 0.8 * side)],
            0.04,
            BLACK.thin(shade),
        );
    }
    panel.bar((shape.cowl - 0.1, -breadth * 0.82), (shape.cowl + 0.09, breadth * 0.82), BLACK.thin(0.85));
    match (shape.hole, shape.body) {
        (Some((from, to)), Body::Convertible) => {
            panel.soft(&corners(from, to, breadth * 0.835), 0.05, Finish::tint([38, 36, 36]));
            panel.outline(&corners(from, to, breadth * 0.84), 0.05, 0.035, BLACK);
        }
        (Some((from, to)), _) => {
            panel.area(&corners(from, to, breadth * 0.835), PLASTIC);
            for rib in -3..=3 {
                let y = rib as f32 * 0.2;
                panel.line(&[(from, y), (to, y)], 0.03, BLACK.thin(0.6));
            }
        }
        _ => {
            panel.line(
                &[(shape.tail - 0.04, breadth * 0.8), (shape.tail - 0.04, -breadth * 0.8)],
                0.02,
                SEAM.thin(0.8),
            );
        }
    }
    Ok(panel.finish())
}

fn corners(from: f32, to: f32, half: f32) -> [(f32, f32); 4] {
    [(from, -half), (to, -half), (to, half), (from, half)]
}
