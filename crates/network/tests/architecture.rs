//! Backbones as data, against what is published of them.

use marque_kernels::nhwc::Convolution;
use marque_network::{Architecture, Backbone, BottleneckStride, PARTS};

/// Multiply-adds in billions for a photo of 224 × 224: table 1 of He et al. 2015, and torchvision's documentation for its
/// own place of the stride.
const MULTIPLY_ADDS: [(Backbone, BottleneckStride, f64); 4] = [
    (Backbone::ResNet18, BottleneckStride::Middle3x3, 1.8),
    (Backbone::ResNet34, BottleneckStride::Middle3x3, 3.6),
    (Backbone::ResNet50, BottleneckStride::First1x1, 3.8),
    (Backbone::ResNet50, BottleneckStride::Middle3x3, 4.09),
];

#[test]
fn operations_are_those_published() {
    for (backbone, stride, billions) in MULTIPLY_ADDS {
        let architecture = Architecture::new(backbone, stride);
        let convolutions = architecture.convolutions([1, 224, 224, 3]).unwrap();
        let operations: u64 = convolutions.iter().map(Convolution::operations).sum();
        let found = operations as f64 / 2e9;
        assert!((found / billions - 1.0).abs() < 0.02, "{backbone:?}, {stride:?}: {found}");
        // "-18", "-34", "-50" count the fully connected layer too, and not the convolutions on shortcuts.
        let blocks = || architecture.stages.iter().flatten();
        let layers = 2 + blocks().map(|block| block.branch.len()).sum::<usize>();
        assert_eq!(backbone.name(), format!("resnet{layers}"));
        assert_eq!(
            convolutions.len(),
            layers - 1 + blocks().filter(|block| block.downsample.is_some()).count()
        );
    }
}

#[test]
fn parts_give_the_channels_and_sizes_of_the_paper() {
    let channels = |backbone| {
        let architecture = Architecture::new(backbone, BottleneckStride::default());
        (0..=PARTS).map(|parts| architecture.channels(parts)).collect::<Vec<_>>()
    };
    assert_eq!(channels(Backbone::ResNet18), [3, 64, 64, 128, 256, 512]);
    assert_eq!(channels(Backbone::ResNet34), [3, 64, 64, 128, 256, 512]);
    assert_eq!(channels(Backbone::ResNet50), [3, 64, 256, 512, 1024, 2048]);
    for backbone in Backbone::ALL {
        assert_eq!(channels(backbone).last(), Some(&backbone.features()));
        let convolutions = Architecture::new(backbone, BottleneckStride::default());
        let convolutions = convolutions.convolutions([2, 224, 224, 3]).unwrap();
        assert_eq!(convolutions.first().unwrap().output_shape(), [2, 112, 112, 64]);
        assert_eq!(convolutions.last().unwrap().output_shape(), [2, 7, 7, backbone.features()]);
    }
}

#[test]
fn the_stride_of_bottlenecks_is_where_it_is_asked_for() {
    let strides = |place| {
        let architecture = Architecture::new(Backbone::ResNet50, place);
        architecture.stages[1][0].branch.iter().map(|spec| spec.stride).collect::<Vec<_>>()
    };
    assert_eq!(strides(BottleneckStride::First1x1), [2, 1, 1]);
    assert_eq!(strides(BottleneckStride::Middle3x3), [1, 2, 1]);
    let [first, middle] = [BottleneckStride::First1x1, BottleneckStride::Middle3x3]
        .map(|place| Architecture::new(Backbone::ResNet34, place));
    assert_eq!(first, middle, "ResNet34 has no bottlenecks");
}

#[test]
fn names_are_those_of_configurations() {
    for backbone in Backbone::ALL {
        assert_eq!(serde_json::to_value(backbone).unwrap(), backbone.name());
    }
}
