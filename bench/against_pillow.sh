#!/bin/sh
# Packs the same photos with this program's renderer and with Pillow, each on one thread, in turn, and prints the
# ratios: decode, resize to a square, write uint8 RGB.
#
#   bench/against_pillow.sh PYTHON FOLDER [ROUNDS]
#
# PYTHON has Pillow; FOLDER holds photos and nothing else. Both decode whole photos: Pillow's draft mode, which decodes JPEG
# at a part of its size, makes other pixels. Times are those of the processor (user and system), so that other programs
# on the machine count less. SIZES chooses other sizes. Writing goes where TMPDIR is: /dev/shm leaves the disk out.
# Build first: cargo build --release --workspace --example pack_folder
set -eu
python=$1 folder=$2 rounds=${3:-5}
here=$(dirname "$0")
pack=${PACK:-${CARGO_TARGET_DIR:-target}/release/examples/pack_folder}
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT

echo "| $(ls "$folder" | wc -l) photos, 1 thread | ms a photo | Pillow | ratio |"
echo "|---|---|---|---|"
for size in ${SIZES:-224 128 64}; do
    ours="" theirs=""
    for round in $(seq "$rounds"); do
        ours="$ours $("$pack" "$folder" "$size" "$scratch" 1)"
        theirs="$theirs $("$python" "$here/pillow_pack.py" "$folder" "$size" "$scratch/packed" 1)"
    done
    "$python" - "$size" "$ours" "$theirs" <<'PYTHON'
import statistics, sys
size = sys.argv[1]
ours, theirs = ([float(x) for x in a.split()] for a in sys.argv[2:])
ratios = sorted(b / a for a, b in zip(ours, theirs))
median = statistics.median
print(f"| {size} px | {median(ours):.3f} | {median(theirs):.3f} | {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) |",
      flush=True)
PYTHON
done
