//! JPEG files of every kind against the pixels that Pillow sees: sampling × scans × restarts × colours × sizes, with and
//! without the end mark. `jpeg_variants/make.py` has made files and pixels, and says how.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use marque_photo::{ANY_SIZE, Budget, Decoder, Error, Photo};

/// Files by name, and pixels by the name of the picture.
type Variants = (Vec<(String, Vec<u8>)>, BTreeMap<String, Vec<u8>>);

fn unpacked(archive: impl Read) -> Variants {
    let (mut files, mut pictures) = (Vec::new(), BTreeMap::new());
    for entry in tar::Archive::new(archive).entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        match name.strip_suffix(".rgb") {
            Some(picture) => _ = pictures.insert(picture.to_owned(), bytes),
            None => files.push((name, bytes)),
        }
    }
    (files, pictures)
}

fn fixture() -> Variants {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/jpeg_variants.tar.gz");
    unpacked(GzDecoder::new(std::fs::File::open(path).unwrap()))
}

/// The picture that a file shows: COLOUR_FACTORS_SIZE_MARKERS of COLOUR_FACTORS_SCANS_RESTART_SIZE_MARKERS_CODING.
fn picture(name: &str) -> String {
    let parts: Vec<&str> = name.split('_').collect();
    [parts[0], parts[1], parts[4], parts[5]].join("_")
}

fn decode(file: &[u8]) -> Result<Vec<u8>, Error> {
    let photo = Photo::read(file, ANY_SIZE)?;
    Decoder::new(&Budget::unlimited()).decode(&photo, [255; 3], |pixels| pixels.rgb.to_vec())
}

/// What is wrong with what was decoded: nothing if it is Pillow's picture to the bit, or both refuse the file.
fn complaint(name: &str, found: Result<Vec<u8>, Error>, expected: Option<&Vec<u8>>) -> Option<String> {
    match (found, expected) {
        (Ok(found), Some(expected)) if found == *expected => None,
        (Err(Error::UnreadJpeg(_)), None) => None,
        (Ok(found), Some(expected)) => {
            let sum: u64 = found.iter().zip(expected).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
            Some(format!("{name}: mean difference {:.2}", sum as f64 / expected.len() as f64))
        }
        (Ok(_), None) => Some(format!("{name}: decoded, and Pillow refuses it")),
        (Err(error), _) => Some(format!("{name}: {error}")),
    }
}

fn assert_pillows((files, pictures): &Variants) {
    let mut complaints = Vec::new();
    for (name, file) in files {
        let expected = pictures.get(&picture(name));
        complaints.extend(complaint(name, decode(file), expected));
        let cut = decode(&file[..file.len() - 2]);
        // Whether arithmetically coded data are whole cannot be told without the mark.
        if !(name.ends_with("_arithmetic.jpg") && matches!(cut, Err(Error::CutShort(_)))) {
            complaints.extend(complaint(&format!("{name} without end mark"), cut, expected));
        }
    }
    assert!(complaints.is_empty(), "{} of {}:\n{}", complaints.len(), 2 * files.len(), complaints.join("\n"));
}

#[test]
fn files_of_every_kind_have_pillows_pixels() {
    let variants = fixture();
    for (place, all) in [
        (0, &["grey", "ycbcr", "rgb", "cmyk", "ycck"][..]),
        (1, &["1x1,1x1,1x1", "2x1,1x1,1x1", "1x2,1x1,1x1", "2x2,1x1,1x1", "4x1,1x1,1x1", "1x1,2x2,2x2"]),
        (2, &["one", "each", "luma", "progressive"]),
        (3, &["0", "2"]),
        (4, &["1x1", "7x5", "8x8", "16x16", "17x33", "35x27"]),
        (5, &["usual", "none"]),
        (6, &["huffman.jpg", "arithmetic.jpg"]),
    ] {
        for part in all {
            let there = variants.0.iter().any(|(name, _)| name.split('_').nth(place) == Some(part));
            assert!(there, "no file has {part}");
        }
    }
    // Each kind of colour in each kind of scans, with and without restarts.
    for colour in ["grey", "ycbcr", "rgb", "cmyk", "ycck"] {
        let scans = ["one", "progressive", "each", "luma"];
        for scans in &scans[..if colour == "grey" { 2 } else { 4 }] {
            for restart in ["0", "2"] {
                let like = [colour, scans, restart];
                let there = variants.0.iter().any(|(name, _)| {
                    let parts: Vec<_> = name.split('_').collect();
                    [parts[0], parts[2], parts[3]] == like
                });
                assert!(there, "no file is {like:?}");
            }
        }
    }
    assert_pillows(&variants);
}

#[test]
#[ignore = "makes thousands of files with MARQUE_PYTHON (Pillow, numpy), a C compiler and libjpeg's headers"]
fn thousands_of_files_have_pillows_pixels() {
    let python = std::env::var("MARQUE_PYTHON").expect("MARQUE_PYTHON names a python with Pillow");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/jpeg_variants/make.py");
    let archive = std::env::temp_dir().join(format!("marque-jpeg-variants-{}.tar", std::process::id()));
    let made = std::process::Command::new(python).arg(script).arg("--many").arg(&archive).status().unwrap();
    assert!(made.success());
    let variants = unpacked(std::fs::File::open(&archive).unwrap());
    std::fs::remove_file(&archive).unwrap();
    assert!(variants.0.len() > 5_000);
    assert_pillows(&variants);
}

/// Decoders fill what is missing with grey.
#[test]
fn a_file_cut_anywhere_is_refused_or_still_the_whole_picture() {
    let (files, pictures) = fixture();
    let (mut refused, mut whole) = (0, 0);
    for (name, file) in files.iter().filter(|(name, _)| name.contains("_35x27_")) {
        for length in
            [file.len() - 3, file.len() - 5, file.len() - 20, file.len() * 3 / 4, file.len() / 2, 30]
        {
            match decode(&file[..length]) {
                Ok(found) => {
                    let whole_picture = pictures.get(&picture(name)) == Some(&found);
                    assert!(whole_picture, "{name} cut to {length} bytes");
                    whole += 1;
                }
                Err(Error::CutShort(_) | Error::UnreadJpeg(_)) => refused += 1,
                Err(error) => panic!("{name} cut to {length} bytes: {error}"),
            }
        }
    }
    assert!(refused > 20 * whole, "{refused} refused, {whole} whole");
}

#[test]
fn kinds_that_are_not_read_are_named_with_what_to_do() {
    let (files, _) = fixture();
    let (_, baseline) =
        files.iter().find(|(name, _)| name.starts_with("ycbcr_2x2,1x1,1x1_one_0_35x27")).unwrap();
    let frame = baseline.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    let changed = |place: usize, value: u8| {
        let mut file = baseline.clone();
        file[frame + place] = value;
        decode(&file).unwrap_err()
    };
    for (place, value, what) in [
        (4, 12, "with more than 8 bits for each colour"),
        (1, 0xc3, "compressed without loss"),
        (1, 0xc5, "with the picture at several sizes (hierarchical)"),
    ] {
        let error = changed(place, value);
        assert!(matches!(error, Error::UnreadJpeg(_)), "{error:?}");
        assert_eq!(
            error.to_string(),
            format!(
                "it is a JPEG file {what}, which is not read: save it as an ordinary (baseline) JPEG or as PNG"
            )
        );
    }
    // Of more than libjpeg takes, JPEG-LS, and a height that is told later.
    let frame_with = |changes: &[(usize, u8)]| {
        let mut file = baseline.clone();
        changes.iter().for_each(|(place, value)| file[frame + place] = *value);
        decode(&file).unwrap_err().to_string()
    };
    for (changes, what) in [
        (&[(7, 0xff), (8, 0xff)][..], "of more than 65,500 pixels across or down"),
        (&[(1, 0xf7)], "of the kind JPEG-LS"),
        (&[(5, 0), (6, 0)], "that says its height only after the picture"),
    ] {
        let said = frame_with(changes);
        assert!(
            said.starts_with(&format!("it is a JPEG file {what}, which is not read: save it as")),
            "{said}"
        );
    }
    // Damage is another thing: no width; tables that contradict themselves.
    for place in [7, 12] {
        let mut damaged = baseline.clone();
        damaged[frame + place..frame + place + 2].fill(0);
        let error = decode(&damaged).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{place}: {error:?}");
        assert_eq!(
            error.to_string(),
            "the JPEG data are damaged: save the photo again, or replace it",
            "what libjpeg says is the cause behind"
        );
        assert!(std::error::Error::source(&error).is_some());
    }
}

#[test]
fn a_file_of_more_scans_than_any_encoder_writes_is_refused() {
    let (files, _) = fixture();
    let (_, file) =
        files.iter().find(|(name, _)| name.starts_with("ycbcr_2x2,1x1,1x1_each_0_35x27")).unwrap();
    let scan = file.windows(2).rposition(|pair| pair == [0xff, 0xda]).unwrap();
    let mut bomb = file[..file.len() - 2].to_vec();
    for _ in 0..600 {
        bomb.extend(&file[scan..file.len() - 2]);
    }
    bomb.extend([0xff, 0xd9]);
    assert!(matches!(decode(&bomb), Err(Error::Damaged { .. })));
}
