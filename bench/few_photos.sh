#!/bin/sh
# Fine-tunes ResNet50 on a few of the Stanford Cars training photos, at 96 pixels, with the defaults of `[train]`:
#
#   bench/few_photos.sh PYTHON DEVKIT PHOTOS WEIGHTS STORE COUNT [TEST_PHOTOS] [-- --set KEY=VALUE …]
#
# PYTHON has scipy; DEVKIT is the published folder with cars_meta.mat, PHOTOS the folder of training photos, WEIGHTS the
# ResNet50 of the original paper's strides, STORE a folder for the results. MARQUE names the program.
set -eu
python=$1 devkit=$2 photos=$(realpath "$3") weights=$(realpath "$4") store=$(realpath -m "$5") count=$6
shift 6
tested=
case "${1:---}" in --) ;; *) tested=$1; shift ;; esac
[ "${1:-}" != -- ] || shift
mkdir -p "$store"
# shellcheck disable=SC2086
"$python" "$(dirname "$0")/few_photos.py" "$devkit" "$count" $tested > "$store/photos.csv"
cat > "$store/pipeline.toml" <<END
[store]
path = "results"
[runtime]
precision = "auto"
[dataset]
source = "table"
table = "photos.csv"
path = "$photos"
[[heads]]
name = "brand"
rule = "column"
[preprocess]
size = 96
[train]
backbone = "resnet50"
bottleneck_stride = "first-1x1"
weights = "$weights"
norm_eps = 1.001e-5
mean = [0.48501961, 0.45795686, 0.40760392]
std = [0.229, 0.224, 0.225]
keep_checkpoints = 0
END
exec "${MARQUE:-${CARGO_TARGET_DIR:-target}/release/marque}" run --config "$store/pipeline.toml" "$@"
