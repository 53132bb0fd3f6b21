"""Sensors of a solution as a matrix on its source: -div grad u = a in the unit square, u = 0 at the walls.

    python3 inverse_rows.py SOURCE.npy CELLS

Solves the equation for the first field of SOURCE (CELLS x CELLS), reads u at twelve cells, and writes what `known-u.toml`
names: the rows of the inverse operator at these cells (rows.npz) and the values (u.npy). NumPy and SciPy.
"""

import sys

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

source, n = np.load(sys.argv[1]), int(sys.argv[2])
# the 5-point stencil on cells, half a cell from the walls
one = sparse.diags([-np.ones(n - 1), 2 * np.ones(n), -np.ones(n - 1)], [-1, 0, 1], format="lil")
one[0, 0] = one[n - 1, n - 1] = 3
laplacian = sparse.csc_matrix(sparse.kron(one, sparse.eye(n)) + sparse.kron(sparse.eye(n), one)) * n * n
solver = splu(laplacian)

at = np.random.default_rng(0).permutation(n * n)[:12]
u = solver.solve(source.reshape(-1, n * n)[0].astype(float))[at]
units = np.zeros((n * n, len(at)))
units[at, np.arange(len(at))] = 1
# the operator is symmetric: a row of its inverse is a column of it
rows = solver.solve(units).T
sparse.save_npz("rows.npz", sparse.csr_matrix(rows))
np.save("u.npy", u)
print(f"{len(at)} values of u, {np.abs(u).max():.4f} at most")
