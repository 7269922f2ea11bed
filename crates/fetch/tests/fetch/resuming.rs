//! Resuming: interrupted transfers, ranges, and partial files of earlier runs.

use std::time::Duration;

use marque_fetch::ProblemKind;
use marque_fixtures::server::{Received, Reply, Sending, Server};

use crate::download::{Download, NAME, TAG, content, good};

#[test]
fn a_connection_cut_mid_body_is_resumed() {
    let server = Server::start(|request, before| {
        let reply = Reply::file(&content(), TAG, request);
        if before < 2 { reply.sending(Sending::CutAfter(50_000)) } else { reply }
    });
    let download = Download::from(&server);
    assert_eq!(download.succeeds(&[]).resumed, 100_000);
    let starts: Vec<_> = server.requests().iter().map(Received::range_start).collect();
    assert_eq!(starts, [None, Some(50_000), Some(100_000)]);
    assert_eq!(server.requests()[1].header("if-range"), Some(TAG));
    assert_eq!(download.waits.lock().unwrap().len(), 2);
}

#[test]
fn a_run_resumes_where_another_was_interrupted() {
    let server = good();
    let origin = format!("{}\n{TAG}\n", server.url(NAME));
    let download = Download::from(&server).with_partial(&content()[..70_000], &origin);
    assert_eq!(download.succeeds(&[]).resumed, 70_000);
}

#[test]
fn a_mirror_resumes_where_another_failed() {
    let first = Server::start(|request, before| match before {
        0 => Reply::file(&content(), TAG, request).sending(Sending::CutAfter(50_000)),
        _ => Reply::new(404, b"gone"),
    });
    let second = good();
    let fetched = Download::new([first.url(NAME), second.url(NAME)]).succeeds(&[]);
    assert_eq!((fetched.resumed, fetched.url), (50_000, Some(second.url(NAME))));
    assert_eq!(second.requests()[0].header("if-range"), None, "the tag is the other server's");
}

#[test]
fn with_a_server_that_ignores_ranges_the_download_starts_again() {
    let server = Server::start(|_, before| {
        let reply = Reply::new(200, &content());
        if before == 0 { reply.sending(Sending::CutAfter(50_000)) } else { reply }
    });
    assert_eq!(Download::from(&server).succeeds(&[]).resumed, 0);
    assert_eq!(server.requests()[1].range_start(), Some(50_000));
}

#[test]
fn a_server_that_cuts_and_ignores_ranges_is_given_up() {
    let server = Server::start(|_, _| Reply::new(200, &content()).sending(Sending::CutAfter(199_999)));
    let problems = Download::from(&server).fails();
    assert!(matches!(&problems[..], [ProblemKind::Connection(reason)] if reason.contains("199999")));
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_part_that_was_not_asked_for_is_not_used() {
    let server = Server::start(|request, before| match before {
        0 => Reply::file(&content(), TAG, request).sending(Sending::CutAfter(50_000)),
        1 => Reply::new(206, &content()[60_000..]).header("Content-Range", "bytes 60000-199999/200000"),
        _ => Reply::file(&content(), TAG, request),
    });
    assert_eq!(Download::from(&server).succeeds(&[]).resumed, 0);
}

#[test]
fn a_body_shorter_than_its_length_is_tried_again() {
    let server = Server::start(|request, before| match before {
        0 => Reply::new(200, &content()[..100]).length(Some(200_000)),
        _ => Reply::file(&content(), TAG, request),
    });
    Download::from(&server).succeeds(&[]);
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn redirects_are_followed_with_the_range() {
    let server = Server::start(|request, before| match request.target.as_str() {
        "/cars.tgz" => Reply::new(302, b"").header("Location", "/elsewhere"),
        _ if before == 1 => Reply::file(&content(), TAG, request).sending(Sending::CutAfter(50_000)),
        _ => Reply::file(&content(), TAG, request),
    });
    assert_eq!(Download::from(&server).succeeds(&[]).resumed, 50_000);
    assert_eq!(server.requests()[3].range_start(), Some(50_000));
}

#[test]
fn a_stalled_transfer_is_resumed() {
    let server = Server::start(|request, before| {
        let reply = Reply::file(&content(), TAG, request);
        if before == 0 { reply.sending(Sending::StallAfter(50_000)) } else { reply }
    });
    let mut download = Download::from(&server);
    download.policy.stall = Duration::from_millis(200);
    assert_eq!(download.succeeds(&[]).resumed, 50_000);
}

#[test]
fn a_damaged_part_is_deleted_and_does_not_count_against_the_server() {
    let server = good();
    let origin = format!("{}\n{TAG}\n", server.url(NAME));
    let download = Download::from(&server).with_partial(&[9; 70_000], &origin);
    assert_eq!(download.succeeds(&[]).resumed, 0);
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn parts_of_different_versions_are_not_joined() {
    // Nothing is published of the file, so only the server can tell that it is another one.
    let server = Server::start(|request, _| Reply::file(&content(), "\"v2\"", request));
    let origin = format!("{}\n{TAG}\n", server.url(NAME));
    let download = Download::from(&server).unpublished().with_partial(&[9; 70_000], &origin);
    assert_eq!(download.succeeds(&[]).resumed, 0);
    assert_eq!(server.requests()[0].header("if-range"), Some(TAG));
    // Nor can a server that gives no tag, or another one than gave the part.
    let download = Download::from(&server).unpublished().with_partial(&[9; 70_000], "http://else/\n\"v2\"\n");
    assert_eq!(download.succeeds(&[]).resumed, 0);
}

#[test]
fn a_part_longer_than_the_file_is_deleted() {
    let server = good();
    let mut download = Download::from(&server).with_partial(&[9; 300_000], "http://else/\n\n");
    download.succeeds(&[]);
    download = Download::from(&server).with_partial(&[9; 300_000], "http://else/\n\n");
    download.file.bytes = None;
    download.succeeds(&[]);
    assert_eq!(server.requests().last().unwrap().range_start(), None);
}

#[test]
fn a_part_that_is_all_of_it_needs_no_server() {
    let nobody = good().url(NAME);
    let download = Download::new([nobody]).with_partial(&content(), "http://else/\n\n");
    assert_eq!(download.succeeds(&[]).resumed, 200_000);
}
