/// Why a table cannot be looked into.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A table cannot be read.
    #[error(transparent)]
    Table(#[from] marque_formats::Error),
    /// Polars does not understand the query, or it does not fit the tables.
    #[error("the query failed: {0}")]
    Query(#[from] polars::error::PolarsError),
}
