//! What a model learnt of its own answers from the validation photos: `calibration.json`.

use std::collections::BTreeMap;
use std::path::Path;

use marque_contracts::counts::counted;
use marque_contracts::disk::is_there;
use marque_contracts::json;
use marque_contracts::schema::HeadKind;
use marque_contracts::schema::model::CALIBRATION;
use marque_metrics::{OperatingPoints, TEMPERATURES};
use marque_network::HeadConfig;
use serde::{Deserialize, Serialize};

use crate::Error;

/// How logits become probabilities that mean what they say, and from which probability on answers are right how often.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Calibration {
    /// In the order of the model's heads, of answers about photos as they are.
    heads: Vec<HeadCalibration>,
    /// The same of answers by the mean over each photo and its mirror image, which are surer.
    mirrored: Vec<HeadCalibration>,
    photos: u64,
}

/// The same of one head.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct HeadCalibration {
    /// What logits are divided by, each among [`TEMPERATURES`]: one number of a head with one class a photo, one per tag of the
    /// others. Empty for 1.
    pub temperatures: Vec<f64>,
    /// From which probability on answers are right how often. Of a head with tags, of each tag's presence or absence.
    pub operating_points: OperatingPoints,
}

/// The file.
#[derive(Serialize, Deserialize)]
struct Record {
    heads: BTreeMap<String, HeadCalibration>,
    /// Of answers by the mean over photo and mirror image; those of `heads` if it is empty.
    #[serde(default)]
    mirrored: BTreeMap<String, HeadCalibration>,
    /// Validation photos that it was fitted on.
    photos: u64,
}

impl Calibration {
    /// Of heads in the order of the model's, of answers about photos as they are and by the mean over photo and mirror image, fitted on
    /// so many photos.
    pub fn new(heads: Vec<HeadCalibration>, mirrored: Vec<HeadCalibration>, photos: u64) -> Self {
        Self { heads, mirrored, photos }
    }

    /// Reads it from a model's folder. A model without one is not calibrated: its temperatures are 1, and there are no
    /// operating points.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or is of other heads.
    pub fn read(folder: &Path, heads: &[HeadConfig]) -> Result<Self, Error> {
        let path = folder.join(CALIBRATION);
        if !is_there(&path) {
            let none = vec![HeadCalibration::default(); heads.len()];
            return Ok(Self { heads: none.clone(), mirrored: none, photos: 0 });
        }
        let Record { heads: mut plain, mut mirrored, photos } = json::read(&path)?;
        let mismatch = |reason: String| Error::Mismatch { path: path.clone(), reason };
        let of = |each: &mut BTreeMap<String, HeadCalibration>, head: &HeadConfig| {
            let found = each.remove(&head.name);
            let found = found.ok_or_else(|| mismatch(format!("it has no head `{}`", head.name)))?;
            let wanted = if head.kind == HeadKind::Tags { head.classes } else { 1 };
            let usable = |temperature: &f64| TEMPERATURES.contains(temperature);
            if ![0, wanted].contains(&found.temperatures.len()) || !found.temperatures.iter().all(usable) {
                let (name, wanted) = (&head.name, counted(wanted as u64, "temperature", "temperatures"));
                let (least, most) = TEMPERATURES.into_inner();
                return Err(mismatch(format!("the head `{name}` needs {wanted} from {least} to {most}")));
            }
            Ok(found)
        };
        let all = |each: &mut BTreeMap<String, HeadCalibration>| {
            heads.iter().map(|head| of(each, head)).collect::<Result<Vec<_>, Error>>()
        };
        let in_mirrored = (!mirrored.is_empty()).then(|| all(&mut mirrored)).transpose()?;
        let plain = all(&mut plain)?;
        Ok(Self { mirrored: in_mirrored.unwrap_or_else(|| plain.clone()), heads: plain, photos })
    }

    /// Writes it into a model's folder.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, folder: &Path, heads: &[HeadConfig]) -> Result<(), Error> {
        let named = |each: &[HeadCalibration]| {
            heads.iter().map(|head| head.name.clone()).zip(each.iter().cloned()).collect()
        };
        let record =
            Record { heads: named(&self.heads), mirrored: named(&self.mirrored), photos: self.photos };
        Ok(json::write(&folder.join(CALIBRATION), &record)?)
    }

    /// Per head, in the order of the model's; with `flip` of answers by the mean over photo and mirror image.
    pub fn heads(&self, flip: bool) -> &[HeadCalibration] {
        if flip { &self.mirrored } else { &self.heads }
    }

    /// Per head, the least probability from which on answers are right as often as `precision`; more than 1 where no probability
    /// is enough, and `None` where nothing was measured.
    pub fn thresholds(&self, precision: f64, flip: bool) -> Vec<Option<f64>> {
        let of = |head: &HeadCalibration| {
            let points = &head.operating_points;
            let point = points.at(precision).map_or(f64::INFINITY, |point| point.threshold);
            (!points.is_empty()).then_some(point)
        };
        self.heads(flip).iter().map(of).collect()
    }

    /// Validation photos that it was fitted on; 0 of a model that is not calibrated.
    pub fn photos(&self) -> u64 {
        self.photos
    }
}

impl HeadCalibration {
    /// Logits, one a class, divided by the temperature.
    pub fn scaled(&self, logits: &[f32]) -> Vec<f32> {
        let temperature = |class: usize| match self.temperatures.as_slice() {
            [] => 1.0,
            [one] => *one,
            each => each[class],
        };
        logits
            .iter()
            .enumerate()
            .map(|(class, logit)| (f64::from(*logit) / temperature(class)) as f32)
            .collect()
    }
}
