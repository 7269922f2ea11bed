"""Times the convolutions of ResNet34 in PyTorch (oneDNN), as `marque bench` does its own: same shapes, fastest of five.

    python bench/pytorch_convolutions.py [--size 224] [--batch 16] [--threads 2]

Prints milliseconds and GFLOP/s of the forward pass, the input gradient and the weight gradient in the memory format
in which each is faster.
"""

import argparse
import time

import torch

# (kernel, stride, input channels, output channels, what the photo's side is divided by)
LAYERS = [
    (7, 2, 3, 64, 1), (3, 1, 64, 64, 4), (1, 2, 64, 128, 4), (3, 2, 64, 128, 4), (3, 1, 128, 128, 8),
    (1, 2, 128, 256, 8), (3, 2, 128, 256, 8), (3, 1, 256, 256, 16), (1, 2, 256, 512, 16), (3, 2, 256, 512, 16),
    (3, 1, 512, 512, 32),
]


def fastest(call):
    call()
    times = []
    for _ in range(5):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"PyTorch {torch.__version__}, {arguments.size} px, batch {arguments.batch}, {arguments.threads} threads")
    print(f"{'milliseconds, GFLOP/s':<24} {'forward':>17} {'input gradient':>17} {'weight gradient':>17}")
    for kernel, stride, inputs, outputs, divisor in LAYERS:
        side = arguments.size // divisor
        best = [float("inf")] * 3
        for layout in (torch.contiguous_format, torch.channels_last):
            x = torch.randn(arguments.batch, inputs, side, side).contiguous(memory_format=layout)
            w = torch.randn(outputs, inputs, kernel, kernel).contiguous(memory_format=layout)
            y = torch.nn.functional.conv2d(x, w, stride=stride, padding=kernel // 2)
            dy = torch.randn_like(y)

            def gradient(mask):
                torch.ops.aten.convolution_backward(
                    dy, x, w, None, [stride] * 2, [kernel // 2] * 2, [1, 1], False, [0, 0], 1, mask)

            with torch.no_grad():
                times = [
                    fastest(lambda: torch.nn.functional.conv2d(x, w, stride=stride, padding=kernel // 2)),
                    fastest(lambda: gradient([True, False, False])),
                    fastest(lambda: gradient([False, True, False])),
                ]
            best = [min(pair) for pair in zip(best, times)]
        operations = 2 * y.numel() * inputs * kernel * kernel
        cells = [f"{1e3 * seconds:.2f} {operations / seconds / 1e9:>6.0f}" for seconds in best]
        if inputs == 3:
            cells[1] = ""
        name = f"{kernel}×{kernel}/{stride} {inputs:>4}→{outputs:<4} @{side}"
        print(f"{name:<24} {cells[0]:>17} {cells[1]:>17} {cells[2]:>17}")


main()
