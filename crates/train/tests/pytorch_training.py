#!/usr/bin/env python3
"""Writes fixtures/pytorch_training.json: optimisers, learning rates and averages step by step, as PyTorch computes
them in float64. Needs torch; run by hand when a case is added."""
import json
import pathlib

import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, OneCycleLR, SequentialLR, StepLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

START = [1.0, -2.0, 3.0]
out = {"optimizers": [], "schedules": [], "averages": [], "clipped": []}


def train(make, steps=5):
    """Minimises the sum of cubes of the weights over 3, from START; the weights after each step."""
    w = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = make([w])
    values = []
    for _ in range(steps):
        optimizer.zero_grad()
        (w**3 / 3).sum().backward()
        optimizer.step()
        values.append(w.tolist())
    return values


for rate, decay, beta1, beta2, eps in [(0.1, 0.1, 0.9, 0.999, 1e-8), (0.02, 0.0, 0.8, 0.95, 1e-3)]:
    values = train(lambda w: torch.optim.AdamW(w, lr=rate, weight_decay=decay, betas=(beta1, beta2), eps=eps))
    out["optimizers"].append({"method": "adamw", "rate": rate, "decay": decay, "beta1": beta1, "beta2": beta2,
                              "eps": eps, "values": values})
for rate, decay, momentum, nesterov in [(0.02, 0.0, 0.0, False), (0.02, 0.1, 0.9, False), (0.01, 0.05, 0.8, True)]:
    values = train(lambda w: torch.optim.SGD(w, lr=rate, weight_decay=decay, momentum=momentum, nesterov=nesterov))
    out["optimizers"].append({"method": "sgd", "rate": rate, "decay": decay, "momentum": momentum,
                              "nesterov": nesterov, "values": values})


def rates(make, steps):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(optimizer)
    values = []
    for step in range(steps):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step < steps - 1:  # beyond the end OneCycleLR may divide by zero
            scheduler.step()
    return values


def warm(after, rise):
    return lambda o: SequentialLR(o, [LinearLR(o, 1 / rise, 1.0, rise - 1), after(o)], [rise])


def one_cycle(warmup, epochs, per_epoch):
    steps = epochs * per_epoch
    return "one-cycle", warmup, epochs, per_epoch, {}, lambda o: OneCycleLR(o, 1.0, total_steps=steps, pct_start=warmup)


# Peaks between steps, before the first, at the last; few steps and many. Not those where OneCycleLR divides by zero:
# where warmup × steps is 1.
CYCLES = [one_cycle(warmup, epochs, per_epoch) for warmup in (0.0, 0.01, 0.1, 0.25, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99, 1.0)
          for epochs, per_epoch in ((1, 1), (1, 2), (2, 4), (3, 5))
          if abs(warmup * epochs * per_epoch - 1) > 1e-9]

for shape, warmup, epochs, per_epoch, options, make in [
    one_cycle(0.3, 5, 20), *CYCLES,
    ("cosine", 0.0, 1, 10, {}, lambda o: CosineAnnealingLR(o, 10)),
    ("cosine", 0.2, 5, 4, {}, warm(lambda o: CosineAnnealingLR(o, 16), 4)),
    ("step", 0.0, 6, 3, {"epochs": 2, "factor": 0.5}, lambda o: StepLR(o, 6, 0.5)),
    ("constant", 0.5, 2, 5, {}, warm(lambda o: StepLR(o, 100), 5)),
]:
    out["schedules"].append({"shape": shape, "warmup": warmup, "per_epoch": per_epoch, **options,
                             "values": rates(make, epochs * per_epoch)})

for decay in (0.9, 0.5):
    model = torch.nn.BatchNorm1d(2).double()
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)
    steps = []
    for step in range(5):
        with torch.no_grad():
            model.weight.copy_(torch.tensor([1.0 + step, 2.0 - step**2]))
            model.running_mean.copy_(torch.tensor([0.1 * step, -step]))
        average.update_parameters(model)  # the first time it copies
        steps.append({"weight": model.weight.tolist(), "running_mean": model.running_mean.tolist(),
                      "average_weight": average.module.weight.tolist(),
                      "average_running_mean": average.module.running_mean.tolist()})
    out["averages"].append({"decay": decay, "steps": steps})

for most in (1.0, 5.0, 100.0):
    w = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    b = torch.tensor([4.0], dtype=torch.float64, requires_grad=True)
    ((w**3).sum() + b.sum()).backward()
    norm = torch.nn.utils.clip_grad_norm_([w, b], most)
    out["clipped"].append({"most": most, "norm": norm.item(), "w": w.grad.tolist(), "b": b.grad.tolist()})

path = pathlib.Path(__file__).parent / "fixtures/pytorch_training.json"
path.parent.mkdir(exist_ok=True)
path.write_text(json.dumps(out, indent=1) + "\n")
print(f"{path}: {path.stat().st_size} bytes, torch {torch.__version__}")
