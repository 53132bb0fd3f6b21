"""
Are two materials the same?
===========================

No model is needed: two sets of pictures are compared, statistic by statistic. A distance of 1 floor is as far
apart as two sets of one material are by chance.
"""

import sys
from pathlib import Path

import numpy as np

import karhunen as kh

out = Path(sys.argv[1] if len(sys.argv) > 1 else "plots")
out.mkdir(parents=True, exist_ok=True)

# %%
# Two materials with nearly one covariance: one is Gaussian, the other has two phases.
law = kh.prior.Matern(length=0.08, smoothness=1.5)
one = law.sample(300, grid=(48, 48), seed=1)
other = np.sign(law.sample(150, grid=(48, 48), seed=2))

# %%
# And a second set of the first one.
again = law.sample(150, grid=(48, 48), seed=3)

for name, fields in (("again", again), ("other", other)):
    table = kh.evaluate(fields, one)
    print(name, "-", table.verdict)
    for statistic in table.rows[0].statistics[:3]:
        print(f"  {statistic.name}: {statistic.floors:.1f} floors")

kh.write(out / "two-materials.png", np.concatenate([one[:4], 2 * other[:4]]), overwrite=True)
(out / "two-materials.html").write_text(table._repr_html_(), encoding="utf-8")
