"""Codes whose distances are those along the rows."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from skae.data._geodesics import geodesic_codes


def test_a_spiral_is_unrolled():
    """One code is the way along it, which no straight line is."""
    t = np.sort(np.random.default_rng(0).uniform(1, 4 * np.pi, 300))
    codes = geodesic_codes(np.column_stack([t * np.cos(t), t * np.sin(t)]), 1)
    assert abs(spearmanr(codes[:, 0], t).statistic) > 0.999


def test_distances_in_a_plane_are_the_distances():
    """In the units of the rows, whatever these are."""
    X = np.random.default_rng(0).uniform(size=(400, 2))
    for unit in (1.0, 1e6):
        codes = geodesic_codes(unit * X, 2)
        assert np.median(pdist(codes) / pdist(unit * X)) == pytest.approx(1, abs=0.1)


def test_clusters_far_apart_are_joined():
    """Rows without a way between them have a finite distance all the same."""
    X = np.random.default_rng(0).standard_normal((60, 3))
    X[30:] += 1e3
    codes = geodesic_codes(X, 2)
    assert np.isfinite(codes).all()
    assert abs(codes[:30, 0].mean() - codes[30:, 0].mean()) > 100


def test_equal_rows_have_nearly_equal_codes():
    """They are each other's neighbours, not strangers."""
    X = np.random.default_rng(0).standard_normal((50, 3))
    first, second = np.split(geodesic_codes(np.concatenate([X, X]), 2), 2)
    np.testing.assert_allclose(first, second, atol=1e-3)


@pytest.mark.parametrize("X", [np.ones((5, 3)), np.eye(2)], ids=["constant", "two"])
def test_without_a_surface_codes_are_zero(X):
    np.testing.assert_array_equal(geodesic_codes(X, 4), np.zeros((len(X), 4)))


def test_codes_beyond_the_rank_are_zero():
    """Five rows have four distances from their mean at most."""
    codes = geodesic_codes(np.random.default_rng(0).standard_normal((5, 8)), 7)
    assert codes.shape == (5, 7)
    assert not codes[:, 4:].any()
