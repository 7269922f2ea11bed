//! A Parquet table whose photos are files.

use std::collections::BTreeSet;
use std::path::Path;

use marque_formats::{ExternalKind, ExternalTable};

use super::super::parquet;
use super::RawTable;
use crate::Error;
use crate::warnings::warn_once;

/// Rows read at a time.
const BATCH: usize = 4096;

pub(super) fn read(path: &Path) -> Result<RawTable, Error> {
    let table = ExternalTable::open(path, BATCH)?;
    let (mut known, mut columns, mut lists) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (position, column) in table.columns().iter().enumerate() {
        match &column.kind {
            ExternalKind::Text | ExternalKind::Null => {}
            ExternalKind::List => {
                lists.insert(known.len());
            }
            kind @ (ExternalKind::Photos | ExternalKind::Unknown(_)) => {
                warn_once(format!(
                    "{}: the column {} is left out: it holds {kind}, which is neither text nor numbers",
                    path.display(),
                    column.name
                ));
                continue;
            }
        }
        known.push(position);
        columns.push(column.name.clone());
    }
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    for batch in table {
        let batch = batch?;
        problems.extend(known.iter().flat_map(|column| parquet::problems(&batch, rows.len(), *column)));
        let cells: Vec<_> = known.iter().map(|position| batch.values(*position)).collect();
        for row in 0..batch.rows() {
            let cells = cells.iter().map(|column| column[row].clone()).collect();
            rows.push((format!("row {}", rows.len() + 1), cells));
        }
    }
    Ok(RawTable { columns, lists, rows, problems, parquet: true })
}
