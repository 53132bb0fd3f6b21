#!/usr/bin/env python3
"""How fast is a training step of the FNO beside PyTorch, on this machine, in one run?

    python3 benchmarks/fno.py [--rounds 2] [--seconds 2] [--rows 0,1,2,3,4,5] [--no-compile]

Builds the bench `step` of crate `train`, makes a virtual environment with PyTorch where there is
none, runs both in alternation (A B A B), prints the medians of the rounds and their ratios, and
appends them to benchmarks/results/fno.jsonl. Work: width × grid × batch, 14 modes an axis, 4 layers
of spectral convolution (rfft2, einsum on two corners, irfft2) and a 1×1 convolution, GELU, projection
128; one training step is forward, backward and AdamW, f32 throughout.

How PyTorch is run is said in side_by_side.py; compiled, the spectral layer is left out, which does not
compile.
"""

from side_by_side import compare

ROWS = [(32, 28, 32), (32, 64, 32), (32, 128, 8), (64, 28, 32), (64, 64, 32), (64, 128, 8)]
MODES, LAYERS, PROJECTION = 14, 4, 128


def network(torch, width, compiled):
    """The layer everyone uses."""

    class Spectral(torch.nn.Module):
        def __init__(self):
            super().__init__()
            shape = (width, width, MODES, MODES)
            new = lambda: torch.nn.Parameter(torch.randn(*shape, dtype=torch.cfloat) / width**2)
            self.low, self.high = new(), new()

        def forward(self, x):
            spectrum = torch.fft.rfft2(x)
            out = torch.zeros_like(spectrum)
            mix = lambda part, weight: torch.einsum("bixy,ioxy->boxy", part, weight)
            out[:, :, :MODES, :MODES] = mix(spectrum[:, :, :MODES, :MODES], self.low)
            out[:, :, -MODES:, :MODES] = mix(spectrum[:, :, -MODES:, :MODES], self.high)
            return torch.fft.irfft2(out, s=x.shape[-2:])

    class Fno(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lift = torch.nn.Linear(4, width)
            self.spectral = torch.nn.ModuleList(Spectral() for _ in range(LAYERS))
            self.skip = torch.nn.ModuleList(torch.nn.Conv2d(width, width, 1) for _ in range(LAYERS))
            self.project = torch.nn.Linear(width, PROJECTION)
            self.output = torch.nn.Linear(PROJECTION, 1)

        def forward(self, x):
            h = self.lift(x).permute(0, 3, 1, 2)
            for i, (spectral, skip) in enumerate(zip(self.spectral, self.skip)):
                h = spectral(h) + skip(h)
                if i + 1 < LAYERS:
                    h = torch.nn.functional.gelu(h)
            h = torch.nn.functional.gelu(self.project(h.permute(0, 2, 3, 1)))
            return self.output(h)

    if compiled:
        Spectral.forward = torch.compiler.disable(Spectral.forward)
    net = Fno()
    return torch.compile(net) if compiled else net


def build(torch, row, compiled):
    width, n, batch = row
    net = network(torch, width, compiled)
    return net, (torch.randn(batch, n, n, 4),), torch.randn(batch, n, n, 1)


if __name__ == "__main__":
    compare(__file__, __doc__.splitlines()[0], ROWS, "width", [], build)
