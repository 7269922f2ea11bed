//! Stage 2: turns annotations into label tables
