//! Every source, from files made here to what the stage writes. One program, so that its libraries are linked once.

mod alternative_copies;
mod archives;
mod caches;
mod csv;
mod folders;
mod gzip;
mod hostile;
mod parquet;
mod photos;
mod project;
mod published_copies;
mod stage;
mod tables;
