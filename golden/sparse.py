"""Arrays and sparse matrices as NumPy and SciPy write them, for crates/formats/tests/peers.

python -m pip install numpy==2.4.6 scipy==1.17.1 && python golden/sparse.py
"""

import pathlib

import numpy as np
import scipy.sparse as sp

peers = pathlib.Path(__file__).parents[1] / "crates/formats/tests/peers"
matrix = sp.csr_matrix(np.array([[0, 2.5, 0, 0], [0, 0, 0, 0], [-1, 0, 0, 16777217]], float))
sp.save_npz(peers / "sparse.npz", matrix, compressed=False)
sp.save_npz(peers / "sparse-packed.npz", matrix)
sp.save_npz(peers / "sparse-columns.npz", matrix.tocsc())
np.savez(
    peers / "numbers.npz",
    order=np.asfortranarray(np.arange(1.0, 7.0).reshape(2, 3)),
    whole=np.array([2**53 - 1, -3]),
    holes=np.array([np.nan, 0.5, np.inf], np.float32),
    nothing=np.zeros((0, 3)),
)
np.save(peers / "claims.npy", np.arange(5.0))
