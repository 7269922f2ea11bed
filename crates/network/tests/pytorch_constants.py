#!/usr/bin/env python3
"""Computes in PyTorch what the networks of this crate must give; the tests read the files.

- fixtures/torchvision_shapes.json: names and shapes of torchvision's ResNets (without batch counts and classifier)
- fixtures/networks.safetensors: features, logits, running statistics and gradients of networks whose weights follow a
  formula that the tests repeat
- fixtures/partial.pth, fixtures/nested.pth, fixtures/legacy.pth: state dictionaries as PyTorch saves them

Run by hand when a network changes. Needs torch, torchvision, numpy and safetensors. Everything but the .pth files is
computed in float64 and stored as float32; images are stored nowhere, they follow the formula too.
"""
import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from safetensors.torch import save_file

fixtures = pathlib.Path(__file__).parent / "fixtures"
fixtures.mkdir(exist_ok=True)


def formula(name, shape):
    """Numbers in [-1, 1): the 32-bit finaliser of MurmurHash3 on index + 2654435761 * (sum of the name's bytes)."""
    with np.errstate(over="ignore"):
        count = int(np.prod(shape, dtype=np.int64))
        h = np.arange(count, dtype=np.uint32) + np.uint32(sum(name.encode()) * 2654435761 % 2**32)
        h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
        h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
        h = h ^ (h >> np.uint32(16))
    return torch.from_numpy(h.astype(np.float64) / 2**31 - 1.0).reshape(tuple(shape))


def value(name, shape):
    r = formula(name, shape)
    if name.endswith("running_mean"):
        r = 0.1 * r
    elif name.endswith("running_var"):
        r = 1.0 + 0.5 * r
    elif len(shape) == 4:
        r = r * (6.0 / (shape[0] * shape[2] * shape[3])) ** 0.5
    elif name.startswith("heads."):
        r = r / 16
    elif name.endswith(("bn2.weight", "bn3.weight")):
        # Small at the end of a branch: rounding errors would grow from block to block otherwise, in PyTorch too.
        r = 0.25 + 0.05 * r
    elif name.endswith("weight"):
        r = 1.0 + 0.2 * r
    else:
        r = 0.1 * r
    return r.to(torch.float32).double()


class Network(torch.nn.Module):
    def __init__(self, arch, stride_in_first):
        super().__init__()
        self.trunk = getattr(torchvision.models, arch)(weights=None)
        if stride_in_first:
            for layer in (self.trunk.layer2, self.trunk.layer3, self.trunk.layer4):
                layer[0].conv1.stride, layer[0].conv2.stride = (2, 2), (1, 1)
        features = self.trunk.fc.in_features
        self.trunk.fc = torch.nn.Identity()
        self.heads = torch.nn.ModuleDict({"brand": torch.nn.Linear(features, 6), "era": torch.nn.Linear(features, 2)})
        self.double()
        for name, tensor in self.named().items():
            tensor.data.copy_(value(name, tensor.shape))

    def named(self):
        state = dict(self.trunk.named_parameters()) | dict(self.trunk.named_buffers())
        state |= {f"heads.{name}": tensor for name, tensor in self.heads.named_parameters()}
        return {name: tensor for name, tensor in state.items() if "num_batches" not in name}

    def forward(self, x):
        features = self.trunk(x)
        return features, [head(features) for head in self.heads.values()]


shapes = {}
for arch in ("resnet18", "resnet34", "resnet50"):
    state = getattr(torchvision.models, arch)(weights=None).state_dict()
    kept = {n: list(t.shape) for n, t in state.items() if "num_batches" not in n and not n.startswith("fc.")}
    shapes[arch] = dict(sorted(kept.items()))
lines = [f' "{arch}": {json.dumps(names, separators=(",", ":"))}' for arch, names in shapes.items()]
(fixtures / "torchvision_shapes.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")

out = {}
for case, arch, first in [("resnet18", "resnet18", False), ("resnet34", "resnet34", False), ("resnet50", "resnet50", False), ("resnet50_v1", "resnet50", True)]:
    net = Network(arch, first)
    for size, batch in [(32, 2), (64, 3)]:
        x = formula(f"images{size}", (batch, size, size, 3)).to(torch.float32).double().permute(0, 3, 1, 2)
        net.eval()
        features, logits = net(x)
        out[f"{case}.{size}.eval.features"] = features
        for name, value_ in zip(net.heads, logits):
            out[f"{case}.{size}.eval.{name}"] = value_
    # In training only the larger images: at 32 pixels the last stage would normalise over two values.
    net.train()
    features, logits = net(x)
    targets = [torch.tensor([1, 5, 0]), torch.tensor([0, 1, 1])]
    loss = sum(F.cross_entropy(l, t) for l, t in zip(logits, targets))
    loss.backward()
    for name, value_ in zip(net.heads, logits):
        out[f"{case}.train.{name}"] = value_
    out[f"{case}.train.loss"] = loss.reshape(1)
    named = dict(sorted(net.named().items()))
    for kind in ("running_mean", "running_var"):
        statistics = [t for n, t in named.items() if n.endswith(kind)]
        out[f"{case}.train.{kind}"] = torch.stack([(t * formula("probe", t.shape)).sum() for t in statistics])
    gradients = [t.grad for t in named.values() if t.requires_grad]
    out[f"{case}.train.gradient_norms"] = torch.stack([g.norm() for g in gradients])
    out[f"{case}.train.gradient_probes"] = torch.stack([(g * formula("probe", g.shape)).sum() for g in gradients])
save_file({n: t.detach().float().contiguous().clone() for n, t in sorted(out.items())}, fixtures / "networks.safetensors")

torch.manual_seed(0)
state = {n: t for n, t in torchvision.models.resnet18(weights=None).state_dict().items() if n.startswith(("conv1", "bn1"))}
state = {n: t.half() if n == "conv1.weight" else t for n, t in state.items()}
state["bn1.running_mean"] = torch.arange(64.0)
state["fc.bias"] = torch.zeros(1000)
state["layer1.0.bn1.weight"] = torch.ones(63)
state["extra.weight"] = torch.ones(1)
torch.save(state, fixtures / "partial.pth")
small = {n: t for n, t in state.items() if n.startswith("bn1")}
torch.save({"epoch": 3, "state_dict": small}, fixtures / "nested.pth")
torch.save(small, fixtures / "legacy.pth", _use_new_zipfile_serialization=False)
for path in sorted(fixtures.iterdir()):
    print(path.name, path.stat().st_size)
