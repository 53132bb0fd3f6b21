"""The nested network of crate `net` in PyTorch: crates/net/src/nested.rs, layer by layer.

Written as such blocks are written in PyTorch: a depthwise convolution on the padded field, then norm
and perceptron with the channels last. The continuation at walls is the mirror image with the cell at
the wall repeated, which PyTorch pads by itself only for kernels of three cells.
"""

import math

import numpy
import torch
from torch import nn
from torch.nn import functional

FREQUENCIES, HIDDEN, EPSILON = 16, 64, 1e-6


def cosines(n):
    """The orthonormal modes of `n` cells between two walls, `[mode, cell]`."""
    k, j = numpy.arange(n)[:, None], numpy.arange(n)[None, :] + 0.5
    return numpy.sqrt(2.0 / n) * numpy.cos(math.pi * k * j / n) / numpy.where(k == 0, math.sqrt(2), 1)


def transfer(source, target):
    """The matrix from the points of one line to those of another, by the modes that both hold."""
    modes = min(source, target)
    matrix = cosines(target)[:modes].T @ cosines(source)[:modes] * math.sqrt(target / source)
    return torch.tensor(matrix, dtype=torch.float32)


def mapped(x, matrix):
    """One matrix along each axis of the points, `[batch, channel, *points]`."""
    for axis in range(2, x.dim()):
        x = torch.movedim(torch.matmul(torch.movedim(x, axis, -1), matrix.T), -1, axis)
    return x


def mirrored(x, half):
    """`half` cells more at each end of each axis, mirrored at the walls."""
    if half == 1:
        return functional.pad(x, (1, 1) * (x.dim() - 2), mode="replicate")
    for axis in range(x.dim() - 1, 1, -1):
        low = x.narrow(axis, 0, half).flip(axis)
        high = x.narrow(axis, x.shape[axis] - half, half).flip(axis)
        x = torch.cat([low, x, high], axis)
    return x


def pointwise(x, maps):
    """Maps of the channels of `[batch, channel, *points]`."""
    return torch.movedim(maps(torch.movedim(x, 1, -1)), -1, 1)


class Block(nn.Module):
    def __init__(self, dim, width, kernel, expansion):
        super().__init__()
        kind = nn.Conv2d if dim == 2 else nn.Conv3d
        self.half = kernel // 2
        self.local = kind(width, width, kernel, groups=width, bias=False)
        self.hidden = nn.Linear(width, expansion * width)
        self.output = nn.Linear(expansion * width, width)

    def forward(self, h, film):
        u = torch.movedim(self.local(mirrored(h, self.half)), 1, -1)
        n = functional.rms_norm(u, u.shape[-1:], eps=EPSILON)
        scale, shift = film.view(film.shape[0], *[1] * (h.dim() - 2), -1).chunk(2, -1)
        z = torch.addcmul(shift, n, 1 + scale)
        return h + torch.movedim(self.output(functional.gelu(self.hidden(z))), -1, 1)


class Stage(nn.Module):
    def __init__(self, dim, width, coarser, blocks, kernel, expansion, channels):
        super().__init__()
        self.before = blocks // 2
        self.stem = nn.Linear(channels + dim, width)
        self.blocks = nn.ModuleList(Block(dim, width, kernel, expansion) for _ in range(blocks))
        if coarser:
            self.send, self.raised = nn.Linear(width, coarser), nn.Linear(coarser, width)
        self.head = nn.Linear(width, expansion * width)
        self.output = nn.Linear(expansion * width, channels)
        self.time = nn.Linear(2 * FREQUENCIES, HIDDEN)
        self.film = nn.Linear(HIDDEN, blocks * 2 * width)


class Nested(nn.Module):
    """Lists have one number for each level, the coarsest first."""

    def __init__(self, levels, width, blocks, kernel, expansion=2, channels=1, last=False):
        super().__init__()
        dim = len(levels[0])
        self.layout = torch.contiguous_format
        if last:
            self.layout = torch.channels_last if dim == 2 else torch.channels_last_3d
        sizes = zip(width, [None, *width], blocks)
        self.stages = nn.ModuleList(Stage(dim, *size, kernel, expansion, channels) for size in sizes)
        for i, cells in enumerate(levels):
            axes = [(torch.arange(n) + 0.5) / n * 2 - 1 for n in cells]
            self.register_buffer(f"centres{i}", torch.stack(torch.meshgrid(*axes, indexing="ij"))[None])
            if i:
                self.register_buffer(f"restrict{i}", transfer(cells[0], levels[i - 1][0]))
                self.register_buffer(f"prolong{i}", transfer(levels[i - 1][0], cells[0]))
        self.register_buffer("omega", 0.16 * 1.4 ** torch.arange(FREQUENCIES, dtype=torch.float64))

    def forward(self, x, half_log_snr):
        angles = half_log_snr[:, None] * self.omega
        waves = torch.stack([angles.sin(), angles.cos()], -1).flatten(1).float()
        return self.answer(len(self.stages) - 1, x, None, waves)[1]

    def answer(self, level, x, sent, waves):
        stage = self.stages[level]
        film = stage.film(functional.silu(stage.time(waves)))
        films = film.chunk(len(stage.blocks), 1)
        centres = getattr(self, f"centres{level}").expand(x.shape[0], -1, *x.shape[2:])
        h = pointwise(torch.cat([x, centres], 1), stage.stem).contiguous(memory_format=self.layout)
        if sent is not None:
            h = h + sent
        for i in range(stage.before):
            h = stage.blocks[i](h, films[i])
        if level:
            restrict, prolong = getattr(self, f"restrict{level}"), getattr(self, f"prolong{level}")
            down = pointwise(mapped(h, restrict), stage.send)
            coarse, answer = self.answer(level - 1, mapped(x, restrict), down, waves)
            h = h + mapped(pointwise(coarse, stage.raised), prolong)
        for i in range(stage.before, len(stage.blocks)):
            h = stage.blocks[i](h, films[i])
        own = pointwise(h, lambda h: stage.output(functional.gelu(stage.head(h))))
        return h, own + mapped(answer, prolong) if level else own
