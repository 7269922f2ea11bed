//! Stage 5: measures the network and writes the report
