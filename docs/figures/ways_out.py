"""Three files that a fitted estimator can be written to, and who reads them."""

import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle

WAYS = {
    "save": (
        "tab:blue",
        ".safetensors\nnumbers, JSON",
        "skae.load\nthe estimator again,\nsafe from anybody",
    ),
    "to_onnx": (
        "tab:green",
        ".onnx\none method",
        "onnxruntime\nneeds neither skae\nnor torch nor Python",
    ),
    "pickle": (
        "tab:red",
        ".pkl\nmay hold any code",
        "pickle.load\nin the same versions,\nif you trust the file",
    ),
}

figure, ax = plt.subplots(figsize=(5.6, 4), layout="constrained")
ax.set(xlim=(0, 10), ylim=(0, 6))
ax.axis("off")
text = {"ha": "center", "va": "center", "fontsize": 11}
ax.add_patch(Rectangle((0, 0.2), 1.5, 5.6, facecolor="whitesmoke", edgecolor="grey"))
ax.text(0.75, 3, "fitted\nestimator\nor\nPipeline", **text)
for y, (how, (color, file, reader)) in zip((5, 3, 1), WAYS.items(), strict=True):
    arrow = {"arrowstyle": "-|>", "color": color, "linewidth": 1.5}
    ax.annotate("", (3, y), (1.5, y), arrowprops=arrow)
    ax.annotate("", (6.8, y), (5.8, y), arrowprops=arrow)
    ax.text(2.2, y + 0.2, how, ha="center", color=color, fontsize=11)
    ax.add_patch(Rectangle((3, y - 0.7), 2.8, 1.4, facecolor="none", edgecolor=color))
    ax.text(4.4, y, file, **text)
    ax.text(8.4, y, reader, **text)
