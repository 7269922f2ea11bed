//! The unit frame of a face: u from -1 to 1 across, v from 0 at its lower to 1 at its upper edge.

use crate::Error;
use crate::panel::{At, Panel};
use crate::shape::Shape;

/// Texels per metre of the car's panels.
pub(crate) const SCALE: f32 = 100.0;

/// Where the front or the rear face lies in its panel.
pub(crate) struct Frame {
    half: f32,
    low: f32,
    high: f32,
    roof: f32,
}

impl Frame {
    /// The frame of the front face.
    pub(crate) fn front(shape: &Shape) -> Frame {
        Frame::at_end(shape, shape.front())
    }

    /// The frame of the rear face.
    pub(crate) fn rear(shape: &Shape) -> Frame {
        Frame::at_end(shape, shape.rear())
    }

    fn at_end(shape: &Shape, x: f32) -> Frame {
        Frame {
            half: shape.half_width(x),
            low: shape.sill(x),
            high: shape.shoulder(x) + 0.02,
            roof: shape.height,
        }
    }

    /// A point of the frame in metres.
    pub(crate) fn at(&self, u: f32, v: f32) -> At {
        (u * self.half, self.low + v * (self.high - self.low))
    }

    /// The height in metres of a relative height.
    pub(crate) fn height(&self, v: f32) -> f32 {
        self.low + v * (self.high - self.low)
    }

    /// A bare panel of this view.
    pub(crate) fn panel(&self) -> Result<Panel, Error> {
        Panel::new((-1.15, 0.0), (1.15, self.roof + 0.1), SCALE)
    }
}
