//! The command line.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use marque_contracts::schema::Crop;
use marque_network::{Backbone, Precision};

use crate::names::{stage_names, table_names};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  something unforeseen
  2  the command line cannot be understood
  3  the configuration cannot work
  4  photos, annotations or weights are missing, damaged or refused
  5  the store is in use, damaged, or of another version
  6  training or evaluation failed
  7  the disk is full, or a limit of the system is reached
  130  interrupted";

const INIT_EXAMPLES: &str = "\
Examples:
  marque init photos cars.csv
  marque init photos-by-class
  marque init parquet-with-photos --output cars.toml";

const INSPECT_EXAMPLES: &str = "\
Examples:
  marque inspect labels --head brand
  marque inspect labels --where \"year >= 2012 and type = 'SUV'\" --json
  marque inspect classes --where \"make = 'Audi'\"
  marque inspect photos --where \"brand = 'Audi'\" --out grid.png";

const COMPARE_EXAMPLES: &str = "\
Examples:
  marque compare data ../other/data
  marque compare data/evaluate/current downloads/predictions.parquet --json
  marque compare model-may/ model-june/";

const PREDICT_EXAMPLES: &str = "\
Examples:
  marque predict car.jpg
  marque predict photos/ --parquet answers.parquet
  marque predict car.jpg --explain looked.png
  marque predict listings.csv --json | jq .heads.brand
  curl -s https://example.org/car.jpg | marque predict -
  marque predict --model model/ --box 40,60,600,420 car.jpg";

/// One network, several answers about a car photo: brand, type, era, or whatever heads you declare.
#[derive(Debug, Parser)]
#[command(name = "marque", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Arguments {
    /// Configuration to use.
    #[arg(long, global = true, default_value = "pipeline.toml", value_name = "FILE")]
    pub(crate) config: PathBuf,

    /// Change a value of the configuration for this call: train.epochs=3.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,

    /// Several changes in one text, as `make` has them: 'train.epochs=3 train.freeze=["stem", "layer1"]'.
    #[arg(long, global = true, value_name = "PAIRS", hide = true)]
    pub(crate) sets: Option<String>,

    /// Never touch the network: what is missing is named, with the place where it belongs.
    #[arg(long, global = true)]
    pub(crate) offline: bool,

    /// Say nothing but errors and what was asked for.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,

    /// Say more; twice for everything.
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Look at photos and write a configuration that trains on them.
    #[command(after_help = INIT_EXAMPLES)]
    Init(Init),
    /// Bring stages up to date: all, or those named and what they need.
    Run(Run),
    /// Verify the files that the configuration names, and download those that are missing.
    Fetch,
    /// Show which stages are fresh or stale, and why.
    Status,
    /// Print the configuration as resolved: every key, its value, and where that came from.
    Config(Config),
    /// Show what a stage's result depends on, and what has changed since, field by field.
    Explain {
        /// The stage.
        stage: String,
    },
    /// Hash every file of the results in use and compare with what was written.
    Verify,
    /// Delete older results and what interrupted runs have left.
    Gc {
        /// Only say what would be deleted.
        #[arg(long)]
        dry_run: bool,
    },
    /// Time training (or evaluation) on made-up photos, as a whole and by kind of convolution.
    Bench(Bench),
    /// Show training photos as the network will see them, epoch by epoch, on one picture.
    Preview(Preview),
    /// Find a learning rate: train a little while it rises step by step, until the loss runs away.
    LrFind(LrFind),
    /// Write the trained network for other programs: ONNX, model card, or a folder to publish.
    Export(Export),
    /// Say what is on photos: brand, type, era, or whatever the model answers, and how sure it is.
    #[command(after_help = PREDICT_EXAMPLES)]
    Predict(Predict),
    /// Compare two models on the same photos: differences with their intervals, and where they answer otherwise.
    #[command(after_help = COMPARE_EXAMPLES)]
    Compare(Compare),
    /// Look into a table of the store: what is in the labels, how class names were read, the rows of any other.
    #[command(after_help = INSPECT_EXAMPLES)]
    Inspect(Inspect),
    /// Ask the tables of the store in SQL: all that `inspect` knows.
    Sql {
        /// The query, such as "select brand, count(*) as n from labels group by brand order by n desc".
        query: String,
        /// Most rows to show.
        #[arg(long, default_value_t = 100, value_name = "ROWS", conflicts_with = "json")]
        limit: usize,
        /// Print all rows as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// What to look at.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Folder of photos: in a folder per class, or named by a table; a folder or file of Parquet with photos inside; a
    /// copy of Stanford Cars.
    pub(crate) photos: PathBuf,
    /// CSV or Parquet with a row per photo: its file name and its labels.
    pub(crate) table: Option<PathBuf>,
    /// The file to write, pipeline.toml if not given.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Write over a file that is there.
    #[arg(long)]
    pub(crate) force: bool,
}

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[arg(help = format!("Stages: {}", stage_names()))]
    pub(crate) stages: Vec<String>,
    /// Run the stages named (or all) even if they are fresh.
    #[arg(long)]
    pub(crate) force: bool,
    /// Leave the stages before them alone and take their results as they are.
    #[arg(long, requires = "stages")]
    pub(crate) only: bool,
    /// Run nothing: say what would run and why, and try two batches of training to tell time and memory.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What to show of a table.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    #[arg(default_value = "labels", help = format!("The table: {}", table_names()))]
    pub(crate) table: String,
    /// Count or show only rows for which a condition in SQL holds: "year >= 2012 and type = 'SUV'".
    #[arg(long = "where", value_name = "CONDITION")]
    pub(crate) condition: Option<String>,
    /// Only this head (labels, classes).
    #[arg(long, value_name = "NAME")]
    pub(crate) head: Option<String>,
    /// Print JSON.
    #[arg(long, conflicts_with = "out")]
    pub(crate) json: bool,
    /// Write the photos, with their labels, to one picture: grid.png, grid.jpg (photos).
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Most rows, classes of a head, or photos on the picture.
    #[arg(long, value_name = "ROWS")]
    pub(crate) limit: Option<usize>,
}

/// What to compare.
#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// A store, a table of predictions, a folder with one, or the folder of a model.
    pub(crate) a: PathBuf,
    /// The other one.
    pub(crate) b: PathBuf,
    /// Print JSON, with all photos on which they differ.
    #[arg(long)]
    pub(crate) json: bool,
    /// Most photos to list on which they differ.
    #[arg(long, default_value_t = 20, value_name = "PHOTOS", conflicts_with = "json")]
    pub(crate) photos: usize,
}

/// What to print of the configuration.
#[derive(Debug, Args)]
pub(crate) struct Config {
    /// Print the reference of all keys instead, as Markdown: docs/configuration.md.
    #[arg(long)]
    pub(crate) reference: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What to time.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// The network; its heads have 6, 5 and 2 classes.
    #[arg(long, default_value = Backbone::ResNet34.name(), value_parser = one_of(Backbone::ALL.map(|known| (known.name(), known))))]
    pub(crate) backbone: Backbone,
    /// Height and width of the photos, in pixels.
    #[arg(long, default_value_t = 224, value_parser = clap::value_parser!(u16).range(32..=1024))]
    pub(crate) size: u16,
    /// Photos per step; training takes two or more.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) batch: u16,
    /// Steps that are timed, after two that are not.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) steps: u16,
    /// Threads; all cores if not given.
    #[arg(long)]
    pub(crate) threads: Option<usize>,
    /// Time evaluation instead of training.
    #[arg(long)]
    pub(crate) evaluate: bool,
    /// The type of the activations in the backbone.
    #[arg(long, default_value = Precision::F32.word(), value_parser = one_of(Precision::WORDS))]
    pub(crate) precision: Precision,
    /// Print one line of JSON, and no table by kind of convolution.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What to show of augmentation.
#[derive(Debug, Args)]
pub(crate) struct Preview {
    /// The picture: preview.png, preview.jpg.
    #[arg(long, default_value = "preview.png", value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Photos, spread evenly over the training photos.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=200))]
    pub(crate) photos: u16,
    /// Epochs, from the first on: what training will draw in them.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=50))]
    pub(crate) draws: u16,
}

/// Where to look for a learning rate.
#[derive(Debug, Args)]
pub(crate) struct LrFind {
    /// The plot of the losses, as SVG.
    #[arg(long, default_value = "lr-find.svg", value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Lowest rate.
    #[arg(long, default_value_t = 1e-7, value_parser = rate)]
    pub(crate) from: f64,
    /// Highest rate.
    #[arg(long, default_value_t = 10.0, value_parser = rate)]
    pub(crate) to: f64,
    /// Steps of training.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(20..=10_000))]
    pub(crate) steps: u16,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| *rate > 0.0 && *rate <= 1e6);
    rate.ok_or_else(|| "must be a number above 0, such as 1e-5".to_owned())
}

/// What to write of a trained network.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// ONNX file: normalised photos in, the logits of each head out.
    #[arg(long, value_name = "FILE")]
    pub(crate) onnx: Option<PathBuf>,
    /// Prepare the photo inside the ONNX file: one photo of any size in (bytes), logits and calibrated probabilities of each
    /// head out.
    #[arg(long)]
    pub(crate) with_preprocessing: bool,
    /// Model card in Markdown, for the Hugging Face hub.
    #[arg(long, value_name = "FILE")]
    pub(crate) card: Option<PathBuf>,
    /// Folder with weights, configuration, ONNX file and card: all that a model repository needs.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// Folder of another model than the trained one in the store.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) model: Option<PathBuf>,
}

/// What to answer about, and how.
#[derive(Debug, Args)]
pub(crate) struct Predict {
    /// Photos; folders of photos; tables (.csv, .tsv, .parquet) with a column file_name, and a box in bbox_x1 … bbox_y2 where it is known;
    /// `-` for a photo, or names of photos line by line, on standard input.
    #[arg(required = true, value_name = "PHOTO | FOLDER | TABLE | -")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Folder of another model than the trained one in the store.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) model: Option<PathBuf>,
    /// Classes to name per head, the most probable first.
    #[arg(long, default_value_t = 1, value_name = "CLASSES", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) top: u16,
    /// Print a line of JSON per photo.
    #[arg(long, conflicts_with_all = ["csv", "parquet"])]
    pub(crate) json: bool,
    /// Print CSV.
    #[arg(long, conflicts_with = "parquet")]
    pub(crate) csv: bool,
    /// Write a Parquet table. What an interrupted run has answered is not done again.
    #[arg(long, value_name = "FILE")]
    pub(crate) parquet: Option<PathBuf>,
    /// Write a picture of where the network looked for each answer, of up to 50 photos: out.png, out.jpg.
    #[arg(long, value_name = "FILE")]
    pub(crate) explain: Option<PathBuf>,
    /// The box of the car, in pixels of the upright photo: left, top, right, bottom. For one photo.
    #[arg(long = "box", value_name = "X1,Y1,X2,Y2", value_parser = sides)]
    pub(crate) sides: Option<Crop>,
    /// Answer by the mean of each photo and its mirror image, which takes twice as long; default: evaluate.flip.
    #[arg(long)]
    pub(crate) flip: bool,
    /// Answers less probable than it takes to be right this often are "not sure"; default: predict.target_precision.
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true, value_parser = share(marque_predict::Settings::TARGET_PRECISION, "0.95"))]
    pub(crate) target_precision: Option<f64>,
    /// Photos less like those learnt from than this share of the validation photos are "unfamiliar"; default:
    /// predict.min_familiarity.
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true, value_parser = share(marque_predict::Settings::MIN_FAMILIARITY, "0.01"))]
    pub(crate) min_familiarity: Option<f64>,
    /// The type of the activations in the network; default: runtime.precision.
    #[arg(long, value_parser = one_of(Precision::WORDS))]
    pub(crate) precision: Option<Precision>,
}

fn sides(text: &str) -> Result<Crop, String> {
    let sides: Vec<i64> =
        text.split(',').map(|side| side.trim().parse()).collect::<Result<_, _>>().unwrap_or_default();
    let crop = <[i64; 4]>::try_from(sides).ok().and_then(Crop::from_sides);
    let crop = crop.map(|(crop, _)| crop);
    crop.ok_or_else(|| "must be four whole numbers, left, top, right, bottom: 40,60,600,420".to_owned())
}

/// Reads a share within bounds.
fn share(
    allowed: RangeInclusive<f64>,
    example: &'static str,
) -> impl Fn(&str) -> Result<f64, String> + Clone {
    move |text| {
        let share = text.parse().ok().filter(|share| allowed.contains(share));
        let bounds = (allowed.start(), allowed.end());
        share.ok_or_else(|| format!("must be a share from {} to {}, such as {example}", bounds.0, bounds.1))
    }
}

/// Reads one of some words.
fn one_of<T: Clone + Send + Sync + 'static, const N: usize>(
    known: [(&'static str, T); N],
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(known.clone().map(|(word, _)| word)).try_map(move |given| {
        let found = known.iter().find(|(word, _)| *word == given);
        found.map(|(_, value)| value.clone()).ok_or("there is no such word")
    })
}
