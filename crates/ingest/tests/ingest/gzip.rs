//! What may follow gzip data.

use marque_ingest::archive::{Error, Limits, Refusal, list};

use crate::hostile::Tar;

fn listed(bytes: &[u8]) -> Result<Vec<String>, Error> {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    std::fs::write(&archive, bytes).unwrap();
    list(&archive, Limits::default())
}

#[test]
fn zeros_after_gzip_data_are_padding_and_nothing_else_is() {
    let one = || Tar::default().file("a.jpg", b"a");
    let whole = one().gzip();
    let half = one().bytes().len() / 2;
    let members: Vec<u8> =
        [&one().bytes()[..half], &one().bytes()[half..]].into_iter().flat_map(gzipped).collect();
    for (what, bytes) in [
        ("a zero", [&whole[..], &[0]].concat()),
        ("a block", [&whole[..], &[0; 512]].concat()),
        ("more than a buffer", [&whole[..], &vec![0; 1_000_000]].concat()),
        ("two members", members.clone()),
        ("two members and a block", [&members[..], &[0; 512]].concat()),
    ] {
        assert_eq!(listed(&bytes).unwrap(), ["a.jpg"], "{what}");
    }
    for (what, bytes) in [
        ("text", [&whole[..], b"text"].concat()),
        ("text after zeros", [&whole[..], &[0; 512], b"text"].concat()),
        ("a member after zeros", [&whole[..], &[0; 512], &whole].concat()),
        ("a checksum that is wrong", {
            let mut bytes = [&whole[..], &[0; 512]].concat();
            bytes[whole.len() - 5] ^= 1;
            bytes
        }),
    ] {
        let error = listed(&bytes).unwrap_err();
        assert!(matches!(error, Error::Refused { reason: Refusal::Damaged(_), .. }), "{what}: {error}");
    }
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}
