//! Writes the first inputs of both targets into `corpus/`: small files of each kind that is read.

use std::io::{Cursor, Write};
use std::path::Path;

use flate2::{Compression, write::GzEncoder};
use marque_mat5::{Cell, Struct, Value, Variable, write};

fn main() -> std::io::Result<()> {
    for (target, seeds) in [("mat5", mat5()), ("archive", archives())] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        std::fs::create_dir_all(&folder)?;
        for (name, bytes) in seeds {
            std::fs::write(folder.join(name), bytes)?;
        }
    }
    Ok(())
}

fn mat5() -> Vec<(&'static str, Vec<u8>)> {
    let mut annotations = Struct::new(["bbox_x1", "class", "fname", "tags"]);
    for (x, class, name) in [(39.0, 14.0, "00001.jpg"), (1236.5, 3.0, "Citroën.jpg")] {
        let tags = Cell::row(["red".into(), 7.0.into()]);
        annotations.push([x.into(), class.into(), name.into(), tags.into()]).expect("four values a row");
    }
    let names = Cell::row(["BMW X5 SUV 2007", "Fiat 500 Abarth 2012"].map(Value::from));
    let bytes = |variables: &[Variable]| write(variables).expect("these can be written");
    let annotations = bytes(&[Variable::new("annotations", annotations)]);
    let mut plain = annotations[..128].to_vec();
    let mut decoder = flate2::write::ZlibDecoder::new(&mut plain);
    decoder.write_all(&annotations[136..]).expect("our own compression");
    decoder.finish().expect("our own compression");
    vec![
        ("annotations", annotations),
        ("plain", plain),
        ("class_names", bytes(&[Variable::new("class_names", names)])),
        ("empty", bytes(&[])),
    ]
}

fn archives() -> Vec<(&'static str, Vec<u8>)> {
    let long = "folder/".repeat(20) + "photo.jpg";
    let members: [(&str, &[u8]); 3] = [("cars_train/1.jpg", b"one"), (&long, b"two"), ("a", &[0; 2000])];
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, content).expect("memory takes it");
    }
    let tar = tar.into_inner().expect("memory takes it");
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&tar).expect("memory takes it");
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).expect("memory takes it");
        zip.write_all(content).expect("memory takes it");
    }
    let zip = zip.finish().expect("memory takes it").into_inner();
    vec![("tar", tar), ("tar.gz", gzip.finish().expect("memory takes it")), ("zip", zip)]
}
