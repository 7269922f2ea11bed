//! Looks into the tables: summaries and SQL
