"""The nested network of benchmarks/nested_peer.py with weights by a formula: what it answers, and the
gradient of each weight; writes nested.txt beside itself.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 torch==2.15.0
    venv/bin/python golden/nested.py

A case is a line of its number of weights, a line of answers, and a line for each weight in alphabetical
order: its name and the sum of its gradient's values, each times a number by the formula. The test is in
crates/net/tests/operator/nested_peer.rs.
"""

import pathlib
import sys

import numpy as np
import torch

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parent.parent / "benchmarks"))

from nested_peer import Nested  # noqa: E402

CASES = [
    ([[4, 4], [8, 8], [16, 16]], [12, 10, 8], [6, 4, 2], 5),
    ([[4, 4, 4], [8, 8, 8]], [8, 12], [3, 2], 3),
]
HALF_LOG_SNR = [-3.0, 0.2, 4.0]
NAMES = [
    (".local.weight", ".local.taps"), (".time.", ".time.hidden."), (".film.", ".time.film."),
    (".send.", ".between.send."), (".raised.", ".between.raise."),
]


def formula(which, count):
    at = (np.arange(count) * 7919 + which * 104729) % 1000
    return at.astype(np.float32) / np.float32(500) - np.float32(1)


def weights(net):
    """The weights by our names; ours are the transposes of PyTorch's."""
    found = {}
    for name, weight in net.named_parameters():
        for theirs, own in NAMES:
            name = name.replace(theirs, own)
        found[name] = weight
    return sorted(found.items())


def turned(values):
    """A weight or its gradient as ours is stored, `[in, out]` or `[tap, channel]`."""
    return values.flatten(1).T.numpy() if values.dim() > 1 else values.numpy()


def case(levels, width, blocks, kernel):
    net = Nested(levels, width, blocks, kernel)
    named = weights(net)
    for which, (_, weight) in enumerate(named):
        shape = turned(weight.detach()).shape
        scale = np.sqrt(np.float32(1) / np.float32(shape[max(len(shape) - 2, 0)]))
        values = torch.tensor((scale * formula(which, weight.numel())).reshape(shape))
        with torch.no_grad():
            weight.copy_((values.T if values.dim() > 1 else values).reshape(weight.shape))
    shape = (len(HALF_LOG_SNR), 1, *levels[-1])
    x, r = (torch.tensor(formula(i, int(np.prod(shape)))).reshape(shape) for i in (3, 4))
    y = net(x, torch.tensor(HALF_LOG_SNR, dtype=torch.float64))
    (y * r).mean().backward()
    lines = [str(sum(weight.numel() for _, weight in named))]
    lines.append(" ".join(f"{v:.7g}" for v in y.detach().flatten().tolist()))
    for name, weight in named:
        gradient = turned(weight.grad).astype(np.float64).ravel()
        lines.append(f"{name} {gradient @ formula(5, gradient.size):.7g}")
    return lines


if __name__ == "__main__":
    text = "\n".join(line for one in CASES for line in case(*one))
    HERE.with_suffix(".txt").write_text(text + "\n")
