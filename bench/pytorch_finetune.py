#!/usr/bin/env python3
"""Fine-tunes ResNet50 with three heads on the photos of Stanford Cars in PyTorch: what docs/results.md compares with.

    bench/pytorch_finetune.py DEVKIT PHOTOS WEIGHTS [--size 128] [--epochs 6] [--batch 32] [--bf16] [--threads 2]

DEVKIT is the published folder with cars_meta.mat, PHOTOS the folder of training photos, WEIGHTS the pretrained ResNet50
whose downsampling bottlenecks have their stride in the first convolution. Every fifth photo of each of the 196 classes
is held out, as peer_split.py does. Labels are the reference's. Needs torch, torchvision, safetensors, scipy, pillow.
"""

import argparse
import collections
import pathlib
import time

import numpy as np
import scipy.io
import torch
import torch.nn.functional as F
import torchvision
from PIL import Image
from safetensors.torch import load_file

BRANDS = ["Audi", "BMW", "Chevrolet", "Dodge", "Ford"]
TYPES = ["Convertible", "Coupe", "SUV", "Van"]
CLASSES = (len(BRANDS) + 1, len(TYPES) + 1, 2)
MEAN = torch.tensor([0.48501961, 0.45795686, 0.40760392]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


def labels_of(name):
    """The last word of a list that the class name holds anywhere; up to 2009 is the first era."""
    brand = max([i for i, word in enumerate(BRANDS) if word in name], default=len(BRANDS))
    kind = max([i for i, word in enumerate(TYPES) if word in name], default=len(TYPES))
    return brand, kind, int(int(name.split()[-1]) > 2009)


def read(devkit, folder, size):
    """Pixels, labels, and which photos are held out."""
    names = [str(name[0]) for name in scipy.io.loadmat(devkit / "cars_meta.mat")["class_names"][0]]
    annotations = scipy.io.loadmat(devkit / "cars_train_annos.mat", squeeze_me=True)["annotations"]
    rows = sorted((str(row["fname"]), int(row["class"])) for row in annotations)
    seen, held, pixels, labels = collections.Counter(), [], [], []
    for file, number in rows:
        held.append(seen[number] % 5 == 4)
        seen[number] += 1
        photo = Image.open(folder / file).convert("RGB").resize((size, size), Image.BILINEAR)
        pixels.append(np.asarray(photo))
        labels.append(labels_of(names[number - 1]))
    photos = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).contiguous()
    return photos, torch.tensor(labels), np.array(held)


def pretrained(path):
    network = torchvision.models.resnet50(weights=None)
    for layer in (network.layer2, network.layer3, network.layer4):
        layer[0].conv1.stride, layer[0].conv2.stride = (2, 2), (1, 1)
    network.fc = torch.nn.Identity()
    state = {name: values.float() for name, values in load_file(str(path)).items()}
    found = network.load_state_dict(state, strict=False)
    assert not found.unexpected_keys and all("num_batches" in key for key in found.missing_keys), found
    return network.to(memory_format=torch.channels_last)


def normalise(photos):
    return ((photos.float() / 255 - MEAN) / STD).to(memory_format=torch.channels_last)


def evaluate(network, heads, photos, labels, bf16):
    network.eval()
    answers = []
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        for start in range(0, len(photos), 64):
            features = network(normalise(photos[start:start + 64])).float()
            answers.append(torch.stack([head(features).argmax(1) for head in heads], 1))
    answers = torch.cat(answers)
    macro_f1 = []
    for head, classes in enumerate(CLASSES):
        scores = []
        for label in range(classes):
            answered, true = answers[:, head] == label, labels[:, head] == label
            hits, wrong = (answered & true).sum().item(), (answered ^ true).sum().item()
            scores.append(2 * hits / max(1, 2 * hits + wrong))
        macro_f1.append(round(float(np.mean(scores)), 4))
    accuracy = [round(share, 4) for share in (answers == labels).float().mean(0).tolist()]
    together = (answers == labels).all(1).float().mean().item()
    return f"accuracy {accuracy} macro-F1 {macro_f1} all three {together:.4f}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("devkit", type=pathlib.Path)
    parser.add_argument("photos", type=pathlib.Path)
    parser.add_argument("weights", type=pathlib.Path)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--bf16", action="store_true", help="by autocast")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    start = time.time()
    photos, labels, held = read(arguments.devkit, arguments.photos, arguments.size)
    train, test = np.flatnonzero(~held), np.flatnonzero(held)
    print(f"{len(train)} to train on, {len(test)} held out; read in {time.time() - start:.0f} s", flush=True)

    network = pretrained(arguments.weights)
    heads = torch.nn.ModuleList(torch.nn.Linear(2048, classes) for classes in CLASSES)
    steps = len(train) // arguments.batch
    optimizer = torch.optim.AdamW(
        [{"params": network.parameters(), "lr": 1e-3}, {"params": heads.parameters(), "lr": 3e-3}],
        weight_decay=1e-2,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [3e-4, 3e-3], total_steps=arguments.epochs * steps, pct_start=0.25)
    start, pad = time.time(), max(1, arguments.size // 16)
    for epoch in range(arguments.epochs):
        network.train()
        order, total = rng.permutation(train), 0.0
        for step in range(steps):
            chosen = order[step * arguments.batch:(step + 1) * arguments.batch]
            batch = photos[chosen].clone()
            mirrored = torch.rand(len(batch)) < 0.5
            batch[mirrored] = batch[mirrored].flip(3)
            batch = F.pad(batch.float(), (pad,) * 4, mode="replicate")
            down, right = rng.integers(0, 2 * pad + 1, 2)
            batch = batch[:, :, down:down + arguments.size, right:right + arguments.size]
            with torch.autocast("cpu", torch.bfloat16, enabled=arguments.bf16):
                features = network(normalise(batch))
            losses = [F.cross_entropy(head(F.dropout(features.float(), 0.2)), labels[chosen, i])
                      for i, head in enumerate(heads)]
            loss = sum(losses)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        measured = evaluate(network, heads, photos[test], labels[test], arguments.bf16)
        elapsed = time.time() - start
        print(f"epoch {epoch + 1}/{arguments.epochs} loss {total / steps:.4f} {measured} {elapsed:.0f} s", flush=True)


if __name__ == "__main__":
    main()
