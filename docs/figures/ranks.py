"""A step of three processes: each reads its own rows, and all get the same gradient."""

import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle

COLORS = ("tab:blue", "tab:orange", "tab:green")

figure, ax = plt.subplots(figsize=(5.6, 4), layout="constrained")
ax.set(xlim=(0, 10), ylim=(0, 6))
ax.axis("off")
text = {"ha": "center", "va": "center", "fontsize": 11}
arrow = {"arrowstyle": "-|>", "linewidth": 1.5}
for rank, (y, color) in enumerate(zip((5, 3, 1), COLORS, strict=True)):
    ax.add_patch(Rectangle((0, y - 1), 1.3, 2, facecolor=color, alpha=0.3))
    ax.text(0.65, y, f"part {rank}\nof X", **text)
    ax.annotate("", (2.6, y), (1.3, y), arrowprops=arrow)
    ax.text(1.9, y + 0.3, "rows", **text)
    ax.add_patch(Rectangle((2.6, y - 0.7), 2.9, 1.4, facecolor="none", edgecolor=color))
    ax.text(4.05, y, f"rank {rank}\nthe same network", **text)
    ax.annotate("", (8, y + 0.2), (5.5, y + 0.2), arrowprops=arrow)
    ax.text(6.75, y + 0.5, "own gradient", **text)
    ax.annotate("", (5.5, y - 0.2), (8, y - 0.2), arrowprops=arrow)
    ax.text(6.75, y - 0.5, "mean of all", **text)
ax.add_patch(Rectangle((8, 0), 2, 6, facecolor="whitesmoke", edgecolor="grey"))
ax.text(9, 3, "sum over\nall ranks", **text)
