//! Label hierarchies: heads that are decoded jointly.

mod formula;

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};
use marque_contracts::schema::HeadKind;
use marque_network::{
    Backbone, BottleneckStride, Frozen, HeadConfig, LabelHierarchy, Network, NetworkConfig, PARTS,
};

/// Five models: their brand of the six, and their era; the last one's is not known.
const BRANDS: [Option<usize>; 5] = [Some(0), Some(0), Some(3), Some(5), Some(1)];
const ERAS: [Option<usize>; 5] = [Some(0), Some(1), Some(1), Some(0), None];

fn fine() -> HeadConfig {
    HeadConfig::new("exact", ["A4 2008", "A4 2012", "Ram 2011", "XF 2008", "X6"])
}

/// Brand, era and exact.
fn plain() -> NetworkConfig {
    let config = formula::config(Backbone::ResNet18, BottleneckStride::default());
    let heads = [config.heads.clone(), vec![fine()]].concat();
    NetworkConfig { heads, ..config }
}

fn hierarchical() -> NetworkConfig {
    let implies = [("brand", BRANDS), ("era", ERAS)];
    let implies = implies.map(|(name, classes)| (name.to_owned(), classes.to_vec()));
    let hierarchy = LabelHierarchy { head: fine(), implies: BTreeMap::from(implies) };
    NetworkConfig { hierarchy: Some(hierarchy), ..plain() }
}

fn rows(logits: &Tensor) -> Vec<Vec<f64>> {
    let rows = logits.to_vec2::<f32>().unwrap();
    rows.into_iter().map(|row| row.into_iter().map(f64::from).collect()).collect()
}

fn softmax(row: &[f64]) -> Vec<f64> {
    let sum: f64 = row.iter().map(|x| x.exp()).sum();
    row.iter().map(|x| x.exp() / sum).collect()
}

fn assert_near(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() < 1e-5, "{found:?} instead of {expected:?}");
    }
}

#[test]
fn answers_are_max_marginals_of_the_product_of_all_heads() {
    let images = formula::images(32, 3);
    let apart = formula::network(&plain()).forward_eval(&images).unwrap();
    let network = formula::network(&hierarchical());
    let together = network.forward_eval(&images).unwrap();
    for photo in 0..3 {
        let [brand, era, exact] = [0, 1, 2].map(|head| softmax(&rows(&apart[head])[photo]));
        // The fifth model's era is not known, so it is never the answer.
        let products: Vec<f64> =
            (0..4).map(|c| exact[c] * brand[BRANDS[c].unwrap()] * era[ERAS[c].unwrap()]).collect();
        let shares = |best: &[f64]| best.iter().map(|b| b / best.iter().sum::<f64>()).collect::<Vec<_>>();
        let [a4, ram] = [products[0].max(products[1]), products[2]];
        let [brand, era, exact] =
            [0, 1, 2].map(|head| rows(&together[head])[photo].iter().map(|x| x.exp()).collect::<Vec<_>>());
        assert_near(&brand, &shares(&[a4, 0.0, 0.0, ram, 0.0, products[3]]));
        assert_near(&era, &shares(&[products[0].max(products[3]), products[1].max(ram)]));
        assert_near(&exact, &shares(&[&products[..], &[0.0]].concat()));
        // The answers are consistent.
        let first = |row: &[f64]| (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap();
        assert_eq!(BRANDS[first(&exact)], Some(first(&brand)));
        assert_eq!(ERAS[first(&exact)], Some(first(&era)));
    }
}

#[test]
fn several_views_are_averaged_before_joint_decoding() {
    let views = [formula::images(32, 2), formula::images(48, 2)];
    let plain = formula::network(&plain());
    let [first, second] = [0, 1].map(|view| plain.forward_eval(&views[view]).unwrap());
    let mean_of = |network: &Network| {
        let [first, second] = [0, 1].map(|view| network.prefix_eval(&views[view], PARTS).unwrap());
        network.logits_of(&((first + second).unwrap() * 0.5).unwrap()).unwrap()
    };
    let mean = mean_of(&plain);
    for ((first, second), mean) in first.iter().zip(&second).zip(&mean) {
        let expected = ((first + second).unwrap() * 0.5).unwrap();
        rows(mean).iter().zip(rows(&expected)).for_each(|(a, b)| assert_near(a, &b));
    }
    let joint = formula::network(&hierarchical());
    let together = mean_of(&joint);
    let fine = softmax(&rows(&mean[2])[0]);
    let [brand, era] = [0, 1].map(|head| softmax(&rows(&mean[head])[0]));
    let product = |c: usize| fine[c] * brand[BRANDS[c].unwrap()] * era[ERAS[c].unwrap()];
    let [old, new] = [product(0).max(product(3)), product(1).max(product(2))];
    assert_near(&[rows(&together[1])[0][0].exp()], &[old / (old + new)]);
}

#[test]
fn training_sees_each_head_by_itself() {
    use rand::SeedableRng;
    let images = formula::images(32, 2);
    let logits = |config: &NetworkConfig| {
        let network = formula::network(config);
        let pass = network
            .forward_train(&images, Frozen::default(), &mut rand_chacha::ChaCha8Rng::seed_from_u64(1))
            .unwrap();
        pass.logits().iter().map(rows).collect::<Vec<_>>()
    };
    assert_eq!(logits(&hierarchical()), logits(&plain()));
}

#[test]
fn a_model_without_the_fine_head_among_its_answers_answers_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let whole = formula::network(&hierarchical());
    let keep = |head: &HeadConfig| head.name != "exact";
    whole.save_with(keep, &path).unwrap();
    let config = whole.config().with_heads(keep);
    assert_eq!(config.heads.len(), 2);
    let text = serde_json::to_string(&config).unwrap();
    assert!(text.contains("\"agreement\":{"), "the key in config.json: {text}");
    let config: NetworkConfig = serde_json::from_str(&text).unwrap();
    let model = Network::new(&config, 1).unwrap();
    model.load(&path).unwrap();
    let images = formula::images(32, 2);
    let [expected, found] = [&whole, &model].map(|network| network.forward_eval(&images).unwrap());
    assert_eq!(found.len(), 2);
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(rows(found), rows(expected));
    }
    // Without any implied head there is nothing to decode jointly.
    let alone = whole.config().with_heads(|head| head.name == "exact");
    assert_eq!((alone.hierarchy, alone.heads.len()), (None, 1));
}

#[test]
fn a_nan_stays_one_through_joint_decoding() {
    let network = formula::network(&hierarchical());
    let bias = network.parameters().iter().find(|parameter| parameter.name == "heads.exact.bias").unwrap();
    let values = Tensor::new(&[0f32, f32::NAN, 0.0, 0.0, 0.0], &candle_core::Device::Cpu).unwrap();
    bias.var.set(&values).unwrap();
    for logits in network.forward_eval(&formula::images(32, 1)).unwrap() {
        assert!(rows(&logits)[0].iter().any(|logit| logit.is_nan()), "{logits}");
    }
}

#[test]
fn contradictions_are_refused_by_name() {
    let refused = |change: &dyn Fn(&mut NetworkConfig, &mut LabelHierarchy)| {
        let mut config = hierarchical();
        let mut hierarchy = config.hierarchy.take().unwrap();
        change(&mut config, &mut hierarchy);
        config.hierarchy = Some(hierarchy);
        let error = Network::new(&config, 1).unwrap_err().to_string();
        assert!(error.contains("agreement"), "{error}");
        error
    };
    let found = refused(&|_, hierarchy| drop(hierarchy.implies.insert("brand".into(), vec![Some(0); 4])));
    assert!(found.contains("implies.brand has 4 classes, expected 5"), "{found}");
    let found = refused(&|_, hierarchy| drop(hierarchy.implies.insert("era".into(), vec![Some(2); 5])));
    assert!(found.contains("implies.era has class 2 of 2"), "{found}");
    let found = refused(&|_, hierarchy| drop(hierarchy.implies.insert("colour".into(), vec![Some(0); 5])));
    assert!(found.contains("`colour`, which is no other head"), "{found}");
    let found = refused(&|_, hierarchy| drop(hierarchy.implies.insert("exact".into(), vec![Some(0); 5])));
    assert!(found.contains("`exact`, which is no other head"), "{found}");
    let found = refused(&|_, hierarchy| drop(hierarchy.implies.insert("era".into(), vec![None; 5])));
    assert!(found.contains("no class has all of what it implies"), "{found}");
    let found = refused(&|_, hierarchy| hierarchy.implies.clear());
    assert!(found.contains("implies nothing"), "{found}");
    let found = refused(&|_, hierarchy| hierarchy.head = hierarchy.head.clone().with_kind(HeadKind::Tags));
    assert!(found.contains("has tags"), "{found}");
    let found = refused(&|config, _| config.heads[1].kind = HeadKind::Tags);
    assert!(found.contains("implies `era`, which has tags"), "{found}");
    let found = refused(&|config, _| config.heads[2] = HeadConfig::new("exact", ["one"]));
    assert!(found.contains("another head named `exact`"), "{found}");
}

/// Class activation maps: what places add to the score of an answer is the product of its gradient with their activations.
#[test]
fn gradients_of_answers_are_those_by_differences() {
    let images = formula::images(32, 1);
    for config in [plain(), hierarchical()] {
        let network = formula::network(&config);
        let features = network.prefix_eval(&images, PARTS).unwrap();
        let last = network.last_activations(&images, 0).unwrap();
        let (_, height, width, channels) = last.dims4().unwrap();
        let last = last.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let row = features.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        for (channel, feature) in row.iter().enumerate() {
            let mean = last.iter().skip(channel).step_by(channels).sum::<f32>() / (height * width) as f32;
            assert!((mean - feature).abs() < 1e-5 * (1.0 + feature.abs()), "{mean} is not {feature}");
        }
        let gradients = network.answer_gradients(&features).unwrap();
        // Answers are those of the features as they are.
        let scores = |features: &[f32], answers: &[usize]| -> Vec<f64> {
            let features = Tensor::from_slice(features, (1, channels), &Device::Cpu).unwrap();
            let logits = network.logits_of(&features).unwrap();
            answers.iter().zip(&logits).map(|(answer, logits)| rows(logits)[0][*answer]).collect()
        };
        let logits = network.logits_of(&features).unwrap();
        let answers: Vec<usize> = logits
            .iter()
            .map(|logits| {
                let row = &rows(logits)[0];
                (0..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best })
            })
            .collect();
        for seed in 0..3_usize {
            let direction: Vec<f32> =
                (0..channels).map(|i| ((i * 37 + seed * 11) % 13) as f32 - 6.0).collect();
            let step = 1e-3;
            let moved =
                |by: f32| -> Vec<f32> { row.iter().zip(&direction).map(|(a, b)| a + by * b).collect() };
            let [more, less] = [moved(step), moved(-step)].map(|features| scores(&features, &answers));
            for ((more, less), gradient) in more.iter().zip(&less).zip(&gradients) {
                let by_differences = (more - less) / f64::from(2.0 * step);
                let along: f64 = gradient.iter().zip(&direction).map(|(a, b)| f64::from(a * b)).sum();
                let near = 2e-2 * (1.0 + by_differences.abs());
                assert!((along - by_differences).abs() < near, "{along} is not {by_differences}");
            }
        }
    }
}
