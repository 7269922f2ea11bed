//! The section `[preprocess]`.

use marque_preprocess::{Filter, Fit, Settings};
use marque_settings::{Document, Reader};

fn read(text: &str) -> Result<Settings, String> {
    let document = Document::parse("pipeline.toml", text).unwrap();
    let mut reader = Reader::new(&document);
    let settings = Settings::read(&mut reader, 1 << 30);
    reader.finish().map(|_| settings).map_err(|problems| problems.to_string())
}

#[test]
fn every_key_is_read() {
    let text = r#"
        [preprocess]
        size = 96
        crop = false
        margin = 0.25
        whole = false
        fit = "pad"
        resize = "lanczos"
        background = [124, 116, 104]
        shard_photos = 7
        webdataset = true
    "#;
    let expected = Settings {
        size: 96,
        crop: false,
        margin: 0.25,
        whole: false,
        fit: Fit::Pad,
        resize: Filter::Lanczos,
        background: [124, 116, 104],
        shard_photos: 7,
        webdataset: true,
        max_decode_bytes: 1 << 30,
    };
    assert_eq!(read(text), Ok(expected));
    let defaults = read("").unwrap();
    assert_eq!(
        (defaults.fit, defaults.resize, defaults.background),
        (Fit::Squash, Filter::Bilinear, [255; 3])
    );
    assert!(!defaults.webdataset && defaults.whole);
}

#[test]
fn all_that_is_wrong_is_reported_together() {
    let text =
        "[preprocess]\nfit = \"stretch\"\nresize = 3\nbackground = [1, 2, 256]\nmargin = -1\nsze = 3\n";
    let problems = read(text).unwrap_err();
    for expected in [
        "preprocess.fit = \"stretch\": must be one of \"squash\", \"crop\", \"pad\"",
        "preprocess.resize = 3: must be one of \"bilinear\", \"bicubic\", \"lanczos\"",
        "preprocess.background = [1, 2, 256]: must be a list of 3 whole numbers from 0 to 255",
        "preprocess.margin = -1: must be a number from 0 to 1",
        "preprocess.sze is not a known key",
    ] {
        assert!(problems.contains(expected), "{expected} is not in\n{problems}");
    }
}
