//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  something unforeseen
  2  the command line cannot be understood
  3  the configuration cannot work
  4  photos, annotations or weights are missing, damaged or refused
  5  the store is in use, damaged, or of another version
  6  training or evaluation failed
  130  interrupted";

const INSPECT_EXAMPLES: &str = "\
Examples:
  marque inspect labels --head brand
  marque inspect labels --where \"year >= 2012 and type = 'SUV'\" --json
  marque inspect classes --where \"make = 'Audi'\"
  marque inspect photos --where \"brand = 'Audi'\" --out grid.png";

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
    /// Bring stages up to date: all, or those named and what they need.
    Run {
        /// Stages: ingest, labels, preprocess, train, evaluate.
        stages: Vec<String>,
        /// Run the stages named (or all) even if they are fresh.
        #[arg(long)]
        force: bool,
        /// Leave the stages before them alone and take their results as they are.
        #[arg(long, requires = "stages")]
        only: bool,
    },
    /// Verify the files that the configuration names, and download those that are missing.
    Fetch,
    /// Show which stages are fresh or stale, and why.
    Status,
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
    /// Look into a table of the store: what is in the labels, how class names were read, the rows of any other.
    #[command(after_help = INSPECT_EXAMPLES)]
    Inspect {
        /// The table: labels, classes, weights, leaks, crops, photos, duplicates, rejected, index, history,
        /// predictions.
        #[arg(default_value = "labels")]
        table: String,
        /// Count or show only rows for which a condition in SQL holds: "year >= 2012 and type = 'SUV'".
        #[arg(long = "where", value_name = "CONDITION")]
        condition: Option<String>,
        /// Only this head (labels, classes).
        #[arg(long, value_name = "NAME")]
        head: Option<String>,
        /// Print JSON.
        #[arg(long, conflicts_with = "out")]
        json: bool,
        /// Write the photos, with their labels, to one picture: grid.png, grid.jpg (photos).
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Most rows, or photos on the picture.
        #[arg(long, value_name = "ROWS")]
        limit: Option<usize>,
    },
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
