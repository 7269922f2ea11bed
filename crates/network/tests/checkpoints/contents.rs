//! Where weights are in a file, and how their tensors lie in memory.

use half::{bf16, f16};
use marque_network::{Error, LoadReport, WeightsFile};

use crate::pth::{Py, Tensor, archive, call, dict, ordered, pickle, save, text};
use crate::{file, floats, network};

const STEM: [&str; 5] = ["bn1.bias", "bn1.running_mean", "bn1.running_var", "bn1.weight", "conv1.weight"];

fn storages() -> Vec<(&'static str, Vec<u8>)> {
    vec![("conv", floats(64 * 3 * 49)), ("norm", floats(64)), ("other", floats(64))]
}

/// The names of a stem under a prefix, with their tensors.
fn stem(prefix: &str) -> Vec<(String, Py)> {
    let named = |name: &str| {
        let tensor = match name {
            "conv1.weight" => Tensor::new("conv", "FloatStorage", &[64, 3, 7, 7]),
            _ => Tensor::new("norm", "FloatStorage", &[64]),
        };
        (format!("{prefix}{name}"), tensor.py())
    };
    STEM.map(named).into()
}

/// A tensor that belongs to no backbone.
fn other() -> Py {
    Tensor::new("other", "FloatStorage", &[64]).py()
}

fn load(value: &Py, protocol: u8, prefix: Option<&str>) -> Result<LoadReport, Error> {
    let folder = tempfile::tempdir().unwrap();
    save(&file(&folder), value, protocol, &storages());
    let network = network();
    let report = network.load_backbone(&file(&folder), prefix)?;
    let values = |name: &str| {
        let of = network.parameters().iter().map(|parameter| (&parameter.name, &parameter.var));
        let (_, var) = of.into_iter().find(|(found, _)| *found == name).unwrap();
        var.flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    assert_eq!(values("bn1.weight")[..3], [0.0, 1.0, 2.0]);
    // Element [0, 0, 0, 1] of the file is [0, 1, 0, 0] here.
    assert_eq!(values("conv1.weight")[3 * 64], 1.0);
    Ok(report)
}

#[test]
fn a_network_is_found_wherever_a_checkpoint_keeps_it() {
    let beside = |items: Vec<(&str, Py)>| dict(items);
    let optimizer = || {
        let state = Py::Dict(vec![(Py::Int(0), dict(vec![("exp_avg", other())]))]);
        dict(vec![("state", state), ("param_groups", Py::List(vec![dict(vec![("lr", other())])]))])
    };
    let parameters = |names: &[&str]| {
        let all = stem("");
        let item = |name: &&str| {
            let (_, tensor) = all.iter().find(|(full, _)| full.ends_with(*name)).unwrap();
            let short = name.rsplit('.').next().unwrap().to_owned();
            let parameter = Py::Global("torch._utils", "_rebuild_parameter");
            (short, call(parameter, vec![tensor.clone(), Py::Raw(vec![0x88]), Py::Ordered(Vec::new())]))
        };
        ordered(names.iter().map(item).collect())
    };
    let module = |name, state| Py::Object(Box::new(Py::Global("torchvision.models", name)), Box::new(state));
    let norm = module(
        "BatchNorm2d",
        dict(vec![
            ("training", Py::Raw(vec![0x89])),
            ("_parameters", parameters(&["bn1.weight", "bn1.bias"])),
            ("_buffers", parameters(&["bn1.running_mean", "bn1.running_var"])),
        ]),
    );
    let convolution = module("Conv2d", dict(vec![("_parameters", parameters(&["conv1.weight"]))]));
    let modules = ordered(vec![("conv1".to_owned(), convolution), ("bn1".to_owned(), norm)]);
    let whole = module("ResNet", dict(vec![("_modules", modules), ("inplanes", Py::Int(64))]));
    let pairs =
        Py::List(stem("").into_iter().map(|(name, tensor)| Py::List(vec![Py::Text(name), tensor])).collect());
    // What `nn.Sequential(*resnet.children())` calls them.
    let numbered = |prefix: &str| -> Vec<_> {
        let number = |(name, tensor): (String, Py)| {
            (format!("{prefix}{}", name.replace("conv1", "0").replace("bn1", "1")), tensor)
        };
        stem("").into_iter().map(number).collect()
    };
    let cases: [(&str, Py, &str, usize); 14] = [
        ("a state dictionary", ordered(stem("")), "", 0),
        ("of DataParallel", ordered(stem("module.")), "module.", 0),
        (
            "the ImageNet example's checkpoint",
            beside(vec![
                ("epoch", Py::Int(90)),
                ("arch", text("resnet18")),
                ("state_dict", ordered(stem("module."))),
                ("best_acc1", other()),
                ("optimizer", optimizer()),
            ]),
            "state_dict.module.",
            3,
        ),
        (
            "torchvision's checkpoint",
            beside(vec![("model", ordered(stem(""))), ("lr", other())]),
            "model.",
            1,
        ),
        ("under a name of its own", beside(vec![("net", ordered(stem("student.")))]), "net.student.", 0),
        (
            "with a classifier outside",
            ordered([stem("backbone."), vec![("classifier.0.weight".to_owned(), other())]].concat()),
            "backbone.",
            1,
        ),
        (
            "with a classifier beside",
            ordered([stem(""), vec![("classifier.1.weight".to_owned(), other())]].concat()),
            "",
            0,
        ),
        ("a layer in its name", ordered(stem("my_layer1.0.net.")), "my_layer1.0.net.", 0),
        ("in a list", Py::List(vec![ordered(stem("")), optimizer()]), "0.", 2),
        ("in a tuple", Py::Tuple(vec![Py::Int(3), ordered(stem(""))]), "1.", 0),
        ("a whole module", whole, "", 0),
        ("numbered children", ordered(numbered("")), "", 0),
        (
            "numbered children with a classifier",
            ordered([numbered("features."), vec![("features.9.weight".to_owned(), other())]].concat()),
            "features.",
            0,
        ),
        (
            "a dictionary made of pairs",
            Py::Call(Box::new(Py::Global("collections", "OrderedDict")), Box::new(Py::Tuple(vec![pairs]))),
            "",
            0,
        ),
    ];
    for (what, value, prefix, outside) in cases {
        for protocol in 2..=5 {
            let report = load(&value, protocol, None).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(report.loaded, STEM, "{what}, protocol {protocol}");
            assert_eq!((report.prefix.as_str(), report.outside), (prefix, outside), "{what}");
            assert!(report.unexpected.is_empty(), "{what}: {:?}", report.unexpected);
        }
    }
}

#[test]
fn of_several_networks_one_has_to_be_chosen() {
    let two = dict(vec![("state_dict", ordered([stem("encoder_q."), stem("encoder_k.")].concat()))]);
    let error = load(&two, 2, None).unwrap_err();
    let text = error.to_string();
    assert!(
        text.ends_with(
            "holds 2 networks that fit; their names begin with \"state_dict.encoder_k.\", \"state_dict.encoder_q.\""
        ),
        "{text}"
    );
    for prefix in ["state_dict.encoder_q.", "state_dict.encoder_q", "encoder_q.", "encoder_q"] {
        let report = load(&two, 2, Some(prefix)).unwrap();
        assert_eq!((report.prefix.as_str(), report.outside), ("state_dict.encoder_q.", 5), "{prefix}");
    }
    for prefix in ["", "q", "state_dict.", "encoder"] {
        let text = load(&two, 2, Some(prefix)).unwrap_err().to_string();
        assert!(text.contains("not one network that fits under the prefix"), "{prefix}: {text}");
    }
    let averaged = ordered([stem(""), stem("ema.")].concat());
    let text = load(&averaged, 2, None).unwrap_err().to_string();
    assert!(text.contains("begin with \"\" (none), \"ema.\""), "{text}");
    assert_eq!(load(&averaged, 2, Some("ema")).unwrap().prefix, "ema.");
    assert_eq!(load(&averaged, 2, Some("")).unwrap().prefix, "");
    let one = ordered(stem("module."));
    let text = load(&one, 2, Some("ema.")).unwrap_err().to_string();
    assert!(text.contains("under the prefix \"ema.\"; there is one under \"module.\""), "{text}");
    // The same names in safetensors.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two.safetensors");
    let data = floats(64);
    let view = || safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![64], &data).unwrap();
    let tensors = ["a.bn1.weight", "a.bn1.bias", "b.bn1.weight", "b.bn1.bias"].map(|name| (name, view()));
    std::fs::write(&path, safetensors::serialize(tensors, None).unwrap()).unwrap();
    let error = network().load_backbone(&path, None).unwrap_err();
    assert!(matches!(error, Error::Prefix { .. }), "{error}");
    assert_eq!(network().load_backbone(&path, Some("b")).unwrap().loaded, ["bn1.bias", "bn1.weight"]);
}

/// A file of one tensor, and that tensor's values.
fn values(value: Py, storage: Vec<u8>) -> Result<(Vec<usize>, Vec<f32>), String> {
    let folder = tempfile::tempdir().unwrap();
    save(&file(&folder), &dict(vec![("x", value)]), 2, &[("s", storage)]);
    let path = file(&folder);
    let mut weights = WeightsFile::open(&path).map_err(|error| error.to_string())?;
    let tensor = weights.read("x").map_err(|error| error.to_string())?;
    Ok((tensor.dims().to_vec(), tensor.flatten_all().unwrap().to_vec1().unwrap()))
}

#[test]
fn tensors_lie_in_memory_in_any_order_and_of_any_float_type() {
    let with = |shape: &[i64], strides: &[i64], offset: i64| Tensor {
        storage: "s",
        kind: "FloatStorage",
        offset,
        shape: shape.to_vec(),
        strides: strides.to_vec(),
    };
    let huge = 1 << 40;
    let cases: [(&str, Tensor, &[f32]); 8] = [
        ("one after the other", with(&[2, 3], &[3, 1], 0), &[0., 1., 2., 3., 4., 5.]),
        ("transposed", with(&[2, 3], &[1, 2], 0), &[0., 2., 4., 1., 3., 5.]),
        (
            "channels last",
            with(&[1, 2, 2, 3], &[12, 1, 6, 2], 0),
            &[0., 2., 4., 6., 8., 10., 1., 3., 5., 7., 9., 11.],
        ),
        ("a part", with(&[2, 2], &[4, 2], 3), &[3., 5., 7., 9.]),
        ("one for all", with(&[3], &[0], 2), &[2., 2., 2.]),
        ("one element", with(&[1, 1], &[huge, huge], 1), &[1.]),
        ("a number", with(&[], &[], 4), &[4.]),
        ("nothing", with(&[0, 3], &[3, 1], 0), &[]),
    ];
    for (what, tensor, expected) in cases {
        let (shape, found) = values(tensor.py(), floats(12)).unwrap();
        assert_eq!(shape, tensor.shape.iter().map(|n| *n as usize).collect::<Vec<_>>(), "{what}");
        assert_eq!(found, expected, "{what}");
    }
    let numbers = [0.0_f32, -1.5, 1024.0];
    let kinds: [(&str, &str, Vec<u8>); 4] = [
        ("DoubleStorage", "float64", numbers.iter().flat_map(|n| f64::from(*n).to_le_bytes()).collect()),
        ("FloatStorage", "float32", numbers.iter().flat_map(|n| n.to_le_bytes()).collect()),
        ("HalfStorage", "float16", numbers.iter().flat_map(|n| f16::from_f32(*n).to_le_bytes()).collect()),
        (
            "BFloat16Storage",
            "bfloat16",
            numbers.iter().flat_map(|n| bf16::from_f32(*n).to_le_bytes()).collect(),
        ),
    ];
    for (storage, kind, bytes) in kinds {
        let tensor = Tensor::new("s", storage, &[3]);
        assert_eq!(values(tensor.py(), bytes.clone()).unwrap().1, numbers, "{storage}");
        // Bytes without a type, which is given beside them.
        let mut arguments = Tensor::new("s", "UntypedStorage", &[3]).arguments();
        arguments.push(Py::Global("torch", kind));
        let third = call(Py::Global("torch._utils", "_rebuild_tensor_v3"), arguments);
        assert_eq!(values(third, bytes.clone()).unwrap().1, numbers, "{kind}");
        let inner = vec![
            Py::Global("torch._utils", "_rebuild_tensor_v2"),
            Py::Global("torch.nn", "Special"),
            Py::Tuple(tensor.arguments()),
            Py::None,
        ];
        let subclass = call(Py::Global("torch._tensor", "_rebuild_from_type_v2"), inner);
        assert_eq!(values(subclass, bytes).unwrap().1, numbers, "{storage}");
    }
}

#[test]
fn tensors_that_cannot_be_are_refused() {
    let with = |shape: &[i64], strides: &[i64], offset: i64| Tensor {
        storage: "s",
        kind: "FloatStorage",
        offset,
        shape: shape.to_vec(),
        strides: strides.to_vec(),
    };
    let most = i64::MAX;
    let cases: [(Tensor, &str); 9] = [
        (with(&[13], &[1], 0), "its storage ends before its values do"),
        (with(&[12], &[1], 1), "its storage ends before"),
        (with(&[2, 2], &[100, 1], 0), "its storage ends before"),
        (with(&[2, 2], &[most, most], 0), "larger than any tensor"),
        (with(&[most, most], &[0, 0], 0), "larger than any tensor"),
        (with(&[2], &[1], most), "larger than any tensor"),
        (with(&[-2], &[1], 0), "its storage, shape or strides are not numbers"),
        (with(&[2, 2], &[1], 0), "its storage, shape or strides"),
        (Tensor::new("s", "LongStorage", &[1]), "of the type Long, expected f32, f16 or bf16"),
    ];
    for (tensor, message) in cases {
        let error = values(tensor.py(), floats(12)).unwrap_err();
        assert!(error.contains("weights.pth") && error.contains("x") && error.contains(message), "{error}");
    }
    let absent = Tensor::new("t", "FloatStorage", &[1]);
    assert!(values(absent.py(), floats(1)).unwrap_err().contains("tensor x: "));
    // A bit that a disk has turned.
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder);
    let x = Tensor::new("s", "FloatStorage", &[12]).py();
    let mut bytes = archive(&pickle(&dict(vec![("x", x)]), 2), &[("s", floats(12))]);
    let at = bytes.windows(8).position(|window| window == &floats(3)[4..12]).unwrap();
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let error = WeightsFile::open(&path).unwrap().read("x").unwrap_err().to_string();
    assert!(error.contains("it is damaged, or was saved without checksums"), "{error}");
}

#[test]
fn files_of_other_kinds_say_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |bytes: &[u8]| {
        std::fs::write(file(&folder), bytes).unwrap();
        let error = network().load_backbone(&file(&folder), None).unwrap_err().to_string();
        assert!(error.contains("weights.pth is not a weights file: "), "{error}");
        error
    };
    let mut tar = vec![0; 1024];
    tar[..8].copy_from_slice(b"sys_info");
    tar[257..263].copy_from_slice(b"ustar\0");
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("photos/1.jpg", zip::write::SimpleFileOptions::default()).unwrap();
    let zip = zip.finish().unwrap().into_inner();
    let big = {
        let mut bytes = archive(&pickle(&ordered(stem("")), 2), &storages());
        let at = bytes.windows(6).position(|window| window == b"little").unwrap();
        // Stored as it is; the checksums, here and in the directory, go with it.
        let crc = |bytes: &[u8]| {
            let mut crc = flate2::Crc::new();
            crc.update(bytes);
            crc.sum().to_le_bytes()
        };
        let (before, after) = (crc(b"little"), crc(b"big   "));
        bytes[at..at + 6].copy_from_slice(b"big   ");
        for at in 0..bytes.len() - 4 {
            if bytes[at..at + 4] == before {
                bytes[at..at + 4].copy_from_slice(&after);
            }
        }
        bytes
    };
    for (bytes, message) in [
        (&tar[..], "it is a tar archive, PyTorch's format of before 0.1.9"),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "PyTorch's format of before 1.6; load it in PyTorch"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "it is compressed with gzip; unpack it"),
        (b"\x89HDF\r\n\x1a\n\0\0", "it is an HDF5 file, as Keras writes them"),
        (b"\x08\x08\x12\x07pytorch", "it is an ONNX model"),
        (&zip, "there is no data.pkl in it, so that PyTorch has not written it"),
        (&big, "its numbers have the highest byte first"),
        (&archive(b"\x80\x02\xf3", &[]), "the pickle in it is damaged at byte 2"),
        (&archive(b"", &[]), "the pickle in it is damaged at byte 0"),
    ] {
        let error = refused(bytes);
        assert!(error.contains(message), "{message}: {error}");
    }
}
