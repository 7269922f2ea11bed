#!/bin/sh
# Times this program and PyTorch in turn on the same work and prints the ratios of their medians.
#
#   bench/against_pytorch.sh PYTHON [ROUNDS]
#
# PYTHON has torch and torchvision. Each run is STEPS steps (5) after two. PyTorch runs in both memory formats and the
# faster one counts; in bf16 it is autocast that is compared with. PRECISIONS and THREADS choose otherwise.
set -eu
python=$1 rounds=${2:-3} threads=${THREADS:-2} steps=${STEPS:-5}
peer=$(dirname "$0")/pytorch_step.py
marque=${MARQUE:-${CARGO_TARGET_DIR:-target}/release/marque}

field() { "$python" -c 'import json,sys; print(json.loads(sys.stdin.readlines()[-1])[sys.argv[1]])' "$1"; }

compare() { # backbone mode size precision
    ours="" theirs="" memory="" their_memory=""
    evaluate="" autocast=""
    [ "$2" = infer ] && evaluate=--evaluate
    [ "$4" = bf16 ] && autocast=--bf16
    for round in $(seq "$rounds"); do
        line=$("$marque" bench --json --backbone "$1" --size "$3" --batch 16 --threads "$threads" \
            --steps "$steps" --precision "$4" $evaluate)
        ours="$ours $(echo "$line" | field seconds_median)"
        memory="$memory $(echo "$line" | field peak_rss_mib)"
        for format in "" --channels-last; do
            line=$("$python" "$peer" --mode "$2" --arch "$1" --size "$3" --batch 16 --threads "$threads" \
                --iters "$steps" $autocast $format)
            theirs="$theirs $(echo "$line" | field seconds_median)"
            their_memory="$their_memory $(echo "$line" | field peak_rss_mib)"
        done
    done
    "$python" - "$1" "$2" "$3" "$4" "$ours" "$theirs" "$memory" "$their_memory" <<'PYTHON'
import statistics, sys
name, mode, size, precision = sys.argv[1:5]
ours, theirs, memory, their_memory = ([float(x) for x in a.split()] for a in sys.argv[5:])
# By round: ours against the faster of the two formats of the same minute.
best = [min(pair) for pair in zip(theirs[::2], theirs[1::2])]
ratios = sorted(b / a for a, b in zip(ours, best))
print(f"| {name} {mode} {size} px {precision} | {16 / statistics.median(ours):.1f} | "
      f"{16 / statistics.median(best):.1f} | {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) | "
      f"{max(memory):.0f} | {min(their_memory):.0f} |", flush=True)
PYTHON
}

echo "| batch 16, $threads threads | photos/s | PyTorch | ratio, median (range) | MiB | PyTorch |"
echo "|---|---|---|---|---|---|"
for precision in ${PRECISIONS:-f32 bf16}; do
    compare resnet34 train 224 "$precision"
    compare resnet34 train 128 "$precision"
    compare resnet34 infer 224 "$precision"
    compare resnet50 train 128 "$precision"
done
