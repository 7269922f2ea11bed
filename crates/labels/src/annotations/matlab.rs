//! What the published layouts have in common: MATLAB files with `class_names` and `annotations`.
//!
//! The devkit's `README.txt` describes the fields. Boxes are MATLAB's: pixels counted from 1, both ends
//! included.

use std::path::{Path, PathBuf};

use marque_contracts::schema::{Spellings, normalised};
use marque_formats::Crop;
use marque_mat5::{Struct, Value, read_file};

use super::{Annotation, all_or_list};
use crate::Error;

/// The files below a folder.
pub(super) struct MatFiles<'a> {
    folder: &'a Path,
    files: Vec<PathBuf>,
}

impl<'a> MatFiles<'a> {
    pub(super) fn below(folder: &'a Path) -> Result<Self, Error> {
        let mut files = files_below(folder)?;
        files.sort();
        Ok(Self { folder, files })
    }

    pub(super) fn find(&self, file: &'static str) -> Result<Option<&Path>, Error> {
        let mut found = self.files.iter().filter(|path| path.file_name().is_some_and(|name| name == file));
        match (found.next(), found.next()) {
            (Some(first), Some(second)) => {
                Err(Error::Ambiguous { file, first: first.clone(), second: second.clone() })
            }
            (first, _) => Ok(first.map(PathBuf::as_path)),
        }
    }

    pub(super) fn required(&self, file: &'static str) -> Result<&Path, Error> {
        self.find(file)?.ok_or_else(|| Error::Missing { file, folder: self.folder.to_owned() })
    }
}

fn files_below(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            files.extend(files_below(&entry.path())?);
        } else {
            files.push(entry.path());
        }
    }
    Ok(files)
}

fn variable(path: &Path, name: &str) -> Result<Value, Error> {
    let found = read_file(path)?.into_iter().find(|variable| variable.name == name);
    found
        .map(|variable| variable.value)
        .ok_or_else(|| wrong(path, format!("the variable `{name}` is missing")))
}

fn wrong(path: &Path, reason: String) -> Error {
    Error::Annotation { path: path.to_owned(), reason }
}

/// The cell array `class_names` in normal form, and how the names are spelled; no name is empty or there twice.
pub(super) fn read_class_names(path: &Path) -> Result<(Vec<String>, Spellings), Error> {
    let Value::Cell(cell) = variable(path, "class_names")? else {
        return Err(wrong(path, "`class_names` is not a cell array".to_owned()));
    };
    let (mut names, mut spellings) = (Vec::with_capacity(cell.items.len()), Spellings::default());
    for (i, item) in cell.items.into_iter().enumerate() {
        match item {
            Value::Text(name) if !normalised(&name).is_empty() => {
                spellings.add(&name);
                names.push(normalised(&name).into_owned());
            }
            other => return Err(wrong(path, format!("class name {} is {}, not text", i + 1, kind(&other)))),
        }
    }
    let mut sorted: Vec<_> = names.iter().collect();
    sorted.sort();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(wrong(path, format!("the class name `{}` is there twice", pair[0]))),
        None => Ok((names, spellings)),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Text(_) => "empty",
        other => other.class(),
    }
}

/// The photos as they are, if none is annotated twice.
pub(super) fn annotated_once(path: &Path, photos: Vec<Annotation>) -> Result<Vec<Annotation>, Error> {
    let mut names: Vec<_> = photos.iter().map(|photo| &photo.file_name).collect();
    names.sort();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(wrong(path, format!("{} is annotated twice", pair[0]))),
        None => Ok(photos),
    }
}

/// The struct array `annotations` with its fields looked up once.
pub(super) struct Entries<'a> {
    path: &'a Path,
    array: Struct,
    sides: [usize; 4],
    class: Option<usize>,
    file_name: usize,
    /// The field that holds the name.
    name_field: &'static str,
}

impl<'a> Entries<'a> {
    /// Reads the array; names of photos are in the field `name_field`.
    pub(super) fn read(path: &'a Path, name_field: &'static str) -> Result<Self, Error> {
        let Value::Struct(array) = variable(path, "annotations")? else {
            return Err(wrong(path, "`annotations` is not a struct array".to_owned()));
        };
        let field = |name| {
            let missing = || wrong(path, format!("`annotations` has no field `{name}`"));
            array.field(name).ok_or_else(missing)
        };
        let [x1, y1, x2, y2] = Crop::COLUMNS;
        let sides = [field(x1)?, field(y1)?, field(x2)?, field(y2)?];
        let (class, file_name) = (array.field("class"), field(name_field)?);
        Ok(Self { path, sides, class, file_name, name_field, array })
    }

    pub(super) fn len(&self) -> usize {
        self.array.rows.len()
    }

    fn value(&self, row: usize, field: usize) -> Option<&Value> {
        self.array.rows.get(row)?.get(field)
    }

    /// Reads all rows with `read`; what is wrong with them is told together.
    pub(super) fn read_all<T>(&self, read: impl Fn(usize) -> Result<T, String>) -> Result<Vec<T>, Error> {
        all_or_list((0..self.len()).map(read), |reason| wrong(self.path, reason))
    }

    fn wrong<T>(&self, row: usize, reason: String) -> Result<T, String> {
        Err(format!("annotation {}: {reason}", row + 1))
    }

    pub(super) fn file_name(&self, row: usize) -> Result<&str, String> {
        match self.value(row, self.file_name).and_then(Value::as_text) {
            Some(name) if !name.is_empty() => Ok(name),
            _ => self.wrong(row, format!("`{}` is not text", self.name_field)),
        }
    }

    /// Position of the class; `None` if the array has no classes. In the file they count from 1.
    pub(super) fn class(&self, row: usize, classes: usize) -> Result<Option<usize>, String> {
        let Some(field) = self.class else { return Ok(None) };
        match self.value(row, field).and_then(whole_number) {
            Some(class) if (1..=classes as i64).contains(&class) => Ok(Some(class as usize - 1)),
            other => {
                let found = other.map_or("no whole number".to_owned(), |class| class.to_string());
                self.wrong(row, format!("`class` is {found}, not from 1 to {classes}"))
            }
        }
    }

    /// A field that is 0 or 1.
    pub(super) fn flag(&self, row: usize, name: &str) -> Result<bool, String> {
        let value = self.array.field(name).and_then(|field| self.value(row, field));
        match value.and_then(whole_number) {
            Some(flag @ (0 | 1)) => Ok(flag == 1),
            _ => self.wrong(row, format!("`{name}` is not 0 or 1")),
        }
    }

    /// The box, and whether it began a few pixels outside the photo and was clipped.
    pub(super) fn crop(&self, row: usize) -> Result<(Crop, bool), String> {
        let mut sides = [0; 4];
        for ((side, field), name) in sides.iter_mut().zip(self.sides).zip(Crop::COLUMNS) {
            match self.value(row, field).and_then(whole_number) {
                Some(pixel) => *side = pixel,
                None => return self.wrong(row, format!("`{name}` is not a whole number of pixels")),
            }
        }
        let [x1, y1, x2, y2] = sides;
        match Crop::from_sides([x1.saturating_sub(1), y1.saturating_sub(1), x2, y2]) {
            Some(found) => Ok(found),
            None => {
                self.wrong(row, format!("the box {x1}, {y1} to {x2}, {y2} is empty or outside the photo"))
            }
        }
    }
}

fn whole_number(value: &Value) -> Option<i64> {
    let number = value.as_f64()?;
    let whole = number as i64;
    (whole as f64 == number).then_some(whole)
}
