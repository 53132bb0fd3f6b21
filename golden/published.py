"""A small network of the published kind as PyTorch keeps it, and what it answers.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 torch==2.15.0
    venv/bin/python golden/published.py crates/train/tests/published

Written after the description in arXiv 2303.04772 and crates/train/src/import/published.rs: one more input
channel each for both coordinates (end points included) and time, spectral layers on the lowest
modes, exact GELU between them. Random weights; the file is a state dict below `module.`.
"""

import json
import os
import sys

import torch
import torch.nn.functional as F

torch.manual_seed(0)


class Spectral(torch.nn.Module):
    def __init__(self, width, rows, columns):
        super().__init__()
        for half in (1, 2):
            weights = torch.randn(width, width, rows, columns, dtype=torch.cfloat) / width
            setattr(self, f"weights{half}", torch.nn.Parameter(weights))

    def forward(self, x):
        _, _, n, m = x.shape
        rows, columns = self.weights1.shape[2:]
        spectrum = torch.fft.rfft2(x)
        out = torch.zeros_like(spectrum)
        mix = lambda part, weights: torch.einsum("bixy,ioxy->boxy", part, weights)
        out[:, :, :rows, :columns] = mix(spectrum[:, :, :rows, :columns], self.weights1)
        out[:, :, -rows:, :columns] = mix(spectrum[:, :, -rows:, :columns], self.weights2)
        return torch.fft.irfft2(out, s=(n, m))


class Published(torch.nn.Module):
    def __init__(self, channels=2, width=4, rows=3, columns=2, layers=3, projection=6):
        super().__init__()
        self.layers = layers
        self.fc0 = torch.nn.Linear(channels + 3, width)
        for i in range(layers):
            setattr(self, f"conv{i}", Spectral(width, rows, columns))
            setattr(self, f"w{i}", torch.nn.Conv2d(width, width, 1))
        self.fc1 = torch.nn.Linear(width, projection)
        self.fc2 = torch.nn.Linear(projection, channels)

    def forward(self, x, t):
        batch, _, n, m = x.shape
        first = torch.linspace(0, 1, n, dtype=x.dtype)[None, :, None, None].expand(batch, n, m, 1)
        second = torch.linspace(0, 1, m, dtype=x.dtype)[None, None, :, None].expand(batch, n, m, 1)
        time = t[:, None, None, None].expand(batch, n, m, 1)
        h = self.fc0(torch.cat([x.permute(0, 2, 3, 1), first, second, time], -1)).permute(0, 3, 1, 2)
        for i in range(self.layers):
            h = getattr(self, f"conv{i}")(h) + getattr(self, f"w{i}")(h)
            if i + 1 < self.layers:
                h = F.gelu(h)
        return self.fc2(F.gelu(self.fc1(h.permute(0, 2, 3, 1)))).permute(0, 3, 1, 2)


os.makedirs(sys.argv[1], exist_ok=True)
network = Published()
state = {f"module.{name}": values for name, values in network.state_dict().items()}
torch.save(state, os.path.join(sys.argv[1], "network.pt"))
answers = []
network.double()
for name in ["weights1", "weights2"]:
    for i in range(network.layers):
        weights = getattr(getattr(network, f"conv{i}"), name)
        weights.data = weights.data.to(torch.cdouble)
for n, m in [(10, 7), (7, 12)]:
    x, t = torch.randn(2, 2, n, m).double(), torch.tensor([0.25, 0.75]).double()
    flat = lambda values: values.detach().float().flatten().tolist()
    answers.append(dict(points=[n, m], x=flat(x), t=t.tolist(), answer=flat(network(x, t))))
with open(os.path.join(sys.argv[1], "answers.json"), "w") as f:
    json.dump(answers, f)
