//! Model cards: what a network is, what it learned from and how well it does, in Markdown with the front matter of
//! the Hugging Face hub (<https://huggingface.co/docs/hub/model-cards>).

mod trust;

use std::fmt::Write;

use marque_contracts::counts::{counted, grouped, percent};
use marque_contracts::printable;
use marque_contracts::schema::{Filter, Fit, Head, HeadKind, Preparation, Split};
use marque_metrics::{HeadMetrics, Metrics, Proportion, TagHeadMetrics};
use marque_network::{BottleneckStride, HeadConfig, NetworkConfig};
use serde_json::Value;

use crate::model::Model;
use trust::trust;

/// What is known of a model beyond its own folder. All of it may be missing; the card says less then.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CardFacts {
    /// The heads as the label stage describes them, with their counts: `heads.json`.
    pub heads: Vec<Head>,
    /// What was measured of this very model: `metrics.json`.
    pub metrics: Option<Metrics>,
    /// Whether that was of the mean of each photo and its mirror image, which the model alone does not compute.
    pub mirrored: bool,
    /// The settings it was trained with, defaults included.
    pub training: Option<Value>,
    /// The settings of the data set and of what was done to its photos, by stage.
    pub data: Vec<(String, Value)>,
}

/// The card of a model: `README.md` beside its weights.
pub fn model_card(model: &Model, facts: &CardFacts) -> String {
    let config = model.config();
    let mut card = front_matter(config, facts);
    let names: Vec<_> = config.heads.iter().map(|head| head.name.as_str()).collect();
    let size = config.input_size;
    card += &format!(
        "\n# {:?}: {}\n\nOne network that answers {} about a photo: {}. A {:?} backbone with one linear layer per \
         head, {:.1} million parameters, for photos of {size} × {size} pixels; trained with marque.\n",
        config.backbone,
        text(&names.join(", ")),
        if names.len() == 1 { "a question".to_owned() } else { format!("{} questions", names.len()) },
        listed(&names),
        config.backbone,
        model.parameters() as f64 / 1e6,
    );
    card += &heads(config);
    if let Some(metrics) = &facts.metrics {
        card += &results(metrics, facts.mirrored);
    }
    card += &trust(model, facts.metrics.as_ref());
    card += &usage(config, model.preparation());
    if !facts.heads.is_empty() {
        card += &training_data(&facts.heads);
    }
    if let Some(settings) = &facts.training {
        card += "\n## Training\n";
        card += &settings_table(settings);
    }
    for (stage, settings) in &facts.data {
        card += &format!("\n### Settings of `{stage}`\n");
        card += &settings_table(settings);
    }
    // Nothing of a name acts on whoever shows the card.
    printable(&card).into_owned()
}

fn front_matter(config: &NetworkConfig, facts: &CardFacts) -> String {
    let backbone = config.backbone.name();
    let mut yaml = format!(
        "---\nlibrary_name: marque\npipeline_tag: image-classification\ntags:\n- image-classification\n\
         - multi-head\n- {backbone}\nmetrics:\n- accuracy\n- f1\n"
    );
    if let Some(metrics) = &facts.metrics {
        let heads = measured_heads(metrics);
        let index: String = heads
            .map(|(name, measures)| index_entry(name, &measures, &metrics.split, facts.mirrored))
            .collect();
        if !index.is_empty() {
            yaml += &format!("model-index:\n- name: {}\n  results:\n{index}", quoted(backbone));
        }
    }
    yaml + "---\n"
}

/// The results of a head for the hub's table of models.
fn index_entry(name: &str, measures: &[Measure], split: &str, mirrored: bool) -> String {
    if measures.is_empty() {
        return String::new();
    }
    let mirrored = if mirrored { ", mean of photo and mirror image" } else { "" };
    let mut entry = format!(
        "  - task:\n      type: image-classification\n      name: {}\n    dataset:\n      type: custom\n      \
         name: {}\n      split: {split}\n    metrics:\n",
        quoted(name),
        quoted(&format!("{name} of the {split} photos{mirrored}")),
    );
    for Measure { kind, label, value, .. } in measures {
        let _ = write!(entry, "    - type: {kind}\n      name: {}\n      value: {value}\n", quoted(label));
    }
    entry
}

/// The heads, those with tags last, and what was measured of each.
fn measured_heads(metrics: &Metrics) -> impl Iterator<Item = (&str, Vec<Measure>)> {
    let classes = metrics.heads.iter().map(|head| (head.name.as_str(), class_measures(head)));
    classes.chain(metrics.tags.iter().map(|head| (head.name.as_str(), tag_measures(head))))
}

/// A metric of a head.
struct Measure {
    /// The hub's word for it.
    kind: &'static str,
    /// Our word for it.
    label: &'static str,
    value: f64,
    /// Both ends of its 95% interval, if it has one.
    interval: Option<[f64; 2]>,
}

fn class_measures(head: &HeadMetrics) -> Vec<Measure> {
    let accuracy = proportion("accuracy", "accuracy", &head.accuracy);
    accuracy.into_iter().chain(score("f1", "macro-F1", head.macro_f1)).collect()
}

fn tag_measures(head: &TagHeadMetrics) -> Vec<Measure> {
    let exact = proportion("exact_match", "exactly the right tags", &head.exact);
    let precision = score("mean_average_precision", "mean average precision", head.mean_average_precision);
    exact.into_iter().chain(precision).chain(score("f1", "macro-F1", head.macro_f1)).collect()
}

fn proportion(kind: &'static str, label: &'static str, proportion: &Proportion) -> Option<Measure> {
    Some(Measure { kind, label, value: proportion.share?, interval: proportion.interval })
}

fn score(kind: &'static str, label: &'static str, value: Option<f64>) -> Option<Measure> {
    Some(Measure { kind, label, value: value?, interval: None })
}

fn heads(config: &NetworkConfig) -> String {
    let mut section = "\n## Heads\n\n| head | answers | classes |\n|---|---|---|\n".to_owned();
    for head in &config.heads {
        let answers = match head.kind {
            HeadKind::Single => "one class",
            HeadKind::Tags => "several classes, or none",
        };
        let labels: Vec<_> = head.labels().collect();
        let _ = writeln!(section, "| {} | {answers} | {} |", text(&head.name), text(&labels.join(", ")));
    }
    if let Some(hierarchy) = &config.hierarchy {
        let implied: Vec<_> = hierarchy.implies.keys().map(String::as_str).collect();
        let _ = writeln!(
            section,
            "\n{} {} together with {}, a head of {} finer classes: each of these implies a class of every \
             other, and each head answers with the class that the most probable of them implies, by the product of all \
             heads' probabilities. The ONNX file does so; `agreement` in `config.json` has which class implies which.",
            if implied.len() == 1 { "The head" } else { "The heads" },
            listed(&implied) + if implied.len() == 1 { " answers" } else { " answer" },
            text(&hierarchy.head.name),
            hierarchy.head.classes,
        );
    }
    section
}

fn results(metrics: &Metrics, mirrored: bool) -> String {
    let Metrics { split, all_heads_right, .. } = metrics;
    let all = counted(metrics.photos, "photo", "photos");
    // Photos without a label were not measured.
    let photos = match metrics.labelled().into_inner() {
        (fewest, _) if fewest == metrics.photos => format!("the {all} of the {split} split"),
        (fewest, most) if fewest == most => {
            format!("{} of the {all} of the {split} split, those with a label", grouped(most))
        }
        (fewest, most) => format!(
            "{} to {} of the {all} of the {split} split, those with a label of the head",
            grouped(fewest),
            grouped(most)
        ),
    };
    let mut section = format!("\n## Results\n\nOn {photos}:\n\n");
    section += "| head | measure | value | 95% interval |\n|---|---|---|---|\n";
    let heads =
        measured_heads(metrics).flat_map(|(name, measures)| measures.into_iter().map(move |m| (name, m)));
    let together = proportion("", "right together", all_heads_right).map(|measure| ("all", measure));
    for (name, Measure { label, value, interval, .. }) in heads.chain(together) {
        let name = text(name);
        let _ = writeln!(section, "| {name} | {label} | {} | {} |", percent(value), range(interval));
    }
    if all_heads_right.total > 0 && all_heads_right.total < metrics.photos {
        let photos = counted(all_heads_right.total, "photo", "photos");
        let _ = writeln!(section, "\nRight together is of the {photos} with every label.");
    }
    if mirrored {
        section += "\nThese are results of the mean of each photo's logits and those of its mirror image. The model \
                    alone, as used below and in the ONNX file, sees the photo only, and answers a little differently: \
                    show it both and take the mean of the logits for these results.\n";
    }
    section
}

fn usage(config: &NetworkConfig, preparation: Option<&Preparation>) -> String {
    let backbone = config.backbone.name();
    let (stride, moved) = match config.bottleneck_stride {
        BottleneckStride::First1x1 if config.backbone.has_bottlenecks() => (
            " The stride of a downsampling bottleneck is in its first 1×1 convolution, where torchvision has it in \
             the second: it is moved below.",
            "for block in backbone.modules():\n    if isinstance(block, torchvision.models.resnet.Bottleneck):\n        \
             block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride\n",
        ),
        _ => ("", ""),
    };
    let norm_eps = config.norm_eps;
    format!(
        "\n## Use\n\nPhotos are RGB, {prepared}, and normalised per colour: \
         `(byte / 255 - mean) / std` with mean {mean:?} and std {std:?} (`preprocessor_config.json`, and `photo_preparation` in the metadata of the ONNX \
         file). `model.safetensors` has torchvision's names; batch norm's epsilon is {norm_eps:e}.{stride} The classifier \
         is left out, and each head is `heads.<name>.weight` and `.bias` on the pooled features:\n\n\
         ```python\nimport {json}torch, torchvision\nfrom safetensors.torch import load_file\n\n\
         weights = load_file(\"model.safetensors\")\n\
         backbone = torchvision.models.{backbone}(\n    norm_layer=lambda c: torch.nn.BatchNorm2d(c, eps={norm_eps:e}))\n\
         backbone.fc = torch.nn.Identity()\n{moved}\
         backbone.load_state_dict({{k: v for k, v in weights.items() if not k.startswith(\"heads.\")}}, strict=False)\n\
         features = backbone.eval()(photos)  # [n, 3, {size}, {size}]\n\
         logits = lambda head: features @ weights[f\"heads.{{head}}.weight\"].T + weights[f\"heads.{{head}}.bias\"]\n\
         {answers}```\n",
        size = config.input_size,
        prepared = prepared(config.input_size, preparation),
        mean = config.mean,
        std = config.std,
        answers = answers(config),
        json = if config.hierarchy.is_some() { "json, " } else { "" },
    )
}

/// What happens to a photo before it is normalised.
fn prepared(size: usize, preparation: Option<&Preparation>) -> String {
    let Some(preparation) = preparation else { return format!("resized to {size} × {size} pixels") };
    let filter = match preparation.resize {
        Filter::Bilinear => "bilinear",
        Filter::Bicubic => "bicubic",
        Filter::Lanczos => "Lanczos",
    };
    let side = preparation.size;
    let fitted = match preparation.fit {
        Fit::Squash => format!("resized to {size} × {size} pixels, whatever their shape"),
        Fit::Crop => format!(
            "resized so that the shorter side has {side} pixels, of which the middle {size} × {size} are taken"
        ),
        Fit::Pad => format!(
            "resized so that the longer side has {side} pixels, in the middle of a square of the colour {:?}",
            preparation.background
        ),
    };
    let cut = match preparation.margin {
        Some(0.0) => "cut to the box of the car, where there is one, and ".to_owned(),
        Some(margin) => format!(
            "cut to the box of the car with a margin of {} of its sides, where there is one, and ",
            percent(margin)
        ),
        None => "not cut, ".to_owned(),
    };
    format!("{cut}{fitted} ({filter}, antialiased)")
}

/// What to do with the logits, in Python.
fn answers(config: &NetworkConfig) -> String {
    // Text of JSON is text of Python.
    let first = quoted(config.heads.first().map_or("", |head: &HeadConfig| head.name.as_str()));
    let Some(hierarchy) = &config.hierarchy else { return format!("logits({first})\n") };
    let fine = quoted(&hierarchy.head.name);
    format!(
        "\nagreement = json.load(open(\"config.json\"))[\"agreement\"]\n\
         known = [c for c in range(agreement[\"head\"][\"classes\"])\n         \
         if all(classes[c] is not None for classes in agreement[\"implies\"].values())]\n\
         implies = {{head: torch.tensor([classes[c] for c in known]) for head, classes in agreement[\"implies\"].items()}}\n\
         product = logits({fine}).log_softmax(1)[:, known]\n\
         for head, classes in implies.items():\n    product += logits(head).log_softmax(1)[:, classes]\n\
         best = product.argmax(1)\n\
         answers = {{head: classes[best] for head, classes in implies.items()}}  # class ids, as in id2label\n"
    )
}

/// Labelled photos by head and split.
fn training_data(heads: &[Head]) -> String {
    let mut section = "\n## Data\n\nPhotos per class:\n\n| head | class | ".to_owned();
    section += &Split::ALL.map(Split::as_str).join(" | ");
    section += " |\n|---|---|---:|---:|---:|\n";
    for head in heads {
        for (class, name) in head.classes.iter().enumerate() {
            let count = |split: Split| {
                let count = head.counts.get(&split).and_then(|counts| counts.get(class));
                count.copied().unwrap_or(0).to_string()
            };
            let counts = Split::ALL.map(count).join(" | ");
            let _ = writeln!(section, "| {} | {} | {counts} |", text(&head.name), text(name));
        }
    }
    section
}

/// Settings as a table, nested ones by their path.
fn settings_table(settings: &Value) -> String {
    let mut rows = Vec::new();
    flatten("", settings, &mut rows);
    let rows: String =
        rows.into_iter().map(|(key, value)| format!("| `{key}` | {} |\n", text(&value))).collect();
    format!("\n| setting | value |\n|---|---|\n{rows}")
}

fn flatten(path: &str, value: &Value, rows: &mut Vec<(String, String)>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten(&path, value, rows);
            }
        }
        Value::Null => rows.push((path.to_owned(), "–".to_owned())),
        Value::String(text) => rows.push((path.to_owned(), text.clone())),
        other => rows.push((path.to_owned(), other.to_string())),
    }
}

/// Text that comes out of Markdown as it is, in a cell of a table too, and whatever HTML it looks like.
fn text(plain: &str) -> String {
    let mut escaped = String::with_capacity(plain.len());
    let mut before = ' ';
    let mut rest = plain.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\n' | '\r' => escaped.push(' '),
            // Within a word it is no emphasis, and names are full of it.
            '_' if before.is_alphanumeric() && rest.peek().is_some_and(|next| next.is_alphanumeric()) => {
                escaped.push('_');
            }
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '~' | '$' | '#' => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
        before = c;
    }
    escaped
}

/// Text in YAML, of which JSON's strings are a part.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn range(interval: Option<[f64; 2]>) -> String {
    let words =
        |[low, high]: [f64; 2]| format!("{} to {}", percent(low).trim_end_matches('%'), percent(high));
    interval.map_or_else(String::new, words)
}

/// "brand, type and era".
fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}
