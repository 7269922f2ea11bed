//! The annotation files of the devkit, MATLAB 5 with the published variable and field names.

use marque_mat5::{Cell, Struct, Value, Variable};

use crate::Error;
use crate::catalogue::CLASSES;
use crate::photo::Rectangle;
use crate::stanford_cars;

/// The annotation of one photo.
pub(crate) struct Annotation {
    pub(crate) bounds: Rectangle,
    /// Class counted from 0 in the catalogue; the files count from 1.
    pub(crate) class: usize,
    pub(crate) file: String,
}

/// The class names: the cell array `class_names`.
pub(crate) fn meta() -> Result<Vec<u8>, Error> {
    let names = Cell::row(CLASSES.iter().map(|class| Value::from(class.name)));
    bytes(stanford_cars::CLASS_NAMES, Variable::new("class_names", names))
}

/// The struct array `annotations` of one split; without labels it lacks the field `class`.
pub(crate) fn split(name: &'static str, annotations: &[Annotation], labels: bool) -> Result<Vec<u8>, Error> {
    let fields = ["bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class", "fname"];
    let keep = |field: &&str| labels || *field != "class";
    let mut array = Struct::new(fields.into_iter().filter(keep));
    for annotation in annotations {
        let bounds = annotation.bounds;
        let mut row: Vec<Value> =
            [bounds.x1, bounds.y1, bounds.x2, bounds.y2].map(|bound| Value::from(f64::from(bound))).into();
        if labels {
            row.push(Value::from((annotation.class + 1) as f64));
        }
        row.push(Value::from(annotation.file.as_str()));
        array.push(row).map_err(|source| Error::Annotations { name, source })?;
    }
    bytes(name, Variable::new("annotations", array))
}

fn bytes(name: &'static str, variable: Variable) -> Result<Vec<u8>, Error> {
    marque_mat5::write(&[variable]).map_err(|source| Error::Annotations { name, source })
}
