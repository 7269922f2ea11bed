#!/bin/sh
# Trains a recipe on the split, and with the labels, of the PyTorch script that docs/results.md compares with: every fifth
# photo of each of the 196 classes is held out for testing.
#
#   bench/on_peer_split.sh PYTHON DEVKIT PHOTOS WEIGHTS CONFIG STORE [--set KEY=VALUE …]
#
# PYTHON has scipy; DEVKIT is the published folder with cars_meta.mat, PHOTOS the folder of training photos, WEIGHTS the
# pretrained ResNet50, CONFIG one of configs/, STORE a folder for the results. MARQUE names the program.
set -eu
python=$1 devkit=$2 photos=$(realpath "$3") weights=$(realpath "$4") config=$5 store=$(realpath -m "$6")
shift 6
# Beside the store, of which nothing is read as input.
mkdir -p "$(dirname "$store")"
"$python" "$(dirname "$0")/peer_split.py" "$devkit" > "$store.csv"
exec "${MARQUE:-${CARGO_TARGET_DIR:-target}/release/marque}" run --config "$config" \
    --set "store.path=$store" --set dataset.source=table --set "dataset.table=$store.csv" \
    --set "dataset.path=$photos" --set labels.rules=article \
    --set "train.weights=$weights" "$@"
