//! How the locator learns where the car is.

use marque_settings::Section;
use serde::Serialize;

/// How the locator learns.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct LocatorSettings {
    /// Steps, of 16 views each; 0 for no locator.
    #[serde(rename = "locator_steps")]
    pub steps: usize,
}

impl LocatorSettings {
    pub(crate) fn read(section: &mut Section<'_>) -> Self {
        let about = "where photos have boxes: steps, of 16 views of whole photos each, in which a small network learns where \
                     the car is, for photos that come without a box; 0: none";
        Self { steps: section.key("locator_steps", about).count(3000, 0..=1_000_000) }
    }
}
