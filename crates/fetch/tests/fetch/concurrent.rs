//! Several files at once, and several downloads of one file.

use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use marque_contracts::{Bar, Progress, Silent, Unit};
use marque_fetch::{Error, Fetcher, Policy, RemoteFile};
use marque_fixtures::server::{Reply, Server};

use crate::download::{Download, NAME, TAG, content, good, names};

#[test]
fn several_files_are_downloaded_at_once_and_one_that_fails_does_not_stop_the_others() {
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

/// Records the lines.
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
fn two_downloads_of_one_file_do_not_mix() {
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
fn a_lock_left_by_a_killed_program_is_free() {
    let server = good();
    let download = Download::from(&server);
    std::fs::write(download.path(".partial.lock"), "4711").unwrap();
    download.succeeds(&[]);
}
