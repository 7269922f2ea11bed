//! Heads whose answers agree with each other.

mod formula;

use std::collections::BTreeMap;

use candle_core::Tensor;
use marque_network::{
    Agreement, Backbone, BottleneckStride, HeadConfig, Network, NetworkConfig, Problem, stock,
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

fn agreeing() -> NetworkConfig {
    let implies = [("brand", BRANDS), ("era", ERAS)];
    let implies = implies.map(|(name, classes)| (name.to_owned(), classes.to_vec()));
    let agreement = Agreement { head: fine(), implies: BTreeMap::from(implies) };
    NetworkConfig { agreement: Some(agreement), ..plain() }
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
fn answers_are_the_product_of_what_all_heads_say() {
    let images = formula::images(32, 3);
    let apart = formula::network(&plain()).forward_eval(&images).unwrap();
    let network = formula::network(&agreeing());
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
        // The answers fit each other.
        let first = |row: &[f64]| (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap();
        assert_eq!(BRANDS[first(&exact)], Some(first(&brand)));
        assert_eq!(ERAS[first(&exact)], Some(first(&era)));
    }
    let logits = stock::forward_eval(&network, &images).unwrap();
    for (ours, theirs) in together.iter().zip(&logits) {
        rows(ours).iter().zip(rows(theirs)).for_each(|(a, b)| assert_near(a, &b));
    }
}

#[test]
fn several_views_are_brought_together_before_heads_agree() {
    let views = [formula::images(32, 2), formula::images(48, 2)];
    let plain = formula::network(&plain());
    let [first, second] = [0, 1].map(|view| plain.forward_eval(&views[view]).unwrap());
    let mean = plain.forward_eval_mean(&views).unwrap();
    for ((first, second), mean) in first.iter().zip(&second).zip(&mean) {
        let expected = ((first + second).unwrap() * 0.5).unwrap();
        rows(mean).iter().zip(rows(&expected)).for_each(|(a, b)| assert_near(a, &b));
    }
    let agreeing = formula::network(&agreeing());
    let together = agreeing.forward_eval_mean(&views).unwrap();
    let fine = softmax(&rows(&mean[2])[0]);
    let [brand, era] = [0, 1].map(|head| softmax(&rows(&mean[head])[0]));
    let product = |c: usize| fine[c] * brand[BRANDS[c].unwrap()] * era[ERAS[c].unwrap()];
    let [old, new] = [product(0).max(product(3)), product(1).max(product(2))];
    assert_near(&[rows(&together[1])[0][0].exp()], &[old / (old + new)]);
    assert!(agreeing.forward_eval_mean(&[]).unwrap().is_empty());
}

#[test]
fn training_sees_each_head_by_itself() {
    use rand::SeedableRng;
    let images = formula::images(32, 2);
    let logits = |config: &NetworkConfig| {
        let network = formula::network(config);
        let pass = network.forward_train(&images, &mut rand_chacha::ChaCha8Rng::seed_from_u64(1)).unwrap();
        pass.logits().iter().map(rows).collect::<Vec<_>>()
    };
    assert_eq!(logits(&agreeing()), logits(&plain()));
}

#[test]
fn a_model_without_the_fine_head_among_its_answers_answers_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let whole = formula::network(&agreeing());
    let keep = |head: &HeadConfig| head.name != "exact";
    whole.save_with(keep, &path).unwrap();
    let config = whole.config().with_heads(keep);
    assert_eq!(config.heads.len(), 2);
    let text = serde_json::to_string(&config).unwrap();
    let config: NetworkConfig = serde_json::from_str(&text).unwrap();
    let model = Network::new(&config, 1).unwrap();
    model.load(&path).unwrap();
    let images = formula::images(32, 2);
    let [expected, found] = [&whole, &model].map(|network| network.forward_eval(&images).unwrap());
    assert_eq!(found.len(), 2);
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(rows(found), rows(expected));
    }
    // Without any implied head there is nothing to agree on.
    let alone = whole.config().with_heads(|head| head.name == "exact");
    assert_eq!((alone.agreement, alone.heads.len()), (None, 1));
}

#[test]
fn a_network_gone_wrong_does_not_pass_for_sure() {
    let network = formula::network(&agreeing());
    let bias = network.parameters().iter().find(|parameter| parameter.name == "heads.exact.bias").unwrap();
    let values = Tensor::new(&[0f32, f32::NAN, 0.0, 0.0, 0.0], &candle_core::Device::Cpu).unwrap();
    bias.var.set(&values).unwrap();
    for logits in network.forward_eval(&formula::images(32, 1)).unwrap() {
        assert!(rows(&logits)[0].iter().any(|logit| logit.is_nan()), "{logits}");
    }
}

#[test]
fn contradictions_are_refused_by_name() {
    let refused = |change: &dyn Fn(&mut NetworkConfig, &mut Agreement)| {
        let mut config = agreeing();
        let mut agreement = config.agreement.take().unwrap();
        change(&mut config, &mut agreement);
        config.agreement = Some(agreement);
        let error = Network::new(&config, 1).unwrap_err().to_string();
        assert!(error.contains("agreement"), "{error}");
        error
    };
    let found = refused(&|_, agreement| drop(agreement.implies.insert("brand".into(), vec![Some(0); 4])));
    assert!(found.contains("implies.brand has 4 classes, expected 5"), "{found}");
    let found = refused(&|_, agreement| drop(agreement.implies.insert("era".into(), vec![Some(2); 5])));
    assert!(found.contains("implies.era has class 2 of 2"), "{found}");
    let found = refused(&|_, agreement| drop(agreement.implies.insert("colour".into(), vec![Some(0); 5])));
    assert!(found.contains("`colour`, which is no other head"), "{found}");
    let found = refused(&|_, agreement| drop(agreement.implies.insert("exact".into(), vec![Some(0); 5])));
    assert!(found.contains("`exact`, which is no other head"), "{found}");
    let found = refused(&|_, agreement| drop(agreement.implies.insert("era".into(), vec![None; 5])));
    assert!(found.contains("no class has all of what it implies"), "{found}");
    let found = refused(&|_, agreement| agreement.implies.clear());
    assert!(found.contains("implies nothing"), "{found}");
    let found =
        refused(&|_, agreement| agreement.head = agreement.head.clone().with_problem(Problem::MultiLabel));
    assert!(found.contains("has tags"), "{found}");
    let found = refused(&|config, _| config.heads[1].problem = Problem::MultiLabel);
    assert!(found.contains("implies `era`, which has tags"), "{found}");
    let found = refused(&|config, _| config.heads[2] = HeadConfig::new("exact", ["one"]));
    assert!(found.contains("another head named `exact`"), "{found}");
}
