//! One class's car: its surfaces and the pictures that lie on them. The same class always looks the same.

use crate::Error;
use crate::catalogue::CLASSES;
use crate::chance::Chance;
use crate::geometry::{Vec3, vec3};
use crate::mesh::{Mesh, SKINS, Skin};
use crate::panel::SkinImage;
use crate::shape::Shape;
use crate::{front, rear, rims, side, top};

/// Half width of a tyre in metres.
const TYRE: f32 = 0.115;

/// Where a wheel stands, and which way its outer face looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WheelPlace {
    pub(crate) centre: Vec3,
    /// 1 on the left, -1 on the right.
    pub(crate) side: f32,
    pub(crate) steers: bool,
}

/// The car of one class, without what differs from photo to photo.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) body: Mesh,
    /// One wheel of unit radius, outer face towards +y.
    pub(crate) wheel: Mesh,
    pub(crate) wheels: [WheelPlace; 4],
    pub(crate) wheel_radius: f32,
    pub(crate) length: f32,
    pub(crate) width: f32,
    /// The skins in the order of [`Skin`]; paint, leather and cloth get their colour per photo.
    pub(crate) skins: [SkinImage; SKINS],
}

impl Model {
    /// Builds the car of class `number`, counted from 0 in the catalogue.
    pub(crate) fn new(number: usize) -> Result<Model, Error> {
        let class =
            CLASSES.get(number).ok_or(Error::NoSuchClass { class: number, classes: CLASSES.len() })?;
        let shape = Shape::of(class, &mut Chance::new(0x6d61_7271_7565, number as u64));
        let mut body = Mesh::default();
        shape.add_body(&mut body);
        shape.add_cabin(&mut body);
        let mut wheel = Mesh::default();
        wheel.wheel(TYRE / shape.wheel, shape.rim);
        let place = |axle: f32, side: f32, steers: bool| WheelPlace {
            centre: vec3(axle, side * (shape.half_width(axle) * 0.985 - TYRE), shape.wheel),
            side,
            steers,
        };
        Ok(Model {
            body,
            wheel,
            wheels: [
                place(shape.front_axle, 1.0, true),
                place(shape.front_axle, -1.0, true),
                place(shape.rear_axle, 1.0, false),
                place(shape.rear_axle, -1.0, false),
            ],
            wheel_radius: shape.wheel,
            length: shape.length,
            width: shape.width,
            skins: Model::skins(&shape)?,
        })
    }

    fn skins(shape: &Shape) -> Result<[SkinImage; SKINS], Error> {
        let mut skins: [SkinImage; SKINS] = std::array::from_fn(|_| SkinImage::bare());
        skins[Skin::Side as usize] = side::paint(shape)?;
        skins[Skin::Front as usize] = front::paint(shape)?;
        skins[Skin::Rear as usize] = rear::paint(shape)?;
        skins[Skin::Top as usize] = top::paint(shape)?;
        skins[Skin::Wheel as usize] = rims::paint(shape)?;
        skins[Skin::Hollow as usize] = SkinImage::plain([7, 7, 8], 0.0);
        skins[Skin::Plastic as usize] = SkinImage::plain([34, 34, 36], 0.02);
        skins[Skin::Chrome as usize] = SkinImage::plain([186, 190, 195], 0.15);
        skins[Skin::Clear as usize] = SkinImage::plain([120, 140, 150], 0.2);
        Ok(skins)
    }
}
