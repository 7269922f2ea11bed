//! Archives built to attack: each is refused for its own reason, and nothing of it stays.

use std::io::Cursor;
use std::path::PathBuf;

use marque_ingest::archive::{Error, Limits, Refusal, list, unpack};
use tar::{EntryType, Header};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::hostile::{Tar, gzip, zip};

struct Attempt {
    folder: TempDir,
}

impl Attempt {
    fn new(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("archive"), bytes).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn unpack(&self, limits: Limits) -> Result<Vec<String>, Error> {
        let all = |name: &str, _: &[u8]| Some(name.to_owned());
        let places = unpack(&self.path("archive"), limits, &self.path("staging"), &all, &|_| {})?;
        Ok(places.into_keys().collect())
    }
}

#[track_caller]
fn refusal(bytes: &[u8], limits: Limits) -> Refusal {
    let attempt = Attempt::new(bytes);
    let error = attempt.unpack(limits).unwrap_err();
    assert!(!attempt.path("staging").exists(), "something was left behind");
    let left: Vec<_> = std::fs::read_dir(attempt.folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "something was written outside");
    let Error::Refused { reason, .. } = error else { panic!("{error}") };
    // `list` refuses the same.
    let Err(Error::Refused { reason: listed, .. }) = list(&attempt.path("archive"), limits) else { panic!() };
    assert_eq!(listed, reason);
    reason
}

#[track_caller]
fn refused(bytes: &[u8]) -> Refusal {
    refusal(bytes, Limits::default())
}

fn traversal(name: &str) -> Refusal {
    Refusal::PathTraversal(name.to_owned())
}

#[test]
fn harmless_archives_of_each_kind_are_unpacked() {
    let long = format!("{}/{}.jpg", "folder".repeat(12), "photo".repeat(18));
    let tar = || {
        Tar::default()
            .entry(EntryType::XGlobalHeader, b"pax_global_header", b"20 comment=whatever\n")
            .entry(EntryType::Directory, b"cars_train/", b"")
            .file("./cars_train/1.jpg", b"one")
            .entry(EntryType::GNULongName, b"././@LongLink", format!("{long}\0").as_bytes())
            .file("cut", b"two")
            .pax("path", "cars_train/\u{e9}.jpg")
            .file("other", b"three")
    };
    let members: [(&str, &[u8]); 4] =
        [("cars_train/", b""), ("cars_train/1.jpg", b"one"), (&long, b"two"), ("cars_train/é.jpg", b"three")];
    for bytes in [tar().bytes(), tar().gzip(), zip(&members)] {
        let attempt = Attempt::new(&bytes);
        let mut expected = vec!["cars_train/1.jpg".to_owned(), "cars_train/é.jpg".to_owned(), long.clone()];
        expected.sort();
        assert_eq!(attempt.unpack(Limits::default()).unwrap(), expected);
        assert_eq!(std::fs::read(attempt.path("staging").join(&long)).unwrap(), b"two");
        assert_eq!(std::fs::read(attempt.path("staging/cars_train/é.jpg")).unwrap(), b"three");
        assert_eq!(list(&attempt.path("archive"), Limits::default()).unwrap(), expected);
    }
}

#[test]
fn archives_from_before_posix_are_unpacked() {
    let mut header = Header::new_old();
    header.set_path("1.jpg").unwrap();
    header.set_size(3);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend(b"one");
    bytes.resize(3 * 512 + 512, 0);
    assert_eq!(Attempt::new(&bytes).unpack(Limits::default()).unwrap(), ["1.jpg"]);
}

#[test]
fn only_what_has_a_place_is_unpacked() {
    let attempt = Attempt::new(&Tar::default().file("a.jpg", b"a").file("b.txt", b"b").gzip());
    let place = |name: &str, head: &[u8]| (head == b"a").then(|| format!("photos/{name}"));
    let places =
        unpack(&attempt.path("archive"), Limits::default(), &attempt.path("s"), &place, &|_| {}).unwrap();
    assert_eq!(places.into_iter().collect::<Vec<_>>(), [("photos/a.jpg".to_owned(), "a.jpg".to_owned())]);
    assert!(attempt.path("s/photos/a.jpg").exists() && !attempt.path("s/b.txt").exists());
}

#[test]
fn absolute_paths_are_refused() {
    assert_eq!(refused(&Tar::default().file("/etc/passwd", b"x").gzip()), traversal("/etc/passwd"));
    assert_eq!(refused(&Tar::default().file("C:\\x", b"x").gzip()), traversal("C:\\x"));
    assert_eq!(refused(&Tar::default().file("\\\\host\\x", b"x").gzip()), traversal("\\\\host\\x"));
    assert_eq!(refused(&zip(&[("/etc/passwd", b"x")])), traversal("/etc/passwd"));
}

#[test]
fn paths_that_lead_up_are_refused() {
    for name in ["../x", "a/../../x", "a/..", "..\\x", "a\\..\\..\\x"] {
        assert_eq!(refused(&Tar::default().file(name, b"x").gzip()), traversal(name));
        assert_eq!(refused(&zip(&[(name, b"x")])), traversal(name));
    }
    // Also where the name comes from another record than the header.
    let long = Tar::default().entry(EntryType::GNULongName, b"././@LongLink", b"../x\0").file("good", b"x");
    assert_eq!(refused(&long.gzip()), traversal("../x"));
    assert_eq!(refused(&Tar::default().pax("path", "../x").file("good", b"x").gzip()), traversal("../x"));
    // Folders as well: a file may come to lie in them.
    assert_eq!(
        refused(&Tar::default().entry(EntryType::Directory, b"../x/", b"").gzip()),
        traversal("../x/")
    );
}

#[test]
fn files_below_files_are_refused() {
    for names in [["A/x.jpg", "A/x.jpg/1.jpg"], ["A/x.jpg/1.jpg", "A/x.jpg"]] {
        let expected = Refusal::BelowFile(names[1].to_owned());
        assert_eq!(refused(&zip(&names.map(|name| (name, &b"x"[..])))), expected);
        let tar = Tar::default().file(names[0], b"x").file("A/y.jpg", b"y").file(names[1], b"x");
        assert_eq!(refused(&tar.gzip()), expected);
    }
}

#[test]
fn paths_that_no_file_system_takes_are_refused() {
    let tar = |name: &str| Tar::default().pax("path", name).file("x", b"x").gzip();
    let deep = format!("{}x.jpg", "d/".repeat(2000));
    assert_eq!(refused(&tar(&deep)), Refusal::TooDeep(deep.clone()));
    assert!(refused(&tar(&deep)).to_string().len() < 200);
    let just = format!("{}x.jpg", "d/".repeat(Limits::LEVELS - 1));
    assert_eq!(Attempt::new(&tar(&just)).unpack(Limits::default()).unwrap(), [just]);
    let long = format!("A/{}.jpg", "x".repeat(300));
    assert_eq!(refused(&tar(&long)), Refusal::LongName(long.clone()));
    let path = format!("{}x.jpg", format!("{}/", "d".repeat(250)).repeat(10));
    assert_eq!(refused(&tar(&path)), Refusal::LongName(path.clone()));
}

#[test]
fn names_that_are_no_text_are_refused() {
    assert_eq!(
        refused(&Tar::default().entry(EntryType::Regular, b"\xff.jpg", b"x").gzip()),
        Refusal::NotUtf8("\u{fffd}.jpg".to_owned())
    );
    assert_eq!(refused(&Tar::default().pax("path", "a\0b").file("x", b"x").gzip()), traversal("a\0b"));
}

#[test]
fn links_are_refused() {
    for kind in [EntryType::Symlink, EntryType::Link] {
        assert_eq!(
            refused(&Tar::default().entry(kind, b"link", b"").gzip()),
            Refusal::Link("link".to_owned())
        );
    }
    assert_eq!(
        refused(&Tar::default().entry(EntryType::GNULongLink, b"link", b"/etc\0").gzip()),
        Refusal::Link("link".to_owned())
    );
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.add_symlink("link", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    assert_eq!(refused(&bytes), Refusal::Link("link".to_owned()));
}

#[test]
fn devices_and_pipes_are_refused() {
    for kind in
        [EntryType::Char, EntryType::Block, EntryType::Fifo, EntryType::GNUSparse, EntryType::new(b'V')]
    {
        let bytes = Tar::default().entry(kind, b"thing", b"").gzip();
        assert_eq!(refused(&bytes), Refusal::SpecialFile("thing".to_owned()), "{kind:?}");
    }
    // A zip member whose mode says that it is a device.
    let options = SimpleFileOptions::default();
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("thing", options).unwrap();
    let mut bytes = writer.finish().unwrap().into_inner();
    let directory = bytes.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    bytes[directory + 5] = 3; // made on Unix
    bytes[directory + 38..directory + 42].copy_from_slice(&(0o020_644_u32 << 16).to_le_bytes());
    assert_eq!(refused(&bytes), Refusal::SpecialFile("thing".to_owned()));
}

#[test]
fn names_that_are_there_twice_are_refused() {
    let twice = || Refusal::DuplicateName("a".to_owned());
    assert_eq!(refused(&Tar::default().file("a", b"1").file("a", b"2").gzip()), twice());
    assert_eq!(refused(&Tar::default().file("a", b"1").file("./a", b"2").gzip()), twice());
    // The writer refuses to, so the second name is changed afterwards.
    let mut bytes = zip(&[("a", b"1"), ("b", b"2")]);
    for at in 0..bytes.len() - 4 {
        let header = if bytes[at..].starts_with(b"PK\x03\x04") {
            30
        } else if bytes[at..].starts_with(b"PK\x01\x02") {
            46
        } else {
            continue;
        };
        if bytes[at + header] == b'b' {
            bytes[at + header] = b'a';
        }
    }
    assert_eq!(refused(&bytes), twice());
}

#[test]
fn different_files_for_one_place_are_refused_and_the_same_is_taken_once() {
    let long = vec![7; 200_000];
    let longer = [&long[..], b"!"].concat();
    let other = [&long[..199_999], b"!"].concat();
    let cases: [(&[u8], &[u8], bool); 7] = [
        (b"1", b"1", true),
        (b"", b"", true),
        (b"1", b"2", false),
        (b"1", b"", false),
        (&long, &long, true),
        (&long, &longer, false),
        (&long, &other, false),
    ];
    for (first, second, same) in cases {
        for bytes in [
            Tar::default().file("x/a", first).file("y/a", second).file("z", b"last").gzip(),
            zip(&[("x/a", first), ("y/a", second), ("z", b"last")]),
        ] {
            let attempt = Attempt::new(&bytes);
            let place = |name: &str, _: &[u8]| name.rsplit('/').next().map(str::to_owned);
            let limits = Limits { ratio: 1_000_000, ..Limits::default() };
            let places = unpack(&attempt.path("archive"), limits, &attempt.path("s"), &place, &|_| {});
            match places {
                Ok(places) => {
                    assert!(same);
                    assert_eq!((places["a"].as_str(), places["z"].as_str()), ("x/a", "z"));
                    assert_eq!(std::fs::read(attempt.path("s/a")).unwrap(), first);
                    assert_eq!(std::fs::read(attempt.path("s/z")).unwrap(), b"last");
                }
                Err(Error::Refused { reason: Refusal::Different(one, other), .. }) => {
                    assert!(!same);
                    assert_eq!((one.as_str(), other.as_str()), ("x/a", "y/a"));
                    assert!(!attempt.path("s").exists());
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
}

#[test]
fn files_without_a_name_are_refused() {
    assert_eq!(refused(&Tar::default().file(".", b"x").gzip()), Refusal::NoName);
}

#[test]
fn too_many_files_are_refused() {
    let limits = Limits { files: 3, ..Limits::default() };
    let four = (0..4).fold(Tar::default(), |tar, i| tar.file(&i.to_string(), b""));
    assert_eq!(refusal(&four.gzip(), limits), Refusal::TooMany(3));
    let members: Vec<_> = ["1", "2", "3", "4"].map(|name| (name, &b""[..])).into();
    assert_eq!(refusal(&zip(&members), limits), Refusal::TooMany(3));
    assert!(Attempt::new(&zip(&members[..3])).unpack(limits).is_ok());
}

#[test]
fn too_many_bytes_are_refused() {
    let limits = Limits { bytes: 10_000, ..Limits::default() };
    let noise: Vec<u8> = (0..6_000_u32).map(|i| ((i * i) >> 3) as u8).collect();
    let two = || Tar::default().file("a", &noise).file("b", &noise);
    for bytes in [two().bytes(), two().gzip(), zip(&[("a", &noise), ("b", &noise)])] {
        assert_eq!(refusal(&bytes, limits), Refusal::TooLarge(10_000));
    }
    assert!(Attempt::new(&zip(&[("a", &noise)])).unpack(limits).is_ok());
}

#[test]
fn bombs_are_refused() {
    let zeros = vec![0; Limits::SMALL as usize + 100_000];
    assert_eq!(refused(&Tar::default().file("a", &zeros).gzip()), Refusal::TooCompressed(100));
    assert_eq!(refused(&zip(&[("a", &zeros)])), Refusal::TooCompressed(100));
    // Many small ones together.
    let part = &zeros[..1 << 20];
    let names: Vec<_> = (0..20).map(|i| i.to_string()).collect();
    let members: Vec<_> = names.iter().map(|name| (name.as_str(), part)).collect();
    assert_eq!(refused(&zip(&members)), Refusal::TooCompressed(100));
    // A sparse photo may swell a little.
    assert!(Attempt::new(&zip(&[("a", part)])).unpack(Limits::default()).is_ok());
}

#[test]
fn bombs_in_records_are_refused_before_they_fill_the_memory() {
    let zeros = vec![b'a'; 8 << 20];
    for kind in [EntryType::GNULongName, EntryType::XHeader] {
        let bytes = Tar::default().entry(kind, b"record", &zeros).file("a", b"x").gzip();
        assert_eq!(refused(&bytes), Refusal::LongRecord);
    }
    let bytes = Tar::default().entry(EntryType::XGlobalHeader, b"record", &zeros.repeat(4)).gzip();
    assert_eq!(refused(&bytes), Refusal::TooCompressed(100));
}

#[test]
fn extended_headers_that_change_sizes_or_make_no_sense_are_refused() {
    for key in ["size", "GNU.sparse.realsize"] {
        let bytes = Tar::default().pax(key, "9999999999").file("a", b"x").gzip();
        assert_eq!(refused(&bytes), Refusal::SpecialFile("a huge or sparse file".to_owned()));
    }
    for record in [&b"x path=a\n"[..], b"99 path=a\n", b"9 path=a", b"0 \n", b"path"] {
        let bytes = Tar::default().entry(EntryType::XHeader, b"pax", record).file("a", b"x").gzip();
        assert!(matches!(refused(&bytes), Refusal::Damaged(_)), "{record:?}");
    }
}

#[test]
fn encrypted_members_are_refused() {
    let mut bytes = zip(&[("a", b"secret")]);
    for at in 0..bytes.len() - 4 {
        if bytes[at..].starts_with(b"PK\x03\x04") {
            bytes[at + 6] |= 1;
        } else if bytes[at..].starts_with(b"PK\x01\x02") {
            bytes[at + 8] |= 1;
        }
    }
    assert_eq!(refused(&bytes), Refusal::Encrypted("a".to_owned()));
}

#[test]
fn archives_cut_short_are_refused_wherever_they_are_cut() {
    let noise: Vec<u8> = (0..1_500_u32).map(|i| ((i * i) >> 3) as u8).collect();
    let tar = || Tar::default().file("a", &noise).file("b", b"2");
    for (bytes, step) in [(tar().gzip(), 1), (zip(&[("a", &noise), ("b", b"2")]), 1), (tar().bytes(), 7)] {
        // A plain tar that ends between two entries cannot be told from a whole one.
        let end = if step == 1 { bytes.len() } else { 512 + 1_500 };
        for length in (4..end).step_by(step) {
            let found = refused(&bytes[..length]);
            let fits = matches!(found, Refusal::Damaged(_) | Refusal::UnknownFormat);
            assert!(fits, "cut at {length} of {}: {found:?}", bytes.len());
        }
    }
}

#[test]
fn members_that_are_not_what_their_checksum_says_are_refused() {
    let mut bytes = zip(&[("a", b"some text that is long enough")]);
    let crc = bytes.windows(4).position(|w| w == b"PK\x01\x02").unwrap() + 16;
    bytes[crc] ^= 1;
    assert!(matches!(refused(&bytes), Refusal::Damaged(_)));
    let mut bytes = Tar::default().file("a", b"some text").gzip();
    let at = bytes.len() - 6; // in gzip's checksum
    bytes[at] ^= 1;
    assert!(matches!(refused(&bytes), Refusal::Damaged(_)));
}

#[test]
fn what_is_no_archive_is_refused() {
    for bytes in [&b""[..], b"short", b"<!DOCTYPE html><title>404</title>", &[0; 1024]] {
        assert_eq!(refused(bytes), Refusal::UnknownFormat);
    }
}

#[test]
fn what_is_not_read_is_named_and_not_called_damaged() {
    let says = |bytes: &[u8]| {
        let found = refused(bytes);
        assert!(!matches!(found, Refusal::Damaged(_)), "{found}");
        found.to_string()
    };
    let again = "which is not read: unpack it and name the folder, or pack it again as zip";
    for (start, what) in [
        (&b"7z\xbc\xaf\x27\x1c\0\x04"[..], "it is a 7z archive"),
        (b"Rar!\x1a\x07\x01\0", "it is a RAR archive"),
        (b"BZh91AY&SY", "it is packed by bzip2"),
        (b"\xfd7zXZ\0\0\x04", "it is packed by xz"),
        (b"\x28\xb5\x2f\xfd\x04\0", "it is packed by zstd"),
    ] {
        assert!(says(start).starts_with(&format!("{what}, {again}")), "{}", says(start));
    }
    let mut tar = Tar::default().file("a/1.jpg", b"one").file("a/2.jpg", b"two").bytes();
    for (packed, what) in [
        (gzip(&gzip(&tar)), "it is packed by gzip twice"),
        (gzip(&zip(&[("a.jpg", b"text")])), "it is a zip file packed by gzip once more"),
        (gzip(b"7z\xbc\xaf\x27\x1c\0\x04"), "it is a 7z archive"),
        (gzip(&[b'x'; 2000]), "it is a single file packed by gzip, and no tar"),
    ] {
        assert!(says(&packed).starts_with(&format!("{what}, {again}")), "{}", says(&packed));
    }
    // Damage in a header is told without the words of the library.
    let reason = "the header of a file in it does not follow the format".to_owned();
    for at in [1024, 1024 + 150, 1024 + 130] {
        tar[at] ^= 0xff;
        assert_eq!(refused(&gzip(&tar)), Refusal::Damaged(reason.clone()), "{at}");
        tar[at] ^= 0xff;
    }
    assert!(Attempt::new(&gzip(&tar)).unpack(Limits::default()).is_ok());
    for (method, name) in
        [(9_u8, "Deflate64"), (12, "bzip2"), (14, "LZMA"), (93, "zstd"), (77, "an unusual method")]
    {
        let mut bytes = zip(&[("a.jpg", b"some text that is long enough")]);
        for at in 0..bytes.len() - 4 {
            // The method in the member's own header, and in the directory.
            match &bytes[at..at + 4] {
                b"PK\x03\x04" => bytes[at + 8] = method,
                b"PK\x01\x02" => bytes[at + 10] = method,
                _ => {}
            }
        }
        assert!(
            says(&bytes).starts_with(&format!("a.jpg in it is packed by {name}, {again}")),
            "{}",
            says(&bytes)
        );
    }
    let mut bytes = zip(&[("a.jpg", b"text")]);
    let end = bytes.windows(4).rposition(|window| window == b"PK\x05\x06").unwrap();
    (bytes[end + 4], bytes[end + 6]) = (2, 1);
    assert!(
        says(&bytes).starts_with(&format!("it is one of several parts of a zip file, {again}")),
        "{}",
        says(&bytes)
    );
}
