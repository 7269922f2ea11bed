#!/usr/bin/env python3
"""Times steps of training, or batches of evaluation, of a ResNet with three heads in PyTorch, as `marque bench --json`
does its own: forward and backward pass and AdamW; medians of `--iters` after `--warmup`.

    bench/pytorch_step.py [--mode train|infer] [--arch resnet34] [--batch 16] [--size 224] [--threads 2]
                          [--channels-last] [--bf16] [--warmup 2] [--iters 5]

Needs torch and torchvision. Prints one line of JSON.
"""

import argparse
import json
import resource
import statistics
import time

import torch
import torchvision

CLASSES = (6, 5, 2)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", choices=["train", "infer"], default="train")
    parser.add_argument("--arch", default="resnet34")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--bf16", action="store_true", help="by autocast")
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--iters", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    backbone = getattr(torchvision.models, arguments.arch)(weights=None)
    heads = torch.nn.ModuleList(torch.nn.Linear(backbone.fc.in_features, classes) for classes in CLASSES)
    backbone.fc = torch.nn.Identity()
    photos = torch.randn(arguments.batch, 3, arguments.size, arguments.size)
    labels = [torch.randint(0, classes, (arguments.batch,)) for classes in CLASSES]
    if arguments.channels_last:
        backbone = backbone.to(memory_format=torch.channels_last)
        photos = photos.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW([*backbone.parameters(), *heads.parameters()], lr=1e-4)
    backbone.train(arguments.mode == "train")

    def train():
        with torch.autocast("cpu", torch.bfloat16, enabled=arguments.bf16):
            features = backbone(photos)
            losses = [torch.nn.functional.cross_entropy(head(features).float(), label)
                      for head, label in zip(heads, labels)]
        sum(losses).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    def infer():
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=arguments.bf16):
            features = backbone(photos)
            return [head(features).float().sum().item() for head in heads]

    step = train if arguments.mode == "train" else infer
    for _ in range(arguments.warmup):
        step()
    seconds = []
    for _ in range(arguments.iters):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({
        "framework": f"torch {torch.__version__}",
        "seconds_median": statistics.median(seconds),
        "seconds_min": min(seconds),
        "seconds_max": max(seconds),
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }))


if __name__ == "__main__":
    main()
