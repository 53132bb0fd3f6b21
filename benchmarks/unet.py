#!/usr/bin/env python3
"""How fast is a training step of the U-Net beside PyTorch, on this machine, in one run?

    python3 benchmarks/unet.py [--rounds 2] [--seconds 2] [--rows 32,28,32 ...]
                               [--kinds eager,kept,compiled] [--memory]

Builds the bench `step` of crate `train`, makes a virtual environment with PyTorch where there is
none, runs both in alternation (A B A B), prints the medians of the rounds and their ratios, and
appends them to benchmarks/results/unet.jsonl. Work: channels × grid × batch, multipliers 1, 2, 2, two
residual blocks a stage, 32 groups, scale and shift by time, one channel in and out: the network of
crates/net/src/unet.rs, layer by layer. How PyTorch is run is said in side_by_side.py.
"""

from side_by_side import compare

ROWS = ["32,28,32", "32,64,8", "64,32,16"]
KINDS = ["eager", "kept", "compiled"]
MULTIPLIERS, BLOCKS, MIDDLE, GROUPS = (1, 2, 2), 2, 2, 32
FREQUENCIES, HIDDEN = 16, 64


def network(torch, channels, compiled):
    nn, functional = torch.nn, torch.nn.functional

    def norm(c):
        return nn.GroupNorm(max(g for g in range(1, min(GROUPS, c) + 1) if c % g == 0), c)

    class Block(nn.Module):
        def __init__(self, inputs, outputs):
            super().__init__()
            self.first_norm, self.second_norm = norm(inputs), norm(outputs)
            self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
            self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
            self.beside = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
            self.outputs = outputs

        def forward(self, x, film):
            h = self.first(functional.silu(self.first_norm(x)))
            scale, shift = film[..., None, None].chunk(2, 1)
            h = self.second_norm(h) * (1 + scale) + shift
            return self.beside(x) + self.second(functional.silu(h))

    class UNet(nn.Module):
        def __init__(self):
            super().__init__()
            widths = [m * channels for m in MULTIPLIERS]
            at, kept = channels, [channels]
            self.input = nn.Conv2d(1, channels, 3, padding=1)
            self.down, self.to_coarser = nn.ModuleList(), nn.ModuleList()
            for i, width in enumerate(widths):
                blocks = nn.ModuleList()
                for _ in range(BLOCKS):
                    blocks.append(Block(at, width))
                    at = width
                    kept.append(at)
                self.down.append(blocks)
                if i + 1 < len(widths):
                    self.to_coarser.append(nn.Conv2d(at, at, 3, stride=2, padding=1))
                    kept.append(at)
            self.middle = nn.ModuleList(Block(at, at) for _ in range(MIDDLE))
            self.up, self.to_finer = nn.ModuleList(), nn.ModuleList()
            for i, width in enumerate(reversed(widths)):
                blocks = nn.ModuleList()
                for _ in range(BLOCKS + 1):
                    blocks.append(Block(at + kept.pop(), width))
                    at = width
                self.up.append(blocks)
                if i + 1 < len(widths):
                    self.to_finer.append(nn.Conv2d(at, at, 3, padding=1))
            self.norm = norm(at)
            self.output = nn.Conv2d(at, 1, 3, padding=1)
            stages = [*self.down, self.middle, *self.up]
            self.sizes = [2 * block.outputs for blocks in stages for block in blocks]
            self.hidden = nn.Linear(2 * FREQUENCIES, HIDDEN)
            self.film = nn.Linear(HIDDEN, sum(self.sizes))

        def forward(self, x, waves):
            films = iter(self.film(functional.silu(self.hidden(waves))).split(self.sizes, 1))
            h = self.input(x)
            kept = [h]
            for i, blocks in enumerate(self.down):
                for block in blocks:
                    h = block(h, next(films))
                    kept.append(h)
                if i < len(self.to_coarser):
                    h = self.to_coarser[i](h)
                    kept.append(h)
            for block in self.middle:
                h = block(h, next(films))
            for i, blocks in enumerate(self.up):
                for block in blocks:
                    h = block(torch.cat([h, kept.pop()], 1), next(films))
                if i < len(self.to_finer):
                    h = functional.interpolate(h, size=kept[-1].shape[2:], mode="nearest")
                    h = self.to_finer[i](h)
            return self.output(functional.silu(self.norm(h)))

    net = UNet()
    return torch.compile(net) if compiled else net


def build(torch, row, kind):
    channels, n, batch = row
    net = network(torch, channels, kind == "compiled")
    fields = lambda: torch.randn(batch, 1, n, n)
    return net, (fields(), torch.randn(batch, 2 * FREQUENCIES)), fields()


if __name__ == "__main__":
    compare(__file__, __doc__.splitlines()[0], "channels, grid, batch", ROWS, KINDS, ["unet"], build)
