//! The photos that a command line names, one after the other.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use fs_err::File;
use marque_contracts::schema::Crop;
use marque_predict::{PhotoFile, PhotoInput};
use walkdir::{DirEntry, WalkDir};

use crate::arguments::Predict;
use crate::error::Error;

/// The column with the photos of a table.
const FILE_COLUMN: &str = "file_name";

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
            let is_table = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
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
                "--box is for one photo: give the boxes of several in a table with the columns {FILE_COLUMN}, {} ({x1},{y1},{x2},{y2} here)",
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

/// The files of a folder and of those in it, sorted, links followed. Hidden ones and caches are left out.
fn folder(path: &Path) -> impl Iterator<Item = PhotoInput> + Send + use<> {
    let wanted = |entry: &DirEntry| {
        let hidden =
            entry.file_name().to_str().is_some_and(|name| name.starts_with('.') || name == "__MACOSX");
        let cache = entry.file_type().is_dir() && entry.path().join("CACHEDIR.TAG").exists();
        entry.depth() == 0 || !hidden && !cache
    };
    let walk = WalkDir::new(path).follow_links(true).sort_by_file_name().into_iter().filter_entry(wanted);
    let photo = |path: PathBuf| PhotoInput {
        name: path.display().to_string(),
        file: PhotoFile::Path(path),
        crop: None,
    };
    walk.filter_map(move |entry| match entry {
        Ok(entry) if entry.file_type().is_dir() => None,
        Ok(entry) => Some(photo(entry.into_path())),
        // A folder or link that cannot be read is a row like any photo that cannot.
        Err(error) => error.path().map(|path| photo(path.to_owned())),
    })
}

/// The rows of a table; file names start at its folder.
fn table(path: &Path) -> Result<Photos, Error> {
    let refuse = |reason: String| Error::PhotoTable { path: path.to_owned(), reason };
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(File::open(path)?);
    let headers = reader.headers().map_err(|error| refuse(error.to_string()))?.clone();
    let position =
        |name: &str| headers.iter().position(|header| header.trim_start_matches('\u{feff}').trim() == name);
    let name = position(FILE_COLUMN).ok_or_else(|| {
        let columns = headers.iter().collect::<Vec<_>>().join(", ");
        refuse(format!("it has no column {FILE_COLUMN}, but {columns}"))
    })?;
    let boxes: Vec<_> = Crop::COLUMNS.iter().filter_map(|column| position(column)).collect();
    if !matches!(boxes.len(), 0 | 4) {
        return Err(refuse(format!("of the columns {} it has some, but not all", Crop::COLUMNS.join(", "))));
    }
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let rows = reader.into_records().enumerate().map(|(row, record)| {
        let record = record.map_err(|error| refuse(error.to_string()))?;
        let sides: Vec<&str> = boxes.iter().filter_map(|at| record.get(*at)).map(str::trim).collect();
        let crop = match sides.iter().all(|side| side.is_empty()) {
            true => None,
            false => {
                let wrong = || refuse(format!("row {}: {} is no box", row + 1, sides.join(", ")));
                let parsed: Vec<i64> = sides.iter().filter_map(|side| side.parse().ok()).collect();
                let (crop, _) =
                    <[i64; 4]>::try_from(parsed).ok().and_then(Crop::from_sides).ok_or_else(wrong)?;
                Some(crop)
            }
        };
        let name = record.get(name).unwrap_or_default();
        Ok(PhotoInput { name: name.to_owned(), file: PhotoFile::Path(folder.join(name)), crop })
    });
    // All rows before the first photo: a table that is wrong at its end is told at once.
    let rows: Vec<_> = rows.collect::<Result<_, Error>>()?;
    Ok(Box::new(rows.into_iter()))
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
    let names = input.lines().map_while(Result::ok).filter(|line| !line.is_empty());
    Ok(Box::new(names.map(|name| PhotoInput {
        file: PhotoFile::Path(PathBuf::from(&name)),
        name,
        crop: None,
    })))
}
