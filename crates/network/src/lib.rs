//! ResNet backbones with one head per question
