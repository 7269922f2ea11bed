//! Stage 3: decodes, crops and resizes photos into tensor shards
