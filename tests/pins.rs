//! What each stage writes is pinned: bytes that change without the stage's version raised would let results of older
//! code pass for fresh.

use std::collections::BTreeMap;

use crate::project::{PIPELINE, Project};

/// A stage, its version, and the first digits of the digest of its files.
type Pin = (&'static str, u64, &'static str);

/// The stages whose bytes are the same on every CPU.
const EVERYWHERE: [Pin; 3] = [
    ("ingest", 109, "ce592ae584e3bf30"),
    ("labels", 6, "b725aeec60389499"),
    ("preprocess", 7, "9621effbee55f177"),
];

/// Those whose last bits depend on the CPU's instruction set and, as the blocks of matrix products do, on its caches.
const BY_CPU: [(&str, [Pin; 3]); 1] = [(
    "AVX-512, caches 48K 1280K 49152K",
    [
        ("features", 104, "330ed7f4c20a4f06"),
        ("train", 111, "04d22f5355773142"),
        ("evaluate", 112, "ff09b63f6143aeb7"),
    ],
)];

/// The CPU, as far as it decides over last bits.
fn cpu() -> String {
    let size = |index: u32| {
        let path = format!("/sys/devices/system/cpu/cpu0/cache/index{index}/size");
        std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
    };
    format!("{}, caches {} {} {}", marque_kernels::instruction_set(), size(0), size(2), size(3))
}

/// The version and the digest of a stage's current result.
fn found(project: &Project, stage: &str) -> (u64, String) {
    let path = project.path(&format!("data/{stage}/current/manifest.json"));
    let manifest: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let version = manifest["fingerprint"]["stage_version"].as_u64().unwrap();
    (version, manifest["content"].as_str().unwrap()[..16].to_owned())
}

#[test]
fn bytes_change_only_with_the_version_of_their_stage() {
    // The activations of frozen parts too.
    let frozen = "freeze = [\"stem\"]\ncache_features = true\n";
    let project = Project::new(&format!("{PIPELINE}{frozen}"));
    project.call(&["run"]).succeeded();
    let by_cpu: BTreeMap<_, _> = BY_CPU.into_iter().collect();
    let here = by_cpu.get(cpu().as_str());
    if here.is_none() {
        println!("train, features and evaluate are not pinned for a CPU of {}", cpu());
    }
    let mut wrong = Vec::new();
    for (stage, version, digest) in EVERYWHERE.into_iter().chain(here.into_iter().flatten().copied()) {
        let (now, bytes) = found(&project, stage);
        match (version == now, digest == bytes) {
            (true, true) => {}
            (true, false) => wrong.push(format!(
                "`{stage}` writes other bytes ({bytes}): raise its version, or kernels::NUMERICS_VERSION if results of \
                 the engine changed, and pin the new digest"
            )),
            (false, _) => wrong.push(format!("pin `{stage}` anew: version {now}, digest {bytes}")),
        }
    }
    let stages = ["ingest", "labels", "preprocess", "features", "train", "evaluate"];
    let all: Vec<_> = stages.map(|stage| format!("{stage} {:?}", found(&project, stage))).to_vec();
    assert!(wrong.is_empty(), "on a CPU of {}:\n{}\nall: {}", cpu(), wrong.join("\n"), all.join(", "));
}
