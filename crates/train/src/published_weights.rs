//! The weights that `train.weights` knows by name: torchvision's, trained on ImageNet.
//!
//! Addresses are those of `IMAGENET1K_V1` in torchvision's `models/resnet.py`. The names of the files carry the first
//! eight digits of their SHA-256, which is all that `torch.hub` compares; here are all of them, and the sizes.

use marque_network::Backbone;

/// A published file of weights.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PublishedWeights {
    /// The backbone that it has the weights of.
    pub backbone: Backbone,
    /// Its name.
    pub file: &'static str,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: &'static str,
    /// What its settings are said to come from.
    pub(crate) origin: &'static str,
}

impl PublishedWeights {
    /// All that are known by name.
    pub const ALL: [Self; 3] = [
        Self {
            backbone: Backbone::ResNet18,
            file: "resnet18-f37072fd.pth",
            bytes: 46_830_571,
            sha256: "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
            origin: "weights `resnet18`",
        },
        Self {
            backbone: Backbone::ResNet34,
            file: "resnet34-b627a593.pth",
            bytes: 87_319_819,
            sha256: "b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f",
            origin: "weights `resnet34`",
        },
        Self {
            backbone: Backbone::ResNet50,
            file: "resnet50-0676ba61.pth",
            bytes: 102_530_333,
            sha256: "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a",
            origin: "weights `resnet50`",
        },
    ];

    /// Mean of each colour, of pixels in 0 to 1, that torchvision's weights were trained with.
    pub const MEAN: [f64; 3] = [0.485, 0.456, 0.406];

    /// Deviation of each colour.
    pub const STD: [f64; 3] = [0.229, 0.224, 0.225];

    /// Epsilon of their batch normalisation, PyTorch's.
    pub const NORM_EPS: f64 = 1e-5;

    /// The name by which `train.weights` knows it: that of the backbone.
    pub fn name(&self) -> &'static str {
        self.backbone.name()
    }

    /// Where it is published.
    pub fn url(&self) -> String {
        format!("https://download.pytorch.org/models/{}", self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_carry_backbone_and_checksum() {
        for published in PublishedWeights::ALL {
            assert_eq!(published.sha256.len(), 64);
            let named = format!("{}-{}.pth", published.name(), &published.sha256[..8]);
            assert_eq!(published.file, named);
            assert_eq!(published.origin, format!("weights `{}`", published.name()));
        }
    }
}
