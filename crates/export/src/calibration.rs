//! A model's `calibration.json`, as far as an exported graph has it too.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use marque_contracts::json;
use marque_contracts::schema::HeadKind;
use marque_contracts::schema::model::CALIBRATION;
use marque_metrics::OperatingPoints;
use marque_network::NetworkConfig;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Error;

/// How often answers are to be right that operating points are told for.
const TARGET_PRECISIONS: [f64; 3] = [0.9, 0.95, 0.99];

/// The file.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Calibration {
    heads: BTreeMap<String, HeadCalibration>,
    photos: u64,
}

#[derive(Clone, Debug, Deserialize)]
struct HeadCalibration {
    temperatures: Vec<f64>,
    operating_points: OperatingPoints,
}

impl Calibration {
    /// Reads it from a model's folder; `None` if it is not there.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or is of other heads.
    pub(crate) fn read(folder: &Path, config: &NetworkConfig) -> Result<Option<Self>, Error> {
        let path = folder.join(CALIBRATION);
        let calibration: Self = match json::read(&path) {
            Ok(calibration) => calibration,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        for head in &config.heads {
            let wanted = if head.kind == HeadKind::Tags { head.classes } else { 1 };
            let found = calibration.heads.get(&head.name).map(|found| &found.temperatures[..]);
            let fits = |found: &[f64]| {
                [0, wanted].contains(&found.len()) && found.iter().all(|one| one.is_finite() && *one > 0.0)
            };
            if !found.is_some_and(fits) {
                let reason = format!("the head `{}` needs {wanted} temperatures above 0", head.name);
                return Err(Error::Calibration { path, reason });
            }
        }
        Ok(Some(calibration))
    }

    /// What the logits of a head are divided by, one number or one per tag; empty for 1.
    pub(crate) fn temperatures(&self, head: &str) -> &[f64] {
        self.heads.get(head).map_or(&[], |head| &head.temperatures)
    }

    /// In the words of the file, with an operating point for each of some target precisions; `threshold` is null where no
    /// probability is enough.
    pub(crate) fn to_json(&self) -> Value {
        let point = |points: &OperatingPoints, target: f64| match points.at(target) {
            Some(point) => {
                json!({ "target_precision": target, "threshold": point.threshold, "coverage": point.coverage })
            }
            None => json!({ "target_precision": target, "threshold": null, "coverage": 0.0 }),
        };
        let head = |head: &HeadCalibration| {
            let points = &head.operating_points;
            let told = TARGET_PRECISIONS.iter().filter(|_| !points.is_empty());
            let points: Vec<_> = told.map(|target| point(points, *target)).collect();
            json!({ "temperatures": head.temperatures, "operating_points": points })
        };
        let heads = self.heads.iter().map(|(name, calibration)| (name.clone(), head(calibration)));
        json!({ "photos": self.photos, "heads": Value::Object(heads.collect()) })
    }
}
