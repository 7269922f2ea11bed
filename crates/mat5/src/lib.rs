//! Reads and writes MATLAB 5 files: structs, cells, text and numbers
