"""Codes from distances along the surface that rows lie on."""

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.csgraph import minimum_spanning_tree, shortest_path

NEIGHBORS = 8


def geodesic_codes(X, n_components):
    """Return codes (n_samples, n_components) whose distances are those along the rows.

    Classical scaling of the lengths of shortest paths between neighbours. A spanning
    tree joins what would otherwise fall apart. Codes are in the units of X, the widest
    first; those beyond the rank are zero.

    References
    ----------
    Tenenbaum, J. B., de Silva, V., and Langford, J. C. (2000). A global geometric
    framework for nonlinear dimensionality reduction. Science, 290(5500), 2319-2323.
    """
    n_rows = len(X)
    codes = np.zeros((n_rows, n_components))
    X = X - X.mean(axis=0)
    unit = np.abs(X).max(initial=0.0)
    if n_rows < 3 or unit == 0:
        return codes
    lengths = _path_lengths(X / unit)
    gram = -0.5 * lengths**2
    gram -= gram.mean(axis=0)
    gram -= gram.mean(axis=1, keepdims=True)
    n_axes = min(n_components, n_rows - 1)
    variance, vectors = linalg.eigh(gram, subset_by_index=(n_rows - n_axes, n_rows - 1))
    codes[:, :n_axes] = (vectors * np.sqrt(variance.clip(min=0)))[:, ::-1] * unit
    return codes


def _path_lengths(X):
    squares = np.einsum("ij,ij->i", X, X)
    distances = np.sqrt((squares[:, None] + squares - 2 * X @ X.T).clip(min=0))
    # Equal rows are neighbours too: a length of zero would be no edge.
    distances += 1e-6 * np.sqrt(squares.mean())
    np.fill_diagonal(distances, np.inf)
    n_neighbors = min(NEIGHBORS, len(X) - 1)
    nearest = np.argpartition(distances, n_neighbors - 1, axis=1)[:, :n_neighbors]
    nearest = nearest.ravel().astype(np.int32)  # older versions of scipy know no other
    rows = np.repeat(np.arange(len(X), dtype=np.int32), n_neighbors)
    edges = distances[rows, nearest], (rows, nearest)
    graph = sparse.csr_array(edges, shape=distances.shape)
    np.fill_diagonal(distances, 0.0)
    graph = graph.maximum(sparse.csr_array(minimum_spanning_tree(distances)))
    return shortest_path(graph, method="D", directed=False)
