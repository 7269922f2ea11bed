//! How to prepare photos for a model, as other programs read it: `preprocessor_config.json`.

use serde::{Deserialize, Serialize};

use super::{Filter, Fit, Preparation};

/// How to prepare photos, in the words of Hugging Face's image processors, and in three of our own where these have none:
/// `do_crop_to_box` and `crop_to_box`, and `background`. Fields are in the order of their names, as they are written.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Preprocessor {
    /// What is behind transparent photos: red, green, blue; white if it is not said. A word of our own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    background: Option<[u8; 3]>,
    /// The middle square that is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crop_size: Option<Square>,
    /// How photos are cut to the box of the car first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crop_to_box: Option<CropToBox>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    do_center_crop: Option<bool>,
    /// Whether photos are cut to the box of the car first. Older files do not say it: `crop_to_box` is there, or not.
    #[serde(default)]
    do_crop_to_box: Option<bool>,
    do_normalize: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    do_pad: Option<bool>,
    do_rescale: bool,
    do_resize: bool,
    image_mean: [f64; 3],
    image_std: [f64; 3],
    /// What is around photos that are padded: red, green, blue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pad_color: Option<[u8; 3]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pad_size: Option<Square>,
    /// Pillow's number of the filter.
    resample: u8,
    rescale_factor: f64,
    size: Size,
}

const WHITE: [u8; 3] = [255; 3];

/// Sides in pixels.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Square {
    height: usize,
    width: usize,
}

/// What photos are resized to, in pixels.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Size {
    Square(Square),
    Shortest { shortest_edge: usize },
    Longest { longest_edge: usize },
}

/// How far beyond the box, as a share of its sides.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
struct CropToBox {
    margin: f64,
}

impl Preprocessor {
    /// Photos prepared like this, and normalised per colour by `(byte / 255 - mean) / std`.
    pub fn new(preparation: &Preparation, mean: [f32; 3], std: [f32; 3]) -> Self {
        let &Preparation { size, margin, fit, resize, background } = preparation;
        let square = Square { height: size, width: size };
        let (crops, pads) = (fit == Fit::Crop, fit == Fit::Pad);
        Self {
            background: (background != WHITE && !pads).then_some(background),
            crop_size: crops.then_some(square),
            crop_to_box: margin.map(|margin| CropToBox { margin }),
            do_center_crop: crops.then_some(true),
            do_crop_to_box: Some(margin.is_some()),
            do_normalize: true,
            do_pad: pads.then_some(true),
            do_rescale: true,
            do_resize: true,
            image_mean: mean.map(f64::from),
            image_std: std.map(f64::from),
            pad_color: pads.then_some(background),
            pad_size: pads.then_some(square),
            resample: resize.pillow(),
            rescale_factor: 1.0 / 255.0,
            size: match fit {
                Fit::Squash => Size::Square(square),
                Fit::Crop => Size::Shortest { shortest_edge: size },
                Fit::Pad => Size::Longest { longest_edge: size },
            },
        }
    }

    /// How photos become pixels by it.
    pub fn preparation(&self) -> Preparation {
        let (fit, size) = match self.size {
            Size::Square(square) => (Fit::Squash, square.height),
            Size::Shortest { shortest_edge } => (Fit::Crop, shortest_edge),
            Size::Longest { longest_edge } => (Fit::Pad, longest_edge),
        };
        let filters = [Filter::Bilinear, Filter::Bicubic, Filter::Lanczos];
        let resize = filters.into_iter().find(|filter| filter.pillow() == self.resample);
        Preparation {
            size,
            margin: match self.do_crop_to_box {
                Some(false) => None,
                Some(true) => Some(self.crop_to_box.map_or(0.0, |crop| crop.margin)),
                None => self.crop_to_box.map(|crop| crop.margin),
            },
            fit,
            resize: resize.unwrap_or_default(),
            background: self.pad_color.or(self.background).unwrap_or(WHITE),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const SQUASHED: Preparation = Preparation {
        size: 64,
        margin: None,
        fit: Fit::Squash,
        resize: Filter::Bilinear,
        background: [255; 3],
    };

    #[test]
    fn the_words_are_those_of_hugging_face() {
        let words = |preparation: &Preparation| json!(Preprocessor::new(preparation, [0.5; 3], [0.25; 3]));
        let squashed = words(&SQUASHED);
        assert_eq!(squashed["size"], json!({ "height": 64, "width": 64 }));
        assert_eq!((&squashed["resample"], &squashed["do_crop_to_box"]), (&json!(2), &json!(false)));
        assert_eq!(
            (&squashed["image_mean"], &squashed["do_rescale"]),
            (&json!([0.5, 0.5, 0.5]), &json!(true))
        );
        let cropped = words(&Preparation { fit: Fit::Crop, resize: Filter::Lanczos, ..SQUASHED });
        assert_eq!(cropped["size"], json!({ "shortest_edge": 64 }));
        assert_eq!(cropped["crop_size"], json!({ "height": 64, "width": 64 }));
        assert_eq!(cropped["resample"], 1);
        let padded = Preparation { fit: Fit::Pad, margin: Some(0.125), background: [1, 2, 3], ..SQUASHED };
        let padded = words(&padded);
        assert_eq!(padded["size"], json!({ "longest_edge": 64 }));
        assert_eq!(padded["pad_color"], json!([1, 2, 3]));
        assert_eq!(padded["crop_to_box"], json!({ "margin": 0.125 }));
        assert_eq!(padded["do_crop_to_box"], true);
    }

    /// Files of before `do_crop_to_box`, and those that people have changed.
    #[test]
    fn whether_photos_are_cut_is_read_as_it_was_written() {
        let mut words = json!(Preprocessor::new(&SQUASHED, [0.5; 3], [0.25; 3]));
        let mut margin = |said: Option<bool>, crop: Option<f64>| {
            let keys = words.as_object_mut().unwrap();
            keys.retain(|key, _| !key.ends_with("crop_to_box"));
            keys.extend(said.map(|said| ("do_crop_to_box".to_owned(), json!(said))));
            keys.extend(crop.map(|margin| ("crop_to_box".to_owned(), json!({ "margin": margin }))));
            serde_json::from_value::<Preprocessor>(words.clone()).unwrap().preparation().margin
        };
        assert_eq!(margin(None, None), None);
        assert_eq!(margin(None, Some(0.25)), Some(0.25));
        assert_eq!(margin(Some(true), Some(0.25)), Some(0.25));
        assert_eq!(margin(Some(true), None), Some(0.0));
        assert_eq!(margin(Some(false), Some(0.25)), None);
    }

    #[test]
    fn what_is_written_is_read_again_and_in_order() {
        for (fit, background) in [(Fit::Squash, [255; 3]), (Fit::Crop, [1, 2, 3]), (Fit::Pad, [9, 8, 7])] {
            for resize in [Filter::Bilinear, Filter::Bicubic, Filter::Lanczos] {
                for margin in [None, Some(0.0), Some(0.05)] {
                    let preparation = Preparation { size: 96, margin, fit, resize, background };
                    let written = Preprocessor::new(&preparation, [0.485, 0.456, 0.406], [0.2; 3]);
                    let text = serde_json::to_string_pretty(&written).unwrap();
                    // By the names, as files have always been written.
                    let sorted: Value = serde_json::from_str(&text).unwrap();
                    assert_eq!(text, serde_json::to_string_pretty(&sorted).unwrap());
                    let read: Preprocessor = serde_json::from_str(&text).unwrap();
                    assert_eq!((read.preparation(), read), (preparation, written));
                }
            }
        }
    }
}
