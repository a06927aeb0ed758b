"""
Letting a grid search choose the reducer
========================================

PCA and the autoencoder have the same interface, so a grid search can put either into
the same step of a pipeline. What counts here is the accuracy of the classifier at the
end.
"""

# %%
import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

pipeline = Pipeline(
    [
        ("reduce", PCA()),
        ("scale", StandardScaler()),
        ("classify", LogisticRegression(max_iter=1000)),
    ]
)
autoencoder = AutoencoderTransformer(max_iter=12, random_state=0)
grid = {
    "reduce": [PCA(), autoencoder],
    "reduce__n_components": [2, 4, 8],
}
search = GridSearchCV(pipeline, grid, cv=3).fit(X_train, y_train)

print("best:", search.best_params_)
print(f"accuracy on the test rows: {search.score(X_test, y_test):.3f}")

# %%
# All that the search has seen, as a table and as a figure.
results = pd.DataFrame(
    {
        "reducer": [type(r).__name__ for r in search.cv_results_["param_reduce"]],
        "n_components": search.cv_results_["param_reduce__n_components"].astype(int),
        "accuracy": search.cv_results_["mean_test_score"],
    }
)
table = results.pivot(index="n_components", columns="reducer", values="accuracy")
table = table[["PCA", "AutoencoderTransformer"]]
table.round(3)

# %%
figure, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
table.plot.bar(ax=ax, color=["tab:gray", "tab:blue"], rot=0)
for bars in ax.containers:
    ax.bar_label(bars, fmt="%.2f")
ax.set(
    ylabel="cross-validated accuracy",
    ylim=(0, 1.2),
    yticks=[0, 0.2, 0.4, 0.6, 0.8, 1],
    title="Logistic regression on the codes of digits",
)
ax.legend(loc="upper left", ncols=2, frameon=False)
plt.show()
