#!/usr/bin/env python3
"""How fast is a training step of the FNO beside PyTorch, on this machine, in one run?

    python3 benchmarks/fno.py [--rounds 2] [--seconds 2] [--rows 32,64,32,14 ...]
                              [--kinds eager,kept,compiled,neuraloperator] [--memory]

Builds the bench `step` of crate `train`, makes a virtual environment with PyTorch and neuraloperator
where there is none, runs all in alternation (A B A B), prints the medians of the rounds and their
ratios, and appends them to benchmarks/results/fno.jsonl. A row is width, cells an axis, batch, modes
an axis; work: 4 layers of spectral convolution (rfft2, einsum on two corners, irfft2) and a 1×1
convolution, GELU, projection 128; one training step is forward, backward and AdamW, f32 throughout.

How PyTorch is run is said in side_by_side.py; compiled, the spectral layer is left out, which does not
compile. `neuraloperator` is that package's FNO of the same width, modes, layers and projection.
"""

from side_by_side import compare

ROWS = ["32,28,32,14", "32,64,32,14", "32,128,8,14", "64,28,32,14", "64,64,32,14", "64,128,8,14"]
KINDS = ["eager", "kept", "compiled", "neuraloperator"]
LAYERS, PROJECTION = 4, 128


def published(torch, width, modes, compiled):
    """The layer everyone uses."""

    class Spectral(torch.nn.Module):
        def __init__(self):
            super().__init__()
            shape = (width, width, modes, modes)
            new = lambda: torch.nn.Parameter(torch.randn(*shape, dtype=torch.cfloat) / width**2)
            self.low, self.high = new(), new()

        def forward(self, x):
            spectrum = torch.fft.rfft2(x)
            out = torch.zeros_like(spectrum)
            mix = lambda part, weight: torch.einsum("bixy,ioxy->boxy", part, weight)
            out[:, :, :modes, :modes] = mix(spectrum[:, :, :modes, :modes], self.low)
            out[:, :, -modes:, :modes] = mix(spectrum[:, :, -modes:, :modes], self.high)
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


def network(torch, kind, width, modes):
    if kind != "neuraloperator":
        return published(torch, width, modes, kind == "compiled")
    from neuralop.models import FNO

    class ChannelsLast(torch.nn.Module):
        def __init__(self):
            super().__init__()
            # its modes count both signs of an axis; lifting and inputs are as ours
            self.fno = FNO(
                n_modes=(2 * modes, 2 * modes), in_channels=4, out_channels=1, hidden_channels=width,
                n_layers=LAYERS, lifting_channel_ratio=0, projection_channel_ratio=PROJECTION / width,
                positional_embedding=None,
            )

        def forward(self, x):
            return self.fno(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)

    return ChannelsLast()


def build(torch, row, kind):
    width, n, batch, modes = row
    net = network(torch, kind, width, modes)
    return net, (torch.randn(batch, n, n, 4),), torch.randn(batch, n, n, 1)


if __name__ == "__main__":
    compare(__file__, __doc__.splitlines()[0], "width, grid, batch, modes", ROWS, KINDS, [], build)
