//! The photos that a command line names, one after the other.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use marque_contracts::schema::Crop;
use marque_ingest::{PhotoRow, files_below, photo_rows};
use marque_predict::{PhotoFile, PhotoInput};

use crate::arguments::Predict;
use crate::error::Error;

/// Endings of tables.
const TABLES: [&str; 3] = ["csv", "tsv", "parquet"];

/// What the command line names, looked at: all that is missing is told before anything is answered.
pub(super) struct Inputs {
    inputs: Vec<Input>,
}

enum Input {
    Photo(PathBuf),
    Folder(PathBuf),
    Table(PathBuf),
    Standard,
}

type Photos = Box<dyn Iterator<Item = PhotoInput> + Send>;

impl Inputs {
    pub(super) fn open(options: &Predict) -> Result<Self, Error> {
        let mut missing = Vec::new();
        let mut inputs = Vec::new();
        for path in &options.inputs {
            let is_table = path
                .extension()
                .is_some_and(|ending| TABLES.iter().any(|table| ending.eq_ignore_ascii_case(table)));
            inputs.push(match fs_err::metadata(path) {
                _ if path.as_os_str() == "-" => Input::Standard,
                Ok(metadata) if metadata.is_dir() => Input::Folder(path.clone()),
                Ok(_) if is_table => Input::Table(path.clone()),
                Ok(_) => Input::Photo(path.clone()),
                Err(error) => {
                    missing.push(error.to_string());
                    continue;
                }
            });
        }
        if !missing.is_empty() {
            return Err(Error::MissingPhotos(missing));
        }
        if let (Some(crop), true) =
            (options.sides, inputs.len() > 1 || !matches!(inputs[..], [Input::Photo(_)]))
        {
            let Crop { x1, y1, x2, y2 } = crop;
            return Err(Error::Usage(format!(
                "--box is for one photo: give the boxes of several in a table with the columns file_name, {} ({x1},{y1},{x2},{y2} here)",
                Crop::COLUMNS.join(", ")
            )));
        }
        Ok(Self { inputs })
    }

    /// How many photos there are; `None` if that is not known before the last.
    pub(super) fn count(&self) -> Result<Option<usize>, Error> {
        let count = |input: &Input| match input {
            Input::Photo(_) => Ok(Some(1)),
            Input::Folder(path) => Ok(Some(folder(path).count())),
            Input::Table(path) => Ok(Some(table(path)?.count())),
            Input::Standard => Ok(None),
        };
        self.inputs.iter().map(count).sum()
    }

    /// The photos, in the order of the command line; those of a folder in the order of their names.
    pub(super) fn photos(self, crop: Option<Crop>) -> Result<Photos, Error> {
        let each = self.inputs.into_iter().map(|input| match input {
            Input::Photo(path) => {
                let photo =
                    PhotoInput { name: path.display().to_string(), file: PhotoFile::Path(path), crop };
                Ok(Box::new(std::iter::once(photo)) as Photos)
            }
            Input::Folder(path) => Ok(Box::new(folder(&path)) as Photos),
            Input::Table(path) => table(&path),
            Input::Standard => standard_input(),
        });
        let each: Vec<Photos> = each.collect::<Result<_, Error>>()?;
        Ok(Box::new(each.into_iter().flatten()))
    }
}

/// The files of a folder and of those in it.
fn folder(path: &Path) -> impl Iterator<Item = PhotoInput> + Send + use<> {
    files_below(path).map(|path| PhotoInput {
        name: path.display().to_string(),
        file: PhotoFile::Path(path),
        crop: None,
    })
}

/// The rows of a table, all before the first photo: a table that is wrong at its end is told at once. File names start at its
/// folder.
fn table(path: &Path) -> Result<Photos, Error> {
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let rows = photo_rows(path)?.into_iter().map(move |PhotoRow { file_name, crop }| PhotoInput {
        file: PhotoFile::Path(folder.join(file_name.replace('\\', "/"))),
        name: file_name,
        crop,
    });
    Ok(Box::new(rows))
}

/// A photo, or names of photos, one a line.
fn standard_input() -> Result<Photos, Error> {
    let mut input = BufReader::new(io::stdin());
    let is_photo = marque_photo::is_photo(input.fill_buf().map_err(Error::Input)?);
    if is_photo {
        let mut bytes = Vec::new();
        input.read_to_end(&mut bytes).map_err(Error::Input)?;
        let photo = PhotoInput { name: "-".to_owned(), file: PhotoFile::Bytes(bytes), crop: None };
        return Ok(Box::new(std::iter::once(photo)));
    }
    // A name that is not UTF-8 is a row with the reason that there is no such file.
    let lines = input.split(b'\n').map_while(Result::ok);
    let names =
        lines.map(|line| String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(&line)).into_owned());
    let names = names.filter(|line| !line.is_empty());
    Ok(Box::new(names.map(|name| PhotoInput {
        file: PhotoFile::Path(PathBuf::from(&name)),
        name,
        crop: None,
    })))
}
