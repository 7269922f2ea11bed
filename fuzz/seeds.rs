//! Writes the first inputs of the targets into `corpus/`: small files of each kind that is read.

use std::path::Path;

/// Names and contents.
type Seeds = Vec<(&'static str, Vec<u8>)>;

fn main() -> std::io::Result<()> {
    let targets: [(&str, fn() -> Seeds); 7] = [
        ("archive", archives),
        ("csv", csv),
        ("mat5", mat5),
        ("photo", photos),
        ("tables", tables),
        ("toml", toml),
        ("weights", weights),
    ];
    for (target, seeds) in targets {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        std::fs::create_dir_all(&folder)?;
        for (name, bytes) in seeds() {
            std::fs::write(folder.join(name), bytes)?;
        }
    }
    Ok(())
}

/// A file of the repository.
fn fixture(path: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).expect("the fixture is there")
}

fn csv() -> Seeds {
    vec![
        ("plain", b"file_name,colour,year\n1.jpg,red,2012\n2.jpg,\"dark, blue\",\n".to_vec()),
        ("spreadsheet", b"\xef\xbb\xbfsep=;\r\nfile_name;note\r\n1.jpg;\"a \"\"b\"\"\r\nc\"\r\n;\r\n".to_vec()),
        ("open", b"file_name\tnote\n1.jpg\t\"x\n2.jpg\t\"y\"\n".to_vec()),
    ]
}

fn toml() -> Seeds {
    let text = "[train]\nepochs = 3\nrate = 1e-3\nmean = [0.1, 0.2, 0.3]\nflip = true\nweights = \"a.pth\"\n\
                classes = [\"a\", \"b\"]\nresize = [[1, 16], [2, 32]]\n[train.heads.brand]\nname = \"x\"\n";
    vec![("all", text.into()), ("unknown", b"[train]\nepoch = 0\n[trian]\n[[heads]]\na.b = 1979-05-27".to_vec())]
}

fn tables() -> Seeds {
    let file = |folder: &str| fixture(&format!("tests/fixtures/{folder}/train-00000-of-00001.parquet"));
    vec![("photos", file("hugging-face")), ("rough", file("hugging-face-rough"))]
}

fn mat5() -> Seeds {
    use std::io::Write;

    use marque_mat5::{Cell, Struct, Value, Variable, write};

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

fn archives() -> Seeds {
    use std::io::{Cursor, Write};

    use flate2::{Compression, write::GzEncoder};

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

fn photos() -> Seeds {
    use image::{ImageFormat, Rgb, RgbImage};

    let picture = RgbImage::from_fn(20, 12, |x, y| Rgb([(x * 12) as u8, (y * 20) as u8, (x * y) as u8]));
    let encoded = |format| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).expect("memory takes it");
        bytes.into_inner()
    };
    let formats = [
        ("jpeg", ImageFormat::Jpeg),
        ("png", ImageFormat::Png),
        ("webp", ImageFormat::WebP),
        ("bmp", ImageFormat::Bmp),
        ("gif", ImageFormat::Gif),
    ];
    formats.into_iter().map(|(name, format)| (name, encoded(format))).collect()
}

fn weights() -> Seeds {
    use safetensors::tensor::{Dtype, TensorView, serialize};

    let data = [0, 0, 128, 63].repeat(4);
    let view = || TensorView::new(Dtype::F32, vec![2, 2], &data).expect("16 bytes");
    let small = serialize([("conv1.weight", view()), ("bn1.weight", view())], None).expect("memory takes it");
    vec![("safetensors", small), ("pth", fixture("crates/network/tests/fixtures/nested.pth"))]
}
