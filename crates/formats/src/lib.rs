//! The files stages exchange: Parquet tables and tensor shards
