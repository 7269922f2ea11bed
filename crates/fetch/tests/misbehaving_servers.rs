//! Downloads from servers that misbehave in every way that real ones do.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use marque_contracts::{Bar, Digest, Progress, Silent, Unit};
use marque_fetch::{Checksum, Error, Fetched, Fetcher, Mismatch, Policy, ProblemKind, RemoteFile};
use marque_fixtures::server::{Received, Reply, Sending, Server};

const NAME: &str = "cars.tgz";
const TAG: &str = "\"v1\"";

fn content() -> Vec<u8> {
    (0..200_000_u32).map(|i| ((i * i) >> 7) as u8).collect()
}

fn md5(bytes: &[u8]) -> Checksum {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    std::fs::write(&path, bytes).unwrap();
    let wrong = Checksum::parse("md5", &"0".repeat(32)).unwrap();
    let mismatch = Checksum::check(&[wrong], &path, &|_| {}).unwrap().unwrap_err();
    Checksum::parse("md5", &mismatch.found).unwrap()
}

/// A download into a folder of its own that waits in no time.
struct Download {
    folder: tempfile::TempDir,
    file: RemoteFile,
    policy: Policy,
    waits: Arc<Mutex<Vec<Duration>>>,
}

impl Download {
    fn new(urls: impl IntoIterator<Item = String>) -> Self {
        let bytes = content();
        let file = RemoteFile {
            name: NAME.to_owned(),
            urls: urls.into_iter().collect(),
            checksums: vec![md5(&bytes)],
            bytes: Some(bytes.len() as u64),
        };
        let policy = Policy { attempts: 3, stall: Duration::from_secs(20), ..Policy::default() };
        Self { folder: tempfile::tempdir().unwrap(), file, policy, waits: Arc::default() }
    }

    fn from(server: &Server) -> Self {
        Self::new([server.url(NAME)])
    }

    /// A file of which nothing is published.
    fn unpublished(mut self) -> Self {
        (self.file.checksums, self.file.bytes) = (Vec::new(), None);
        self
    }

    fn path(&self, ending: &str) -> PathBuf {
        self.folder.path().join(format!("{NAME}{ending}"))
    }

    fn with_partial(self, bytes: &[u8], origin: &str) -> Self {
        std::fs::write(self.path(".partial"), bytes).unwrap();
        std::fs::write(self.path(".partial.origin"), origin).unwrap();
        self
    }

    fn run(&self) -> Result<Fetched, Error> {
        let waits = Arc::clone(&self.waits);
        let fetcher = Fetcher::new(self.policy.clone())
            .unwrap()
            .with_sleep(move |wait| waits.lock().unwrap().push(wait));
        fetcher.fetch(&self.file, self.folder.path(), &Silent)
    }

    /// Runs, and checks that the file is there, and nothing else but what `also` names.
    #[track_caller]
    fn succeeds(&self, also: &[&str]) -> Fetched {
        let fetched = self.run().unwrap();
        assert_eq!(std::fs::read(&fetched.path).unwrap(), content());
        assert_eq!(fetched.blake3, Digest::of_bytes(&content()));
        assert_eq!(fetched.bytes, content().len() as u64);
        let mut expected = vec![NAME.to_owned()];
        expected.extend(also.iter().map(|ending| format!("{NAME}{ending}")));
        assert_eq!(names(self.folder.path()), expected);
        fetched
    }

    #[track_caller]
    fn fails(&self) -> Vec<ProblemKind> {
        assert!(!self.path("").exists());
        let error = self.run().unwrap_err();
        assert!(!self.path("").exists(), "nothing unverified may stand under the name");
        assert!(error.to_string().starts_with("cars.tgz could not be downloaded:\n    http"), "{error}");
        match error {
            Error::Failed { problems, .. } => problems.into_iter().map(|problem| problem.kind).collect(),
            other => panic!("{other}"),
        }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn good() -> Server {
    Server::start(|request, _| Reply::file(&content(), TAG, request))
}

#[test]
fn a_good_server_gives_the_file() {
    let server = good();
    let fetched = Download::from(&server).succeeds(&[]);
    assert_eq!((fetched.resumed, fetched.url), (0, Some(server.url(NAME))));
    assert!(server.requests()[0].header("user-agent").unwrap().starts_with("marque/"));
    assert_eq!(server.requests()[0].header("range"), None);
}

#[test]
fn a_connection_cut_mid_body_is_gone_on_with() {
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
fn a_run_goes_on_where_another_was_interrupted() {
    let server = good();
    let origin = format!("{}\n{TAG}\n", server.url(NAME));
    let download = Download::from(&server).with_partial(&content()[..70_000], &origin);
    assert_eq!(download.succeeds(&[]).resumed, 70_000);
}

#[test]
fn a_mirror_goes_on_where_another_broke_off() {
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
fn a_server_that_ignores_ranges_is_started_with_anew() {
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
fn another_length_than_published_is_another_file() {
    let other = Server::start(|_, _| Reply::new(200, b"<html>please log in</html>"));
    let mirror = good();
    Download::new([other.url(NAME), mirror.url(NAME)]).succeeds(&[]);
    assert_eq!(other.requests().len(), 1);
    let problems = Download::from(&other).fails();
    assert!(matches!(problems[..], [ProblemKind::Length { expected: 200_000, found: 26 }]));
}

#[test]
fn a_body_without_end_is_broken_off() {
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
    // What is the same need not be kept twice.
    download.succeeds(&[".rejected", ".rejected.2"]);
    assert_eq!(std::fs::read(download.path(".rejected")).unwrap()[0], 1);
    assert_eq!(std::fs::read(download.path(".rejected.2")).unwrap()[0], 2);
}

#[test]
fn wrong_bytes_are_kept_aside_with_both_digests_and_never_let_through() {
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
    let [ProblemKind::Checksum { mismatch, kept }] = &download.fails()[..] else { panic!() };
    assert_eq!(*mismatch, Mismatch { expected: md5(&content()), found: found.digits().to_owned() });
    assert_eq!(*kept, download.path(".rejected"));
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
fn a_server_that_asks_for_hours_is_passed_over() {
    let busy = Server::start(|_, _| Reply::new(503, b"").header("Retry-After", "7200"));
    let mirror = good();
    let download = Download::new([busy.url(NAME), mirror.url(NAME)]);
    download.succeeds(&[]);
    assert!(download.waits.lock().unwrap().is_empty());
    let problems = Download::from(&busy).fails();
    assert!(matches!(problems[..], [ProblemKind::Busy { status: 503, wait }] if wait.as_secs() == 7200));
}

#[test]
fn trouble_at_the_server_is_tried_again_with_growing_waits() {
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
fn redirects_in_a_circle_are_given_up() {
    let server = Server::start(|_, _| Reply::new(302, b"").header("Location", "/cars.tgz"));
    assert!(matches!(Download::from(&server).fails()[..], [ProblemKind::Connection(_)]));
    assert!(server.requests().len() < 30);
}

#[test]
fn a_server_that_falls_silent_is_left_and_gone_on_with() {
    let server = Server::start(|request, before| {
        let reply = Reply::file(&content(), TAG, request);
        if before == 0 { reply.sending(Sending::StallAfter(50_000)) } else { reply }
    });
    let mut download = Download::from(&server);
    download.policy.stall = Duration::from_millis(200);
    assert_eq!(download.succeeds(&[]).resumed, 50_000);
}

#[test]
fn a_server_that_never_answers_is_left() {
    let silent = Server::start(|_, _| Reply::new(200, b"").length(None).sending(Sending::StallAfter(0)));
    let mut download = Download::from(&silent);
    download.policy.stall = Duration::from_millis(100);
    let problems = download.fails();
    let [ProblemKind::Connection(reason)] = &problems[..] else { panic!("{problems:?}") };
    assert!(reason.contains("not a byte for 0.1 s"), "{reason}");
}

#[test]
fn a_slow_server_is_borne_with() {
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

#[test]
fn a_damaged_part_is_thrown_away_and_does_not_speak_against_the_server() {
    let server = good();
    let origin = format!("{}\n{TAG}\n", server.url(NAME));
    let download = Download::from(&server).with_partial(&[9; 70_000], &origin);
    assert_eq!(download.succeeds(&[]).resumed, 0);
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn parts_of_different_editions_are_not_put_together() {
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
fn a_part_longer_than_the_file_is_thrown_away() {
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

#[test]
fn several_files_come_at_once_and_one_that_fails_does_not_stop_the_others() {
    // Each answer waits until the other request is there too.
    let both = Arc::new(Barrier::new(2));
    let server = Server::start(move |request, _| match request.target.as_str() {
        "/missing" => Reply::new(404, b""),
        name => {
            both.wait();
            Reply::new(200, name.as_bytes())
        }
    });
    let file = |name: &str| RemoteFile {
        name: name.to_owned(),
        urls: vec![server.url(name)],
        checksums: Vec::new(),
        bytes: None,
    };
    let folder = tempfile::tempdir().unwrap();
    let fetcher = Fetcher::new(Policy { parallel: 2, ..Policy::default() }).unwrap();
    let files = [file("missing"), file("a"), file("b")];
    let results = fetcher.fetch_all(&files, &folder.path().join("new"), &Silent);
    assert!(matches!(&results[0], Err(Error::Failed { name, .. }) if name == "missing"));
    let bytes = |i: usize| std::fs::read(&results[i].as_ref().unwrap().path).unwrap();
    assert_eq!((bytes(1), bytes(2)), (b"/a".to_vec(), b"/b".to_vec()));
}

/// Notes the lines.
#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl Progress for Lines {
    fn bar(&self, what: &str, total: u64, unit: Unit) -> Box<dyn Bar> {
        Silent.bar(what, total, unit)
    }

    fn line(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

#[test]
fn two_that_bring_one_file_at_once_do_not_mix_it_up() {
    for first_fails in [false, true] {
        let lines = Arc::new(Lines::default());
        // The first answer goes on only when somebody waits for it.
        let server = Server::start({
            let lines = Arc::clone(&lines);
            move |request, before| {
                for _ in 0..500 {
                    if !lines.0.lock().unwrap().is_empty() {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(10));
                }
                match before {
                    0 if first_fails => Reply::new(404, b""),
                    _ => Reply::file(&content(), TAG, request),
                }
            }
        });
        let download = Download::from(&server);
        let fetch = || {
            let fetcher = Fetcher::new(download.policy.clone()).unwrap();
            fetcher.fetch(&download.file, download.folder.path(), lines.as_ref())
        };
        let results = std::thread::scope(|scope| {
            [scope.spawn(fetch), scope.spawn(fetch)].map(|thread| thread.join().unwrap())
        });
        let urls: Vec<_> = results.iter().flatten().map(|fetched| fetched.url.clone()).collect();
        match first_fails {
            false => assert!(urls.len() == 2 && urls.contains(&None), "{results:?}"),
            true => assert_eq!(urls, [Some(server.url(NAME))]),
        }
        assert_eq!(server.requests().len(), 1 + usize::from(first_fails));
        assert_eq!(std::fs::read(download.path("")).unwrap(), content());
        assert_eq!(names(download.folder.path()), [NAME], "nothing else is left");
        let said = lines.0.lock().unwrap().clone();
        // Which other it is may not be written yet.
        let expected = ["part of this program", "program"]
            .map(|other| format!("cars.tgz is being downloaded by another {other} already; waiting for it"));
        assert!(said.len() == 1 && expected.contains(&said[0]), "{said:?}");
    }
}

#[test]
fn a_lock_left_by_a_killed_program_is_nobodys() {
    let server = good();
    let download = Download::from(&server);
    std::fs::write(download.path(".partial.lock"), "4711").unwrap();
    download.succeeds(&[]);
}
