//! Statuses, waits, redirects and time-outs: servers that misbehave in every way that real ones do.

use std::time::Duration;

use marque_fetch::ProblemKind;
use marque_fixtures::server::{Reply, Sending, Server};

use crate::download::{Download, NAME, TAG, content, good, md5};

#[test]
fn a_good_server_gives_the_file() {
    let server = good();
    let fetched = Download::from(&server).succeeds(&[]);
    assert_eq!((fetched.resumed, fetched.url), (0, Some(server.url(NAME))));
    assert!(server.requests()[0].header("user-agent").unwrap().starts_with("marque/"));
    assert_eq!(server.requests()[0].header("range"), None);
}

#[test]
fn what_is_not_there_is_not_asked_for_twice() {
    for status in [401, 403, 404, 410] {
        let dead = Server::start(move |_, _| Reply::new(status, b"no"));
        let mirror = good();
        let download = Download::new([dead.url(NAME), mirror.url(NAME)]);
        download.succeeds(&[]);
        assert_eq!(dead.requests().len(), 1);
        assert!(download.waits.lock().unwrap().is_empty());
        let problems = Download::from(&dead).fails();
        assert!(matches!(problems[..], [ProblemKind::Status(found)] if found == status));
    }
}

#[test]
fn a_busy_server_is_waited_for_as_long_as_it_asks() {
    let server = Server::start(|request, before| match before {
        0 => Reply::new(503, b"").header("Retry-After", "7"),
        1 => Reply::new(429, b"")
            .header("Date", "Sun, 06 Nov 1994 08:49:37 GMT")
            .header("Retry-After", "Sun, 06 Nov 1994 08:50:17 GMT"),
        _ => Reply::file(&content(), TAG, request),
    });
    let download = Download::from(&server);
    download.succeeds(&[]);
    assert_eq!(*download.waits.lock().unwrap(), [Duration::from_secs(7), Duration::from_secs(40)]);
}

#[test]
fn a_server_that_asks_for_hours_is_given_up() {
    let busy = Server::start(|_, _| Reply::new(503, b"").header("Retry-After", "7200"));
    let mirror = good();
    let download = Download::new([busy.url(NAME), mirror.url(NAME)]);
    download.succeeds(&[]);
    assert!(download.waits.lock().unwrap().is_empty());
    let problems = Download::from(&busy).fails();
    assert!(matches!(problems[..], [ProblemKind::Busy { status: 503, wait }] if wait.as_secs() == 7200));
}

#[test]
fn server_errors_are_tried_again_with_growing_waits() {
    let server = Server::start(|_, _| Reply::new(500, b"oops"));
    let mut download = Download::from(&server);
    download.policy.attempts = 5;
    assert!(matches!(download.fails()[..], [ProblemKind::Status(500)]));
    let waits = download.waits.lock().unwrap().clone();
    let within = |wait: &Duration, whole: u64| {
        (Duration::from_millis(whole / 2)..=Duration::from_millis(whole)).contains(wait)
    };
    assert_eq!(waits.len(), 4);
    assert!(waits.iter().zip([1000, 2000, 4000, 8000]).all(|(wait, whole)| within(wait, whole)), "{waits:?}");
}

#[test]
fn redirects_in_a_circle_are_given_up() {
    let server = Server::start(|_, _| Reply::new(302, b"").header("Location", "/cars.tgz"));
    assert!(matches!(Download::from(&server).fails()[..], [ProblemKind::Connection(_)]));
    assert!(server.requests().len() < 30);
}

#[test]
fn a_server_that_never_answers_times_out() {
    let silent = Server::start(|_, _| Reply::new(200, b"").length(None).sending(Sending::StallAfter(0)));
    let mut download = Download::from(&silent);
    download.policy.stall = Duration::from_millis(100);
    let problems = download.fails();
    let [ProblemKind::Connection(reason)] = &problems[..] else { panic!("{problems:?}") };
    assert!(reason.contains("not a byte for 0.1 s"), "{reason}");
}

#[test]
fn a_slow_server_is_waited_for() {
    let server =
        Server::start(|_, _| Reply::new(200, b"slowly").sending(Sending::Trickle(Duration::from_millis(60))));
    let mut download = Download::from(&server);
    // Less than the whole takes, more than any pause in it.
    download.policy.stall = Duration::from_millis(300);
    (download.file.checksums, download.file.bytes) = (vec![md5(b"slowly")], Some(6));
    assert_eq!(download.run().unwrap().bytes, 6);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_closed_port_and_an_unknown_host_lead_to_the_next_mirror() {
    let closed = good().url(NAME);
    let mirror = good();
    let unknown = "http://no-such-host.invalid/cars.tgz".to_owned();
    Download::new([unknown, "not an address".to_owned(), closed, mirror.url(NAME)]).succeeds(&[]);
}
