//! Files that are named by address, through the program, from a server on loopback.

use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use marque_fetch::Checksum;

use crate::project::Project;
use crate::published::publish;
use marque_fixtures::server::{Reply, Sending, Server};

const FILES: [&str; 4] =
    ["cars_train.tgz", "cars_test.tgz", "car_devkit.tgz", "cars_test_annos_withlabels.mat"];

fn md5(path: &Path) -> String {
    let wrong = Checksum::parse("md5", &"0".repeat(32)).unwrap();
    Checksum::check(&[wrong], path, &|_| {}).unwrap().unwrap_err().found
}

/// A server that has the published files, and a configuration that names them; `mirrors` go before it.
struct Publication {
    server: Server,
    project: Project,
    published: tempfile::TempDir,
}

impl Publication {
    fn new(mirrors: &[&str], behave: impl Fn(&str, Reply) -> Reply + Send + Sync + 'static) -> Self {
        let published = tempfile::tempdir().unwrap();
        publish(published.path());
        let folder = published.path().to_owned();
        let server = Server::start(move |request, _| {
            let name = request.target.rsplit('/').next().unwrap_or_default();
            match std::fs::read(folder.join(name)) {
                Ok(bytes) => behave(name, Reply::file(&bytes, "\"v1\"", request)),
                Err(_) => Reply::new(404, b"not here"),
            }
        });
        let mut text = String::from(
            "[fetch]\nbackoff_seconds = 0.01\n[dataset]\nsource = \"published\"\npath = \"downloads\"\n",
        );
        for name in FILES {
            let path = published.path().join(name);
            let bytes = std::fs::metadata(&path).unwrap().len();
            let urls: Vec<_> =
                mirrors.iter().map(|mirror| format!("{mirror}/{name}")).chain([server.url(name)]).collect();
            let md5 = md5(&path);
            text.push_str(&format!(
                "[[dataset.files]]\nname = {name:?}\nbytes = {bytes}\nmd5 = {md5:?}\nurls = {urls:?}\n"
            ));
        }
        text.push_str("[[heads]]\nname = \"era\"\nrule = \"year\"\nbreaks = [2009]\n");
        Self { server, project: Project::new(&text), published }
    }

    fn good() -> Self {
        Self::new(&[], |_, reply| reply)
    }

    fn downloads(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.project.path("downloads")) else { return Vec::new() };
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn sorted(names: &[&str]) -> Vec<String> {
    let mut names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    names.sort();
    names
}

#[test]
fn what_is_missing_is_downloaded_verified_and_not_asked_for_again() {
    let cut = AtomicBool::new(false);
    let publication = Publication::new(&[], move |name, reply| match name {
        "cars_train.tgz" if !cut.swap(true, Ordering::SeqCst) => reply.sending(Sending::CutAfter(5_000)),
        _ => reply,
    });
    let called = publication.project.call(&["run", "labels"]).succeeded();
    assert_eq!(called.ran(), ["ingest", "labels"]);
    assert_eq!(publication.downloads(), sorted(&FILES));
    assert!(
        called.stdout.contains("downloads/cars_train.tgz was downloaded from http://127.0.0.1:"),
        "{}",
        called.stdout
    );
    assert!(called.stderr.contains("trying again"), "{}", called.stderr);
    let asked = publication.server.requests().len();
    assert_eq!(asked, FILES.len() + 1);
    assert!(publication.project.call(&["run", "labels"]).succeeded().ran().is_empty());
    assert_eq!(publication.server.requests().len(), asked);
}

#[test]
fn offline_nothing_is_asked_for_and_all_is_named() {
    let publication = Publication::good();
    for arguments in
        [&["run", "--offline"][..], &["fetch", "--offline"], &["run", "--set", "fetch.offline=true"]]
    {
        let called = publication
            .project
            .call(arguments)
            .failed(4, "4 files are missing, and nothing is downloaded offline");
        for name in FILES {
            let path = publication.published.path().join(name);
            assert!(called.stderr.contains(&format!("\n    downloads/{name}  ")), "{}", called.stderr);
            assert!(called.stderr.contains(&format!("md5 {}", md5(&path))), "{}", called.stderr);
            assert!(called.stderr.contains(&publication.server.url(name)), "{}", called.stderr);
        }
        assert!(called.stderr.contains("put them at exactly these places"), "{}", called.stderr);
    }
    assert!(publication.server.requests().is_empty());
    assert!(publication.downloads().is_empty());
    // Put there by hand, they are taken as they are.
    std::fs::create_dir(publication.project.path("downloads")).unwrap();
    for name in FILES {
        std::fs::copy(
            publication.published.path().join(name),
            publication.project.path("downloads").join(name),
        )
        .unwrap();
    }
    publication.project.call(&["run", "labels", "--offline"]).succeeded();
    assert!(publication.server.requests().is_empty());
}

#[test]
fn pages_instead_of_files_lead_to_the_next_mirror() {
    let bad = Server::start(|request, _| match request.target.contains("car_devkit") {
        true => Reply::new(200, b"<html>moved</html>"),
        false => Reply::new(404, b""),
    });
    let publication = Publication::new(&[&bad.url("x")], |_, reply| reply);
    publication.project.call(&["run", "ingest"]).succeeded();
    assert!(bad.requests().len() >= FILES.len());
    assert_eq!(publication.downloads(), sorted(&FILES));
}

#[test]
fn a_file_with_another_checksum_is_kept_aside_and_never_let_through() {
    let publication = Publication::good();
    let train = publication.published.path().join("cars_train.tgz");
    let mut bytes = std::fs::read(&train).unwrap();
    let expected = md5(&train);
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&train, &bytes).unwrap();
    let called = publication.project.call(&["run"]).failed(4, "cars_train.tgz could not be downloaded");
    for digest in [expected, md5(&train)] {
        assert!(called.stderr.contains(&digest), "{digest} is not in\n{}", called.stderr);
    }
    assert!(called.stderr.contains("set aside as downloads/cars_train.tgz.rejected"), "{}", called.stderr);
    let there = publication.downloads();
    assert!(
        there.contains(&"cars_train.tgz.rejected".to_owned())
            && !there.contains(&"cars_train.tgz".to_owned())
    );
    assert!(!publication.project.path("data/ingest/current").exists());
}

#[test]
fn a_mirror_that_has_another_file_is_warned_of_even_if_the_next_one_has_it() {
    let wrong = Server::start(|request, _| {
        // The right length, which alone would let it through.
        let length = request.target.rsplit('/').next().unwrap().len();
        Reply::new(200, &vec![b'x'; length])
    });
    let publication = Publication::new(&[&wrong.url("x")], |_, reply| reply);
    let path = publication.published.path().join("cars_test_annos_withlabels.mat");
    let length = std::fs::metadata(&path).unwrap().len();
    let called = publication.project.call(&["fetch"]).succeeded();
    let said =
        format!("the file there has {} bytes, expected {length}", "cars_test_annos_withlabels.mat".len());
    assert!(called.stderr.contains(&said), "{}", called.stderr);

    let same_length = Server::start(move |_, _| Reply::new(200, &vec![b'x'; length as usize]));
    publication.project.edit("urls = [\"http", &format!("urls = [{:?}, \"http", same_length.url("x")));
    std::fs::remove_file(publication.project.path("downloads/cars_test_annos_withlabels.mat")).unwrap();
    let called = publication.project.call(&["fetch"]).succeeded();
    let rejected = publication.project.path("downloads/cars_test_annos_withlabels.mat.rejected");
    for digest in [md5(&path), md5(&rejected)] {
        assert!(called.stderr.contains(&digest), "{digest} is not in\n{}", called.stderr);
    }
}

#[test]
fn files_to_get_by_hand_are_those_that_are_still_missing_weights_too() {
    let publication = Publication::new(&[], |name, reply| match name {
        "cars_test.tgz" => Reply::new(404, b""),
        _ => reply,
    });
    let path = publication.project.path("pipeline.toml");
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str(&format!(
        "[[fetch.files]]\npath = \"downloads/w.pth\"\nbytes = 5\nurls = [{:?}]\n",
        publication.server.url("w.pth")
    ));
    std::fs::write(&path, text).unwrap();
    let called = publication.project.call(&["fetch"]).failed(4, "cars_test.tgz could not be downloaded");
    let hint = &called.stderr[called.stderr.find("By hand").unwrap()..];
    for (name, listed) in [("cars_test.tgz", true), ("w.pth", true), ("cars_train.tgz", false)] {
        assert_eq!(hint.contains(&format!("downloads/{name}")), listed, "{name}: {hint}");
    }
}

#[test]
fn a_size_alone_is_no_proof() {
    let publication = Publication::good();
    publication.project.call(&["fetch"]).succeeded();
    let path = publication.project.path("pipeline.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let kept: Vec<_> = text.lines().filter(|line| !line.starts_with("md5")).collect();
    std::fs::write(&path, kept.join("\n")).unwrap();
    let called = publication.project.call(&["fetch"]).succeeded();
    assert!(called.stdout.contains("4 of the published size, without a known checksum"), "{}", called.stdout);
}

#[test]
fn fetch_verifies_what_is_there_and_mends_it() {
    let publication = Publication::good();
    let called = publication.project.call(&["fetch"]).succeeded();
    assert!(
        called.stdout.contains("0 files were there and are the published ones, 4 downloaded"),
        "{}",
        called.stdout
    );
    let path = publication.project.path("downloads/car_devkit.tgz");
    let good = std::fs::read(&path).unwrap();
    let mut damaged = good.clone();
    damaged[100] ^= 1;
    std::fs::write(&path, damaged).unwrap();
    publication
        .project
        .call(&["run", "ingest"])
        .failed(4, "car_devkit.tgz is not the published file: its md5 is");
    let called = publication.project.call(&["fetch"]).succeeded();
    assert!(
        called.stdout.contains("3 files were there and are the published ones, 1 downloaded"),
        "{}",
        called.stdout
    );
    assert_eq!(std::fs::read(&path).unwrap(), good);
    assert!(publication.project.path("downloads/car_devkit.tgz.rejected").exists());
    let called = publication.project.call(&["fetch"]).succeeded();
    assert!(called.stdout.contains("4 files were there and are the published ones\n"), "{}", called.stdout);
    let none = Project::new("[[heads]]\nname = \"era\"\nrule = \"year\"\nbreaks = [2009]\n");
    assert!(none.call(&["fetch"]).succeeded().stdout.contains("nothing to fetch"));
}

#[test]
fn weights_are_fetched_before_they_are_needed_and_not_otherwise() {
    let server = Server::start(|_, _| Reply::new(200, b"not really weights"));
    let weights = format!(
        "\n[[fetch.files]]\npath = \"models/w.safetensors\"\nbytes = 18\nurls = [{:?}]\n",
        server.url("w.safetensors")
    );
    let project = Project::new(&format!("{}{weights}", crate::project::PIPELINE));
    project.edit("[train]", "[train]\nweights = \"models/w.safetensors\"");
    project.call(&["run", "preprocess"]).succeeded();
    assert!(server.requests().is_empty());
    project.call(&["run", "train"]).failed(4, "w.safetensors");
    assert_eq!(server.requests().len(), 1);
    assert_eq!(std::fs::read(project.path("models/w.safetensors")).unwrap(), b"not really weights");
    // Other bytes under that name are not learnt from.
    std::fs::write(project.path("models/w.safetensors"), b"other").unwrap();
    let called = project.call(&["run", "train"]);
    assert!(called.stdout.contains("set aside with the ending .rejected"), "{}", called.stdout);
    assert_eq!(server.requests().len(), 2);
    assert_eq!(std::fs::read(project.path("models/w.safetensors.rejected")).unwrap(), b"other");
}

#[test]
fn a_proxy_named_by_the_environment_is_gone_through() {
    let proxy = Server::start(|_, _| Reply::new(200, b"through"));
    let project = Project::new(
        "[[fetch.files]]\npath = \"x\"\nbytes = 7\nurls = [\"http://nowhere.invalid/x\"]\n\
         [[heads]]\nname = \"era\"\nrule = \"year\"\nbreaks = [2009]\n",
    );
    let mut command = project.command(&["fetch"]);
    for name in ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "http_proxy"]
    {
        command.env_remove(name);
    }
    let output = command.env("HTTP_PROXY", proxy.url("")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(std::fs::read(project.path("x")).unwrap(), b"through");
    let asked = proxy.requests();
    assert_eq!((asked[0].method.as_str(), asked[0].target.as_str()), ("CONNECT", "nowhere.invalid:80"));
    assert_eq!(asked[1].target, "/x");
}

#[test]
fn a_proxy_that_cannot_be_understood_is_named_and_not_gone_past() {
    let publication = Publication::good();
    for (variable, value) in [("http_proxy", "not a proxy"), ("HTTPS_PROXY", "gopher://proxy:70")] {
        let mut command = publication.project.command(&["fetch"]);
        for name in ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"] {
            command.env_remove(name);
        }
        let called: crate::project::Called = command.env(variable, value).output().unwrap().into();
        called.failed(4, &format!("the environment variable {variable} does not name a proxy"));
    }
    assert!(publication.server.requests().is_empty());
}

#[test]
fn missing_weights_are_told_before_anything_runs() {
    let project = Project::new(crate::project::PIPELINE);
    project.edit("[train]", "[train]\nweights = \"models/gone.safetensors\"");
    let called = project.call(&["run"]).failed(4, "gone.safetensors");
    assert!(called.ran().is_empty(), "{}", called.stdout);
    project.call(&["run", "labels"]).succeeded();
}

#[test]
fn an_interrupted_download_is_gone_on_with() {
    let stalled = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stalled);
    let publication = Publication::new(&[], move |name, reply| match name {
        "cars_train.tgz" if !seen.swap(true, Ordering::SeqCst) => reply.sending(Sending::StallAfter(5_000)),
        _ => reply,
    });
    let mut child =
        publication.project.command(&["fetch"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let partial = publication.project.path("downloads/cars_train.tgz.partial");
    let started = Instant::now();
    while !(stalled.load(Ordering::SeqCst) && partial.exists()) {
        assert!(started.elapsed() < Duration::from_secs(60), "the download never began");
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert!(said.contains("interrupted"), "{said}");
    assert!(!publication.downloads().contains(&"cars_train.tgz".to_owned()));
    publication.project.call(&["run", "ingest"]).succeeded();
    assert_eq!(publication.downloads(), sorted(&FILES));
}

#[test]
fn the_shipped_configuration_tells_a_newcomer_what_to_do_offline() {
    let project = Project::new("");
    std::fs::create_dir(project.path("configs")).unwrap();
    std::fs::write(project.path("configs/stanford-cars.toml"), include_str!("../configs/stanford-cars.toml"))
        .unwrap();
    let called = project
        .call(&["run", "--offline", "--config", "configs/stanford-cars.toml"])
        .failed(4, "the data set is missing");
    for part in [
        "either the edition \"fastai\":\n    downloads/stanford-cars.tgz  1,957,803,273 bytes\n      md5 9045d6673c9ced0889f41816f6bf2f9f",
        "or the edition \"car_ims\":\n    downloads/car_ims.tgz  1,956,628,579 bytes",
        "or the edition \"original\":\n    downloads/cars_train.tgz  979,269,282 bytes\n      md5 065e5b463ae28d29e77c1b4b166cfe61",
        "downloads/resnet34-b627a593.pth  87,319,819 bytes\n      sha256 \
         b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f\n      https://download.pytorch.org/",
        "hint: without --offline they are downloaded. By hand: ",
    ] {
        assert!(called.stderr.contains(part), "{part:?} is not in\n{}", called.stderr);
    }
}
