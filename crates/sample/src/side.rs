//! The side view: windows, doors, lamps that wrap around the corners, and the marks of the era along the flank.

use crate::Error;
use crate::catalogue::{Body, Face};
use crate::frame::{Frame, SCALE};
use crate::geometry::lerp;
use crate::panel::{
    AMBER, At, BLACK, BUMPER_GREY, CHROME, DARK_RED, Finish, GLASS, LED, LENS, PLASTIC, Panel, RED, RED_LED,
    RUBBER, SEAM, SMOKED, SkinImage,
};
use crate::rear;
use crate::shape::Shape;

/// Paints the side view of a class, seen from its left or its right alike.
pub(crate) fn paint(shape: &Shape) -> Result<SkinImage, Error> {
    let half = shape.length / 2.0 + 0.1;
    let mut panel = Panel::new((-half, 0.0), (half, shape.height + 0.1), SCALE)?;
    cladding(&mut panel, shape);
    doors(&mut panel, shape);
    era_marks(&mut panel, shape);
    head_corner(&mut panel, shape);
    tail_corner(&mut panel, shape);
    windows(&mut panel, shape);
    Ok(panel.finish())
}

/// Dark arches and sills of cars that stand high; a thin lip on all others.
fn cladding(panel: &mut Panel, shape: &Shape) {
    let half = shape.length / 2.0;
    let (width, finish) = if shape.is_tall() { (0.15, PLASTIC) } else { (0.03, SEAM) };
    for axle in [shape.front_axle, shape.rear_axle] {
        let radius = shape.arch_radius();
        panel.ring((axle, shape.wheel), (radius, radius), width, finish);
    }
    let sill = if shape.is_tall() { 0.17 } else { 0.05 };
    panel.bar((-half, 0.0), (half, shape.clearance + sill), if shape.is_tall() { PLASTIC } else { SEAM });
}

/// Where the doors end, from the front backwards.
fn door_edges(shape: &Shape) -> Vec<f32> {
    let first = shape.cowl - 0.22;
    match shape.body {
        Body::Coupe | Body::Convertible => vec![first, first - 1.38],
        Body::Hatchback => vec![first, first - 1.12],
        Body::Van => vec![first - 0.15, first - 1.10],
        Body::Minivan => vec![first - 0.30, first - 1.30],
        _ => vec![first, first - 1.02, first - 1.95],
    }
}

fn doors(panel: &mut Panel, shape: &Shape) {
    let (low, high) = (shape.clearance + 0.14, shape.belt + 0.02);
    let edges = door_edges(shape);
    for &x in &edges {
        panel.line(&[(x, low), (x, high)], 0.016, SEAM.thin(0.85));
    }
    if let (Some(first), Some(last)) = (edges.first(), edges.last()) {
        panel.line(&[(*first, low), (*last, low)], 0.014, SEAM.thin(0.8));
    }
    let handle = if shape.early { BLACK } else { CHROME };
    for pair in edges.windows(2) {
        panel.line(
            &[(pair[1] + 0.10, shape.belt - 0.13), (pair[1] + 0.27, shape.belt - 0.12)],
            0.032,
            handle,
        );
    }
    if matches!(shape.body, Body::Minivan | Body::Van) {
        // Sliding door: its front edge is the front door's rear edge, its rail runs to the tail.
        let front = edges.last().copied().unwrap_or(0.0);
        let back = front - 1.15;
        panel.line(&[(back, low), (back, high)], 0.016, SEAM.thin(0.85));
        panel.line(&[(front, low), (back, low)], 0.014, SEAM.thin(0.8));
        panel.line(
            &[(back + 0.05, shape.belt - 0.16), (-shape.length / 2.0 + 0.35, shape.belt - 0.16)],
            0.04,
            BLACK,
        );
        panel.line(&[(front - 0.25, shape.belt - 0.13), (front - 0.08, shape.belt - 0.12)], 0.032, handle);
    }
    let flap = (-shape.length / 2.0 + 0.62, shape.belt - 0.15);
    panel.ring(flap, (0.08, 0.08), 0.012, SEAM.thin(0.6));
}

/// Early: a dark rubbing strip with a bright insert and grey bumper ends. Later: a sculpted crease.
fn era_marks(panel: &mut Panel, shape: &Shape) {
    let (front, rear) = (Frame::front(shape), Frame::rear(shape));
    let half = shape.length / 2.0;
    if shape.early {
        let z = lerp(shape.clearance, shape.belt, 0.46);
        panel.bar((-half, z - 0.05), (half, z + 0.05), RUBBER);
        panel.bar((-half, z + 0.012), (half, z + 0.035), CHROME);
        let reach = shape.arch_radius();
        let nose = shape.front_axle + reach * 0.9;
        let back = shape.rear_axle - reach * 0.9;
        panel.bar((nose, front.height(0.10)), (half + 0.1, front.height(0.42)), BUMPER_GREY);
        panel.bar((-half - 0.1, rear.height(0.10)), (back, rear.height(0.42)), BUMPER_GREY);
        panel.bar((nose, front.height(0.26)), (half + 0.1, front.height(0.31)), BLACK);
        panel.bar((-half - 0.1, rear.height(0.25)), (back, rear.height(0.30)), BLACK);
        return;
    }
    let crease = |share: f32| lerp(shape.clearance, shape.belt, share);
    let line = [(shape.front_axle + 0.1, crease(0.70)), (0.0, crease(0.73)), (-half + 0.3, crease(0.80))];
    let below: Vec<At> = line.iter().map(|p| (p.0, p.1 - 0.045)).collect();
    panel.line(&below, 0.07, BLACK.thin(0.40));
    panel.line(&line, 0.028, Finish::tint([255, 255, 255]).thin(0.55));
    let skirt = [(shape.front_axle - 0.5, crease(0.14)), (shape.rear_axle + 0.5, crease(0.22))];
    panel.line(&skirt, 0.05, BLACK.thin(0.45));
}

fn head_corner(panel: &mut Panel, shape: &Shape) {
    let frame = Frame::front(shape);
    let edge = shape.length / 2.0 + 0.1;
    let (low, high) = match shape.face {
        Face::Ford | Face::Chevrolet | Face::Shield => (0.50, 0.95),
        Face::SevenSlots | Face::Temple => (0.66, 0.90),
        _ => (0.64, 0.94),
    };
    let back = shape.front() - 0.16;
    let lamp = [
        (back, frame.height((low + high) / 2.0 + 0.06)),
        (edge, frame.height(low)),
        (edge, frame.height(high)),
        (back + 0.05, frame.height(high - 0.04)),
    ];
    if shape.early {
        panel.soft(&lamp, 0.02, LENS);
        panel.bar((shape.front() - 0.11, frame.height(0.52)), (edge, frame.height(0.90)), AMBER);
    } else {
        panel.soft(&lamp, 0.03, SMOKED);
        panel.line(&[(back + 0.06, lamp[0].1), (edge, frame.height(low) + 0.02)], 0.035, LED);
    }
}

fn tail_corner(panel: &mut Panel, shape: &Shape) {
    let frame = Frame::rear(shape);
    let edge = -shape.length / 2.0 - 0.1;
    // The heights that the lamp has at the corner of the rear view.
    let outer: Vec<f32> = rear::outline(shape.face).iter().filter(|p| p.0 > 0.85).map(|p| p.1).collect();
    let low = outer.iter().copied().fold(1.0, f32::min);
    let high = outer.iter().copied().fold(0.0, f32::max);
    let front = shape.rear() + 0.18;
    let lamp = [
        (edge, frame.height(low)),
        (front - 0.04, frame.height(low)),
        (front, frame.height(high)),
        (edge, frame.height(high)),
    ];
    panel.soft(&lamp, 0.02, if shape.early { RED } else { DARK_RED });
    if shape.early {
        panel.bar((edge, frame.height(0.44)), (front, frame.height(0.53)), AMBER);
    } else {
        let z = frame.height(low) + 0.03;
        panel.line(&[(edge, z), (front - 0.05, z)], 0.03, RED_LED);
    }
}

/// The outline of the side windows, from the lower front corner counter-clockwise.
fn glass_outline(shape: &Shape) -> Vec<At> {
    let (low, high) = (shape.belt + 0.02, shape.height - 0.095);
    let pillar = match shape.body {
        Body::Coupe => 0.50,
        Body::Sedan => 0.26,
        Body::Pickup => 0.14,
        _ => 0.17,
    };
    let mut outline = Vec::with_capacity(14);
    for step in 0..=5 {
        let z = lerp(low, high, step as f32 / 5.0);
        outline.push((shape.cabin_front(shape.cabin_level(z)) - 0.13, z));
    }
    for step in (0..=5).rev() {
        let z = lerp(low, high, step as f32 / 5.0);
        let rear = shape.cabin_rear(shape.cabin_level(z)) + pillar;
        // A fastback's side window ends in a point well before the tail.
        let limit = if shape.body == Body::Coupe { shape.cowl - 1.80 } else { f32::MIN };
        outline.push((rear.max(limit), z));
    }
    outline
}

fn windows(panel: &mut Panel, shape: &Shape) {
    if !shape.has_roof() {
        return;
    }
    let outline = glass_outline(shape);
    let trim = if shape.early { BLACK } else { CHROME };
    let (low, high) = (shape.belt + 0.02, shape.height - 0.095);
    let pillars: Vec<f32> = match shape.body {
        Body::Coupe => vec![shape.cowl - 1.52],
        Body::Van => vec![shape.cowl - 1.32, shape.cowl - 2.6],
        Body::Minivan => vec![shape.cowl - 0.5, shape.cowl - 1.52, shape.cowl - 2.68],
        Body::Hatchback => vec![shape.cowl - 1.34],
        Body::Pickup => vec![shape.cowl - 1.22],
        Body::Sedan => vec![shape.cowl - 1.22],
        Body::Wagon | Body::Suv => vec![shape.cowl - 1.22, shape.cowl - 2.15],
        Body::Convertible => vec![],
    };
    panel.soft(&outline, 0.05, GLASS);
    let seat = lerp(low, high, 0.55);
    for x in door_edges(shape) {
        let x = x - 0.75;
        panel.soft(
            &[(x - 0.22, low), (x + 0.1, low), (x + 0.02, seat), (x - 0.2, seat)],
            0.08,
            PLASTIC.thin(0.4),
        );
    }
    for x in pillars {
        panel.bar((x - 0.045, low - 0.01), (x + 0.045, high + 0.01), BLACK);
    }
    panel.outline(&outline, 0.05, 0.028, trim);
    if shape.face == Face::Bmw && shape.body != Body::Coupe {
        // The bent foot of the rear pillar.
        let x = shape.cabin_rear(shape.cabin_level(low)) + 0.2;
        panel.line(&[(x, low + 0.02), (x + 0.16, low + 0.14)], 0.05, trim);
    }
    if shape.face == Face::Audi || shape.face == Face::Star {
        panel.line(&[(outline[0].0, low), (outline[outline.len() - 1].0, low)], 0.03, CHROME);
    }
}
