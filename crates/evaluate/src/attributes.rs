//! What is known of the measured photos beside their labels: what slices are cut by.

use std::collections::BTreeSet;

use marque_contracts::counts::{grouped, percent};
use marque_formats::{CellValue, LabelRow};
use marque_metrics::{Attribute, AttributeValues, brightness as mean_brightness};
use rayon::prelude::*;

use crate::Error;
use crate::inputs::{Inputs, Photos};

/// Values of a column by which slices are cut at most: with more of them hardly a slice has photos enough to tell anything.
const VALUES: usize = 50;

/// Attributes of the photos: of the data set, of its own columns, and of the pixels.
pub(crate) fn attributes(inputs: &Inputs, photos: &Photos) -> Result<Vec<Attribute>, Error> {
    let table = &inputs.table;
    let rows: Vec<&LabelRow> = photos.rows.iter().map(|row| &table.rows[*row]).collect();
    let text = |name: &str, of: &dyn Fn(usize) -> Option<String>| {
        let values: Vec<_> = (0..rows.len()).map(of).collect();
        let distinct: BTreeSet<_> = values.iter().flatten().collect();
        let usable = (2..=VALUES).contains(&distinct.len());
        usable.then(|| Attribute { name: name.to_owned(), values: AttributeValues::Text(values) })
    };
    let own = table.columns.iter().map(|(name, values)| {
        text(name, &|photo| match values[photos.rows[photo]].as_ref()? {
            CellValue::Text(text) => Some(text.clone()),
            CellValue::List(_) => None,
        })
    });
    let mut found: Vec<_> = [
        text("make", &|photo| rows[photo].make.clone()),
        text("body", &|photo| rows[photo].body.clone()),
        text("year", &|photo| rows[photo].year.map(|year| year.to_string())),
    ]
    .into_iter()
    .chain(own)
    .flatten()
    .collect();
    let pixels = |value: f64| format!("{} pixels", grouped(value as u64));
    let brightness = brightness(inputs, photos)?;
    for (name, values, written) in [
        ("brightness", brightness, percent as fn(f64) -> String),
        ("shorter side", rows.iter().map(|row| Some(f64::from(row.width.min(row.height)))).collect(), pixels),
        ("share of the box", rows.iter().map(|row| share_of_box(row)).collect(), percent),
    ] {
        found.push(Attribute { name: name.to_owned(), values: AttributeValues::Number(values, written) });
    }
    Ok(found)
}

/// How bright what the network sees is.
fn brightness(inputs: &Inputs, photos: &Photos) -> Result<Vec<Option<f64>>, Error> {
    let mean = |place| Ok(mean_brightness(inputs.shards.photo(place)?));
    photos.places.par_iter().map(mean).collect()
}

fn share_of_box(row: &LabelRow) -> Option<f64> {
    let crop = row.crop?;
    let all = f64::from(row.width) * f64::from(row.height);
    let [width, height] =
        [(crop.x1, crop.x2), (crop.y1, crop.y2)].map(|(low, high)| f64::from(high - low) + 1.0);
    (all > 0.0).then(|| width * height / all)
}
