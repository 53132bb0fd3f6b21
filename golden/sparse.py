"""Arrays and sparse matrices as NumPy and SciPy write them, for crates/formats/tests/matrices.

python -m pip install numpy==2.4.6 scipy==1.17.1 && python golden/sparse.py
"""

import pathlib

import numpy as np
import scipy.sparse as sp

folder = pathlib.Path(__file__).parents[1] / "crates/formats/tests/matrices"
matrix = sp.csr_matrix(np.array([[0, 2.5, 0, 0], [0, 0, 0, 0], [-1, 0, 0, 16777217]], float))
sp.save_npz(folder / "sparse.npz", matrix, compressed=False)
sp.save_npz(folder / "sparse-packed.npz", matrix)
sp.save_npz(folder / "sparse-columns.npz", matrix.tocsc())
np.savez(
    folder / "numbers.npz",
    order=np.asfortranarray(np.arange(1.0, 7.0).reshape(2, 3)),
    whole=np.array([2**53 - 1, -3]),
    holes=np.array([np.nan, 0.5, np.inf], np.float32),
    nothing=np.zeros((0, 3)),
)
np.save(folder / "claims.npy", np.arange(5.0))
