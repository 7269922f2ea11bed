//! Verification: nothing but the published bytes gets the file's name.

use marque_fetch::{Checksum, Mismatch, ProblemKind};
use marque_fixtures::server::{Reply, Server};

use crate::download::{Download, NAME, TAG, content, good, md5, names};

#[test]
fn another_length_than_published_is_another_file() {
    let other = Server::start(|_, _| Reply::new(200, b"<html>please log in</html>"));
    let mirror = good();
    Download::new([other.url(NAME), mirror.url(NAME)]).succeeds(&[]);
    assert_eq!(other.requests().len(), 1);
    let problems = Download::from(&other).fails();
    assert!(matches!(problems[..], [ProblemKind::Length { expected: 200_000, found: 26 }]));
}

#[test]
fn a_body_without_end_is_cut_off() {
    let endless = vec![7; 5_000_000];
    let server = Server::start(move |_, _| Reply::new(200, &endless).length(None));
    let download = Download::from(&server);
    let problems = download.fails();
    assert!(matches!(problems[..], [ProblemKind::Length { expected: 200_000, found: 200_001.. }]));
    assert!(names(download.folder.path()).is_empty());
}

#[test]
fn a_second_wrong_file_does_not_take_the_place_of_the_first() {
    let of = |byte: u8| Server::start(move |_, _| Reply::new(200, &vec![byte; content().len()]));
    let (one, two, again) = (of(1), of(2), of(1));
    let good = Server::start(|request, _| Reply::file(&content(), TAG, request));
    let download = Download::new([one.url("x"), two.url("x"), again.url("x"), good.url("x")]);
    // The same content is not set aside twice.
    download.succeeds(&[".rejected", ".rejected.2"]);
    assert_eq!(std::fs::read(download.path(".rejected")).unwrap()[0], 1);
    assert_eq!(std::fs::read(download.path(".rejected.2")).unwrap()[0], 2);
}

#[test]
fn wrong_bytes_are_set_aside_with_both_digests_and_never_accepted() {
    let mut wrong = content();
    wrong[123_456] ^= 1;
    let found = md5(&wrong);
    let bad = Server::start({
        let wrong = wrong.clone();
        move |request, _| Reply::file(&wrong, TAG, request)
    });
    let mirror = good();
    let download = Download::new([bad.url(NAME), mirror.url(NAME)]);
    download.succeeds(&[".rejected"]);
    assert_eq!(std::fs::read(download.path(".rejected")).unwrap(), wrong);
    assert_eq!(bad.requests().len(), 1, "the same bytes would come again");

    let download = Download::from(&bad);
    let [ProblemKind::Checksum { mismatch, set_aside }] = &download.fails()[..] else { panic!() };
    assert_eq!(*mismatch, Mismatch { expected: md5(&content()), found: found.digits().to_owned() });
    assert_eq!(*set_aside, download.path(".rejected"));
    let text = download.run().unwrap_err().to_string();
    assert!(text.contains(found.digits()) && text.contains(md5(&content()).digits()), "{text}");
}

#[test]
fn the_beginning_of_a_sha256_is_enough() {
    let server = good();
    let mut download = Download::from(&server);
    let wrong = Checksum::parse("sha256", "00000000").unwrap();
    download.file.checksums = vec![wrong];
    let [ProblemKind::Checksum { mismatch, .. }] = &download.fails()[..] else { panic!() };
    assert_eq!(mismatch.found.len(), 64);
    download.file.checksums = vec![Checksum::parse("sha256", &mismatch.found[..8]).unwrap()];
    download.succeeds(&[".rejected"]);
    assert_eq!(Checksum::parse("sha256", "1234567"), None, "too short to mean anything");
}
