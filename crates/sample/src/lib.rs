//! Draws the embedded data set of car photos in the published format
