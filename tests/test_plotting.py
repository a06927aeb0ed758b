"""Displays: what they draw, where, and what they refuse."""

import sys
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.testing.compare import compare_images
from matplotlib.text import Text
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.fixes import parse_version

from skae import (
    AutoencoderClassifier,
    AutoencoderRegressor,
    AutoencoderTransformer,
    DenoisingAutoencoder,
    MarginalizedDenoisingAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
    plotting,
)
from skae.architectures import Conv1d, Conv2d
from skae.comparison import ReducerComparison
from skae.plotting import (
    CodesDisplay,
    ComponentsDisplay,
    ErrorDisplay,
    LossCurveDisplay,
    ReconstructionDisplay,
    TraversalDisplay,
)
from skae.plotting._images import mosaic, resolve_kind

from .tables import make_digits

BASELINE = Path(__file__).parent / "baseline"
BRIEF = {"max_iter": 2, "init": "pca", "random_state": 0}
DIGITS = make_digits(200)
IRIS, SPECIES = load_iris(return_X_y=True, as_frame=True)
ROUND_TRIP = (ReconstructionDisplay, TraversalDisplay, ErrorDisplay)
DISPLAYS = [getattr(plotting, name) for name in plotting.__all__]


class Detector(BaseEstimator):
    """Keeps an autoencoder, as an outlier detector does, and a threshold."""

    def __init__(self, autoencoder, quantile=0.1):
        self.autoencoder = autoencoder
        self.quantile = quantile

    def fit(self, X, y=None):
        """Fit the autoencoder."""
        self.autoencoder_ = clone(self.autoencoder).fit(X)
        self.offset_ = np.quantile(self.score_samples(X), self.quantile)
        return self

    def score_samples(self, X):
        """Score rows as the autoencoder does."""
        return self.autoencoder_.score_samples(X)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def autoencoder():
    return AutoencoderTransformer(3, **BRIEF).fit(DIGITS)


@pytest.fixture(scope="module")
def denoiser():
    return DenoisingAutoencoder(4, noise="masking", **BRIEF).fit(DIGITS)


@pytest.fixture(scope="module")
def variational():
    return VariationalAutoencoder(2, **BRIEF).fit(DIGITS)


@pytest.fixture(scope="module")
def pipeline():
    return make_pipeline(StandardScaler(), AutoencoderTransformer(2, **BRIEF)).fit(IRIS)


@pytest.fixture(scope="module")
def classifier():
    estimator = AutoencoderClassifier(
        AutoencoderTransformer(2, **BRIEF), max_iter=2, random_state=0
    )
    return estimator.fit(IRIS, SPECIES)


# -- conventions


@pytest.mark.parametrize("display", DISPLAYS)
def test_from_estimator_needs_estimator_and_rows_alone(display, autoencoder):
    """It draws on a figure of its own and returns the display."""
    drawn = display.from_estimator(autoencoder, DIGITS)
    assert isinstance(drawn, display)
    assert drawn.ax_.figure is drawn.figure_
    drawn.figure_.canvas.draw()
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize("display", DISPLAYS)
def test_plot_draws_again_on_another_figure(display, autoencoder):
    """A display holds data; drawing leaves it as it is."""
    drawn = display.from_estimator(autoencoder, DIGITS)
    first = drawn.figure_
    assert drawn.plot() is drawn
    assert drawn.figure_ is not first


@pytest.mark.parametrize("display", DISPLAYS)
def test_given_axes_are_drawn_in_or_divided(display, autoencoder):
    """No other figure is made, and what is beside the axes stays."""
    figure, (left, right) = plt.subplots(1, 2, layout="constrained")
    drawn = display.from_estimator(autoencoder, DIGITS, ax=left)
    assert drawn.figure_ is figure
    assert plt.get_fignums() == [figure.number]
    assert not right.has_data()
    figure.canvas.draw()
    assert drawn.ax_.get_position().x1 < right.get_position().x0


def test_axes_outside_of_a_grid_cannot_be_divided(autoencoder):
    """The error says which axes can be."""
    ax = plt.figure().add_axes((0.1, 0.1, 0.8, 0.8))
    assert CodesDisplay.from_estimator(autoencoder, DIGITS, ax=ax).ax_ is ax
    with pytest.raises(ValueError, match=r"ax has no place .* 1 x 2 .*plt\.subplots"):
        ErrorDisplay.from_estimator(autoencoder, DIGITS, ax=ax)


@pytest.mark.parametrize("display", DISPLAYS)
def test_without_matplotlib_the_error_names_the_extra(
    display, autoencoder, monkeypatch
):
    """Before anything is computed, and when a display is drawn."""
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    pattern = rf'{display.__name__}\..* needs matplotlib: pip install "skae\[plot\]"'
    with pytest.raises(ImportError, match=pattern):
        display.from_estimator(autoencoder, None)
    with pytest.raises(ImportError, match=pattern):
        display.__new__(display).plot()


@pytest.mark.parametrize("display", DISPLAYS)
def test_unfitted_estimators_are_refused(display):
    """As everywhere in scikit-learn."""
    with pytest.raises(NotFittedError):
        display.from_estimator(AutoencoderTransformer(), DIGITS)


@pytest.mark.parametrize("display", ROUND_TRIP)
def test_reducers_without_a_way_back_are_refused(display, classifier):
    """The error says what would do."""
    pipeline = make_pipeline(PCA(2), LogisticRegression()).fit(IRIS, SPECIES)
    with pytest.raises(TypeError, match=r"LogisticRegression has no .*pipeline\[:-1\]"):
        display.from_estimator(pipeline, IRIS)
    lost = make_pipeline(_OneWay(), PCA(2)).fit(IRIS)
    with pytest.raises(TypeError, match="_OneWay, in front of PCA, has no inverse"):
        display.from_estimator(lost, IRIS)
    display.from_estimator(classifier, IRIS)  # its autoencoder_ has one


class _OneWay(BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.asarray(X)

    def __sklearn_is_fitted__(self):
        return True


@pytest.mark.parametrize("display", [CodesDisplay, *ROUND_TRIP])
def test_searches_and_dataframes_out_of_steps_are_read(display):
    """What set_output makes of codes does not matter."""
    pipeline = make_pipeline(StandardScaler(), PCA()).set_output(transform="pandas")
    search = GridSearchCV(pipeline, {"pca__n_components": [1, 2]}).fit(IRIS)
    display.from_estimator(search, IRIS).figure_.canvas.draw()


# -- what a row is


@pytest.mark.parametrize(
    ("n_columns", "names", "expected"),
    [
        (64, None, ("image", (8, 8))),
        (784, ["a"], ("image", (28, 28))),
        (16, None, ("table", None)),
        (4, ["a"], ("table", None)),
        (30, ["a"], ("table", None)),
        (96, None, ("series", None)),
    ],
)
def test_kind_follows_from_the_columns(n_columns, names, expected):
    """Squares from 64 columns on are images; names or few columns make a table."""
    assert resolve_kind(n_columns, names, None, "auto", None) == expected


def test_architectures_know_what_a_row_is():
    """Convolutions were told, unless something in front changed the columns."""
    image = Conv2d((1, 6, 10))
    assert resolve_kind(60, None, image, "auto", None) == ("image", (6, 10))
    assert resolve_kind(60, None, Conv2d((6, 10)), "auto", None)[1] == (6, 10)
    assert resolve_kind(61, None, image, "auto", None) == ("series", None)
    assert resolve_kind(12, None, Conv1d(), "auto", None) == ("series", None)


def test_users_say_what_a_row_is():
    """`image_shape` and `kind` go before any guess."""
    assert resolve_kind(60, None, None, "auto", (6, 10)) == ("image", (6, 10))
    assert resolve_kind(60, ["a"], None, "auto", [4, 5, 3]) == ("image", (4, 5, 3))
    assert resolve_kind(64, None, None, "auto", (8, 8, 1)) == ("image", (8, 8))
    assert resolve_kind(64, None, None, "series", None) == ("series", None)
    assert resolve_kind(16, None, None, "image", (4, 4)) == ("image", (4, 4))


@pytest.mark.parametrize("shape", [(8, 9), (64,), (2, 2, 2, 8), (4, 4, 4), (-8, -8), 8])
def test_image_shapes_that_do_not_fit_are_refused(shape):
    """The error names the columns and what would do."""
    with pytest.raises(ValueError, match=r"image_shape=.* 64 columns"):
        resolve_kind(64, None, None, "auto", shape)


def test_kinds_that_do_not_fit_are_refused():
    """Each error names the parameter."""
    with pytest.raises(ValueError, match="kind='picture' should be one of"):
        resolve_kind(64, None, None, "picture", None)
    with pytest.raises(ValueError, match="60 columns are no square"):
        resolve_kind(60, None, None, "image", None)
    with pytest.raises(ValueError, match="image_shape=.* of no use"):
        resolve_kind(64, None, None, "table", (8, 8))


def test_mosaics_have_images_in_their_places():
    """Gaps between them are empty."""
    X = np.arange(2 * 3 * 6.0).reshape(2, 3, 6)
    picture = mosaic(X, (2, 3))
    assert picture.shape == (2 * 3 - 1, 3 * 4 - 1)
    np.testing.assert_array_equal(picture[3:, 8:], X[1, 2].reshape(2, 3))
    assert np.isnan(picture[2]).all()
    assert np.isnan(picture[:, [3, 7]]).all()


def test_mosaics_of_colours_have_transparent_gaps():
    """Channels come last, and the limits are black and full colour."""
    X = np.linspace(0, 255, 24).reshape(1, 2, 12)
    picture = mosaic(X, (2, 2, 3), limits=(0, 255))
    assert picture.shape == (2, 5, 4)
    np.testing.assert_allclose(picture[:, 3:, :3], X[0, 1].reshape(2, 2, 3) / 255)
    np.testing.assert_array_equal(picture[..., 3], [[1, 1, 0, 1, 1]] * 2)


# -- ReconstructionDisplay


def test_reconstructions_are_those_of_evenly_spaced_rows(autoencoder):
    """From the first row to the last."""
    display = ReconstructionDisplay.from_estimator(autoencoder, DIGITS, n_rows=3)
    rows = DIGITS[[0, 99, 199]]
    np.testing.assert_array_equal(display.X, rows)
    np.testing.assert_allclose(display.X_hat, autoencoder.reconstruct(rows))
    assert display.row_names == ["row 0", "row 99", "row 199"]
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels == ["original", "reconstruction"]
    (image,) = display.ax_.get_images()
    np.testing.assert_allclose(image.get_array()[:8, 18:], rows[2].reshape(8, 8))
    assert image.get_clim() == (rows.min(), rows.max())
    assert len(ReconstructionDisplay.from_estimator(autoencoder, DIGITS[:4]).X) == 4


def test_reconstructions_of_pipelines_are_in_the_units_of_the_rows(pipeline):
    """Through the inverse of every step."""
    display = ReconstructionDisplay.from_estimator(pipeline, IRIS)
    rows = IRIS.iloc[[0, 37, 74, 111, 149]]
    expected = pipeline.inverse_transform(pipeline.transform(rows))
    np.testing.assert_allclose(display.X_hat, expected)


def test_denoisers_are_shown_noisy_rows(denoiser):
    """What is reconstructed then is the noisy row, with the same noise every time."""
    display = ReconstructionDisplay.from_estimator(denoiser, DIGITS)
    expected = denoiser.corrupt(display.X, random_state=0)
    np.testing.assert_array_equal(display.X_corrupted, expected)
    np.testing.assert_allclose(display.X_hat, denoiser.reconstruct(expected))
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels == ["original", "corrupted", "reconstruction"]


def test_denoisers_behind_a_scaler_get_their_noise_in_its_units(denoiser):
    """Cells that the noise leaves alone stay as they are."""
    pipeline = make_pipeline(FunctionTransformer(np.sqrt, np.square), clone(denoiser))
    display = ReconstructionDisplay.from_estimator(pipeline.fit(DIGITS), DIGITS)
    noisy = display.X_corrupted
    assert np.isclose(noisy, display.X).mean() > 0.7
    assert (np.isclose(noisy, display.X) | np.isclose(noisy, 0)).all()
    np.testing.assert_allclose(
        display.X_hat, np.square(pipeline[-1].reconstruct(np.sqrt(noisy)))
    )


def test_rows_of_ones_own_noise_are_reconstructed(autoencoder):
    """Beside the rows that they were made of."""
    noisy = DIGITS + 1
    display = ReconstructionDisplay.from_estimator(
        autoencoder, DIGITS, X_corrupted=noisy, n_rows=2
    )
    np.testing.assert_array_equal(display.X_corrupted, noisy[[0, 199]])
    np.testing.assert_allclose(display.X_hat, autoencoder.reconstruct(noisy[[0, 199]]))


def test_series_are_lines(autoencoder):
    """One axes for each row, the original below the reconstruction."""
    display = ReconstructionDisplay.from_estimator(
        autoencoder, DIGITS, kind="series", n_rows=3
    )
    assert [ax.get_title("left") for ax in display.axes_] == display.row_names
    for i, ax in enumerate(display.axes_):
        original, reconstruction = ax.get_lines()
        np.testing.assert_array_equal(original.get_ydata(), display.X[i])
        np.testing.assert_array_equal(reconstruction.get_ydata(), display.X_hat[i])


def test_tables_are_points_in_standard_deviations(pipeline):
    """One axes for each row, with the names of the columns."""
    display = ReconstructionDisplay.from_estimator(pipeline, IRIS)
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels == list(IRIS.columns)
    scaled = StandardScaler().fit_transform(IRIS)
    original = display.axes_[1].get_lines()[0]
    np.testing.assert_allclose(original.get_xdata(), scaled[37])


def test_wide_tables_show_the_worst_columns():
    """In the order of the table; a constant column is none of them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3, 30))
    X_hat = X + np.where(np.arange(30) % 3 == 0, 0.0, 1.0)
    X[:, 1] = X_hat[:, 1] = 5.0
    display = ReconstructionDisplay(X, X_hat, kind="table").plot()
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    wrong = [j for j in range(30) if j % 3 and j != 1]
    assert set(labels) > {f"column {j}" for j in wrong}
    assert len(labels) == 20
    assert labels == sorted(labels, key=lambda name: int(name.split()[1]))


def test_number_of_rows_is_checked(autoencoder):
    """Zero rows are no picture."""
    with pytest.raises(ValueError, match="n_rows=0 should be 1 or more"):
        ReconstructionDisplay.from_estimator(autoencoder, DIGITS, n_rows=0)


# -- CodesDisplay


def drawn_points(ax):
    (points,) = ax.collections
    return points


def test_codes_are_points(autoencoder):
    """All of them, in any order; components count from one on the axes."""
    Z = autoencoder.transform(DIGITS)
    y = np.arange(len(Z)) % 3
    display = CodesDisplay.from_estimator(autoencoder, DIGITS, y, components=(0, 2))
    points = drawn_points(display.ax_)
    drawn = np.column_stack([points.get_offsets(), points.get_facecolors()])
    colours = np.array([to_rgba(plotting._axes.COLORS[k]) for k in y])
    expected = np.column_stack([Z[:, [0, 2]], colours])
    expected[:, -1] = points.get_alpha()
    order = np.lexsort(drawn[:, :2].T), np.lexsort(expected[:, :2].T)
    np.testing.assert_allclose(drawn[order[0]], expected[order[1]])
    assert display.ax_.get_xlabel() == "component 1"
    assert display.ax_.get_ylabel() == "component 3"
    assert legend_names(display.ax_) == ["0", "1", "2"]


def to_rgba(color):
    from matplotlib.colors import to_rgba

    return to_rgba(color)


def legend_names(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_without_y_codes_are_coloured_by_the_error(autoencoder):
    """The mean square per cell, as the reducer sees the row, with a colour bar."""
    display = CodesDisplay.from_estimator(autoencoder, DIGITS)
    expected = ((autoencoder.reconstruct(DIGITS) - DIGITS) ** 2).mean(axis=1)
    np.testing.assert_allclose(display.y, expected)
    points = drawn_points(display.ax_)
    np.testing.assert_allclose(np.sort(points.get_array()), np.sort(expected))
    _, bar = display.figure_.axes
    assert bar.get_ylabel() == "mean squared error of the row"


def test_without_a_way_back_codes_have_one_colour(classifier):
    """There is no error to colour by."""
    display = CodesDisplay.from_estimator(classifier, IRIS)
    assert display.y is None
    assert len(np.unique(drawn_points(display.ax_).get_facecolors(), axis=0)) == 1
    assert display.ax_.get_legend() is None


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (np.repeat(["b", "a"], 100), ["a", "b"]),
        (np.repeat([True, False], 100), ["False", "True"]),
        (np.repeat([1.0, np.nan], 100), ["1", "missing"]),
        (pd.Series(["a", None] * 100, name="kind"), ["a", "missing"]),
        (pd.Categorical(["a", "b"] * 100), ["a", "b"]),
        (
            np.repeat(np.arange(12), [10] * 4 + [20] * 8),
            [*"23456789", "10", "11"][1:] + ["others"],
        ),
    ],
)
def test_classes_have_a_legend(autoencoder, y, expected):
    """In their order; the rare ones beyond ten and missing ones are grey."""
    display = CodesDisplay.from_estimator(autoencoder, DIGITS, y)
    names = legend_names(display.ax_)
    if "others" in expected:
        assert len(names) == 10
        assert names[-1] == "others"
        assert set(names[:-1]) <= {str(k) for k in range(3, 12)} | {"0", "1", "2"}
    else:
        assert names == expected
    title = display.ax_.get_legend().get_title().get_text()
    assert title == (getattr(y, "name", None) or "")


@pytest.mark.parametrize("y", [np.arange(200), np.linspace(0, 1, 200)])
def test_numbers_have_a_colour_bar(autoencoder, y):
    """More than twenty different ones, or any that are not whole."""
    display = CodesDisplay.from_estimator(autoencoder, DIGITS, y, label="age")
    assert len(display.figure_.axes) == 2
    assert display.figure_.axes[1].get_ylabel() == "age"
    assert drawn_points(display.ax_).get_clim() == pytest.approx(
        tuple(np.percentile(y, [1, 99]))
    )


def test_many_rows_stay_legible():
    """Points get smaller and paler, and a vector file keeps them as pixels."""
    rng = np.random.default_rng(0)
    few, many = (
        drawn_points(CodesDisplay(rng.normal(size=(n, 2))).plot().ax_)
        for n in (150, 60_000)
    )
    assert len(many.get_offsets()) == 60_000
    assert many.get_sizes()[0] < few.get_sizes()[0] / 10
    assert many.get_alpha() < few.get_alpha() / 2
    assert many.get_rasterized()
    assert not few.get_rasterized()


def test_three_components_make_a_plot_for_every_pair(autoencoder):
    """In the lower left; the legend has the upper right."""
    display = CodesDisplay.from_estimator(
        autoencoder, DIGITS, np.arange(200) % 2, components=(0, 1, 2)
    )
    assert display.axes_.shape == (2, 2)
    Z = autoencoder.transform(DIGITS)
    for (row, column), pair in {(0, 0): (0, 1), (1, 0): (0, 2), (1, 1): (1, 2)}.items():
        offsets = drawn_points(display.axes_[row, column]).get_offsets()
        np.testing.assert_allclose(np.sort(offsets, 0), np.sort(Z[:, pair], 0))
    assert legend_names(display.axes_[0, 1]) == ["0", "1"]
    assert not display.axes_[0, 1].collections


def test_one_component_is_drawn_over_what_colours_it(autoencoder):
    """Classes as histograms, numbers as points over them."""
    y = np.arange(200) % 2
    options = {"components": (1,)}
    display = CodesDisplay.from_estimator(autoencoder, DIGITS, y, **options)
    assert display.ax_.get_xlabel() == "component 2"
    assert legend_names(display.ax_) == ["0", "1"]
    display = CodesDisplay.from_estimator(autoencoder, DIGITS, **options)
    offsets = drawn_points(display.ax_).get_offsets()
    np.testing.assert_allclose(offsets[:, 1], display.y)
    alone = CodesDisplay(np.arange(9.0)[:, None], components=(0,)).plot()
    assert alone.ax_.get_legend() is None


def test_codes_refuse_components_and_colours_that_do_not_fit(autoencoder):
    """Each error says how many there are."""
    for components in [(0, 3), (), (-1,)]:
        with pytest.raises(ValueError, match="of the 3 components, from 0 to 2"):
            CodesDisplay.from_estimator(autoencoder, DIGITS, components=components)
    with pytest.raises(ValueError, match="y has 3 values for 200 rows"):
        CodesDisplay.from_estimator(autoencoder, DIGITS, [1, 2, 3])


# -- TraversalDisplay


def test_one_code_varies_while_the_others_are_at_their_means(autoencoder):
    """Between percentiles of the codes of X, in equal steps."""
    Z = autoencoder.transform(DIGITS)
    display = TraversalDisplay.from_estimator(autoencoder, DIGITS, n_steps=5)
    assert display.codes.shape == (3, 5, 3)
    for line in range(3):
        others = np.delete(display.codes[line], line, axis=1)
        np.testing.assert_allclose(others, np.delete(Z.mean(axis=0), line) + 0 * others)
        expected = np.linspace(*np.percentile(Z[:, line], [2.5, 97.5]), 5)
        np.testing.assert_allclose(display.codes[line, :, line], expected)
    np.testing.assert_allclose(
        display.X_hat[1], autoencoder.inverse_transform(display.codes[1])
    )
    (image,) = display.ax_.get_images()
    np.testing.assert_allclose(
        image.get_array()[9:17, 18:26], display.X_hat[1, 2].reshape(8, 8)
    )


def test_two_components_of_a_variational_autoencoder_make_a_grid(variational):
    """At equal steps of the prior's probability, the second code rising upwards."""
    display = TraversalDisplay.from_estimator(variational, DIGITS, n_steps=3)
    steps = [-0.9674, 0, 0.9674]
    np.testing.assert_allclose(display.codes[0, :, 0], steps, atol=1e-4)
    np.testing.assert_allclose(display.codes[:, 0, 1], steps[::-1], atol=1e-4)
    assert display.components is None
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels == ["0.967", "0", "\N{MINUS SIGN}0.967"]
    lines = TraversalDisplay.from_estimator(variational, DIGITS, components=[1])
    assert lines.codes.shape == (1, 9, 2)
    with pytest.raises(ValueError, match="grid can be drawn of images only"):
        TraversalDisplay(display.codes, display.X_hat, kind="series").plot()


def test_traversals_of_series_are_lines(autoencoder):
    """One axes for each component, one line for each step."""
    display = TraversalDisplay.from_estimator(autoencoder, DIGITS, kind="series")
    assert len(display.axes_) == 3
    for line, ax in enumerate(display.axes_):
        drawn = [row.get_ydata() for row in ax.get_lines()]
        np.testing.assert_array_equal(drawn, display.X_hat[line])
        assert ax.get_title("left").startswith(f"component {line + 1}: ")


def test_traversals_of_tables_are_colours(pipeline):
    """In standard deviations of each column, of rows in the units of X."""
    display = TraversalDisplay.from_estimator(pipeline, IRIS)
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels == list(IRIS.columns)
    (mesh,) = display.axes_[1].collections
    expected = (display.X_hat[1] - IRIS.mean().values) / IRIS.std(ddof=0).values
    np.testing.assert_allclose(mesh.get_array().reshape(4, 9), expected.T)
    lowest, highest = mesh.get_clim()
    assert lowest == -highest


def test_traversals_of_many_components_show_ten():
    """And say so."""
    X = np.random.default_rng(0).normal(size=(50, 64))
    display = TraversalDisplay.from_estimator(PCA(12).fit(X), X)
    assert display.components == tuple(range(10))
    assert display.ax_.get_xlabel().startswith("10 of 12 components")


def test_traversals_refuse_what_does_not_fit(autoencoder):
    """Each error names the parameter."""
    with pytest.raises(ValueError, match=r"components=\(3,\) should name"):
        TraversalDisplay.from_estimator(autoencoder, DIGITS, components=[3])
    with pytest.raises(ValueError, match="n_steps=1 should be 2 or more"):
        TraversalDisplay.from_estimator(autoencoder, DIGITS, n_steps=1)


# -- LossCurveDisplay


def lines_of(ax):
    return {line.get_label(): np.asarray(line.get_ydata()) for line in ax.get_lines()}


def test_losses_are_drawn_beside_the_error_of_pca():
    """Both errors are of rows not trained on, and in the units of the loss."""
    X = make_digits()
    autoencoder = AutoencoderTransformer(4, **BRIEF).fit(X)
    pipeline = make_pipeline(FunctionTransformer(), autoencoder)
    display = LossCurveDisplay.from_estimator(pipeline)
    drawn = lines_of(display.ax_)
    assert list(drawn["training"]) == autoencoder.loss_curve_
    assert list(drawn["held-out rows"]) == autoencoder.validation_loss_curve_
    assert set(drawn["PCA, held-out rows"]) == {autoencoder.pca_reconstruction_error_}
    assert set(drawn["the result, held-out rows"]) == {
        autoencoder.reconstruction_error_
    }
    assert display.ax_.get_ylabel() == "mean squared error per cell"
    assert list(display.ax_.get_lines()[0].get_xdata()) == [1, 2]


def test_errors_of_training_rows_are_called_so(autoencoder):
    """Without rows that judge there is no validation loss either."""
    blind = clone(autoencoder).set_params(early_stopping=False).fit(DIGITS)
    drawn = lines_of(LossCurveDisplay.from_estimator(blind).ax_)
    assert list(drawn) == [
        "training",
        "PCA, training rows",
        "the result, training rows",
    ]


@pytest.mark.parametrize(
    ("estimator", "unit"),
    [
        (AutoencoderTransformer(loss="huber", **BRIEF), "Huber loss per cell"),
        (
            AutoencoderTransformer(loss="binary_cross_entropy", **BRIEF),
            "binary cross-entropy per cell",
        ),
        (VariationalAutoencoder(**BRIEF), "loss (nats per row)"),
        (
            AutoencoderTransformer(loss=lambda X_hat, X: (X_hat - X).abs(), **BRIEF),
            "loss",
        ),
    ],
)
def test_losses_in_other_units_have_no_line_of_pca(estimator, unit):
    """A squared error says nothing beside them."""
    display = LossCurveDisplay.from_estimator(estimator.fit(DIGITS / 16))
    assert display.errors is None
    assert display.ax_.get_ylabel() == unit
    assert set(lines_of(display.ax_)) <= {"training", "held-out rows"}


def test_losses_with_noise_or_penalty_say_so():
    """The curve without noise is the one to compare with PCA."""
    X = make_digits()
    denoiser = DenoisingAutoencoder(4, **BRIEF).fit(X)
    display = LossCurveDisplay.from_estimator(denoiser)
    drawn = lines_of(display.ax_)["held-out rows without noise"]
    assert list(drawn) == denoiser.clean_validation_loss_curve_
    assert display.ax_.get_ylabel().endswith(", of noisy rows")
    sparse = SparseAutoencoder(8, **BRIEF).fit(X)
    assert LossCurveDisplay.from_estimator(sparse).loss_name.endswith(" and penalty")


def test_losses_of_a_classifier_have_two_axes(classifier):
    """Its held-out loss is another one than that of the training."""
    display = LossCurveDisplay.from_estimator(classifier)
    left, right = display.axes_
    assert list(lines_of(left)) == ["training"]
    assert right.get_ylabel() == "Brier score, held-out rows"
    (line,) = right.get_lines()
    assert line.get_xdata()[0] == 0
    assert list(line.get_ydata()) == classifier.validation_loss_curve_
    X, y = load_diabetes(return_X_y=True)
    regressor = AutoencoderRegressor(
        AutoencoderTransformer(2, **BRIEF), max_iter=2, random_state=0
    ).fit(X, y)
    display = LossCurveDisplay.from_estimator(regressor)
    assert display.validation_loss_name == "half squared error"


def test_losses_of_streams_are_of_chunks(autoencoder):
    """And one epoch is a point: a line would not be seen."""
    stream = clone(autoencoder).partial_fit(DIGITS).partial_fit(DIGITS)
    display = LossCurveDisplay.from_estimator(stream)
    assert display.ax_.get_xlabel() == "chunk"
    linear = AutoencoderTransformer(2, hidden_layer_sizes=(), **BRIEF)
    linear.set_params(activation="identity").fit(DIGITS)
    line = LossCurveDisplay.from_estimator(linear).ax_.get_lines()[0]
    assert len(linear.loss_curve_) == 1
    assert line.get_marker() == "o"


def test_losses_of_a_detector_are_those_of_its_autoencoder(autoencoder):
    """That is what was trained."""
    detector = Detector(autoencoder).fit(DIGITS)
    display = LossCurveDisplay.from_estimator(detector)
    assert display.loss_curve == detector.autoencoder_.loss_curve_


def test_closed_forms_have_no_loss_to_draw():
    """The error says why."""
    estimator = MarginalizedDenoisingAutoencoder(1).fit(DIGITS)
    with pytest.raises(TypeError, match="MarginalizedDenoisingAutoencoder has no loss"):
        LossCurveDisplay.from_estimator(estimator)


# -- ComponentsDisplay


def drawn_scores(ax):
    return {
        container.get_label(): container.lines[0].get_xydata()
        for container in ax.containers
    }


def test_components_are_summed_beside_pca(pipeline):
    """PCA is fitted to the rows as the last step takes them."""
    display = ComponentsDisplay.from_estimator(pipeline, IRIS)
    drawn = drawn_scores(display.ax_)
    ratios = pipeline[-1].explained_variance_ratio_
    expected = np.column_stack([[1, 2], np.cumsum(ratios)])
    np.testing.assert_allclose(drawn["AutoencoderTransformer"], expected)
    pca = PCA(2).fit(StandardScaler().fit_transform(IRIS))
    expected = np.cumsum(pca.explained_variance_ratio_)
    np.testing.assert_allclose(drawn["PCA"][:, 1], expected)
    assert display.ax_.get_ylabel() == "R$^2$ on training rows"
    assert list(drawn_scores(ComponentsDisplay.from_estimator(pipeline).ax_)) == [
        "AutoencoderTransformer"
    ]
    pca = ComponentsDisplay.from_estimator(pca, IRIS)
    assert list(drawn_scores(pca.ax_)) == ["PCA"]


def test_components_of_more_codes_than_columns_are_drawn():
    """PCA then has as many as there are columns."""
    estimator = MarginalizedDenoisingAutoencoder(1, concatenate=True).fit(IRIS)
    display = ComponentsDisplay.from_estimator(estimator, IRIS)
    drawn = drawn_scores(display.ax_)
    assert len(drawn["PCA"]) == 4
    assert len(drawn["MarginalizedDenoisingAutoencoder"]) == 8


def test_components_of_a_comparison_have_error_bars():
    """One standard deviation over the folds, over sizes that rise."""
    results = pd.DataFrame(
        {
            "reducer": ["A", "A", "A", "A", "PCA", "PCA", "PCA", "PCA"],
            "n_components": [4, 4, 2, 2] * 2,
            "fold": [0, 1] * 4,
            "n_train": 10,
            "n_test": 5,
            "r2": [0.8, 0.9, 0.4, 0.6, 0.7, 0.8, 0.3, 0.5],
            "fit_time": 0.0,
        }
    )
    display = ComponentsDisplay.from_comparison(ReducerComparison(results))
    drawn = drawn_scores(display.ax_)
    np.testing.assert_allclose(drawn["A"], [[2, 0.5], [4, 0.85]])
    np.testing.assert_allclose(drawn["PCA"], [[2, 0.4], [4, 0.75]])
    (bars,) = display.ax_.containers[0].lines[2]
    low, high = bars.get_segments()[0][:, 1]
    assert high - low == pytest.approx(2 * np.std([0.4, 0.6], ddof=1))
    assert display.ax_.get_ylabel() == "R$^2$ on held-out rows"


def test_components_that_explain_nothing_are_refused():
    """The error says what would do."""
    with pytest.raises(TypeError, match="FactorAnalysis has no .*compare_reducers"):
        ComponentsDisplay.from_estimator(FactorAnalysis(1).fit(IRIS), IRIS)


# -- ErrorDisplay


def test_errors_of_tables_are_shares_of_the_variance(pipeline):
    """The largest first, by name; a row's is the mean over the columns."""
    display = ErrorDisplay.from_estimator(pipeline, IRIS)
    X_hat = pipeline.inverse_transform(pipeline.transform(IRIS))
    cells = (X_hat - IRIS.values) ** 2 / IRIS.var(ddof=0).values
    np.testing.assert_allclose(display.column_errors, cells.mean(axis=0))
    np.testing.assert_allclose(display.row_errors, cells.mean(axis=1))
    columns, rows = display.axes_.flat
    widths = [bar.get_width() for bar in columns.patches]
    np.testing.assert_allclose(widths, np.sort(display.column_errors)[::-1])
    labels = [label.get_text() for label in columns.get_yticklabels()]
    assert labels[0] == IRIS.columns[np.argmax(display.column_errors)]
    assert sum(bar.get_height() for bar in rows.patches) == len(IRIS)


def test_errors_of_images_are_a_picture_in_their_units(autoencoder):
    """One pixel for each column."""
    display = ErrorDisplay.from_estimator(autoencoder, DIGITS)
    errors = autoencoder.reconstruction_error(DIGITS, per_feature=True)
    np.testing.assert_allclose(display.column_errors, errors)
    (image,) = display.ax_.get_images()
    np.testing.assert_allclose(image.get_array(), errors.reshape(8, 8))
    series = ErrorDisplay.from_estimator(autoencoder, DIGITS, kind="series")
    np.testing.assert_allclose(series.ax_.get_lines()[0].get_ydata(), errors)


def test_errors_of_a_detector_have_its_threshold(autoencoder):
    """They are what the detector judges by, behind its scaler too."""
    pipeline = make_pipeline(StandardScaler(), Detector(autoencoder)).fit(DIGITS)
    display = ErrorDisplay.from_estimator(pipeline, DIGITS)
    detector, scaled = pipeline[-1], pipeline[:-1].transform(DIGITS)
    np.testing.assert_allclose(display.row_errors, -detector.score_samples(scaled))
    assert display.threshold == -detector.offset_
    rows = display.axes_[0, 1]
    (line,) = rows.get_lines()
    assert set(line.get_xdata()) == {display.threshold}
    assert legend_names(rows) == ["threshold: 20 of 200 rows beyond"]


class Explainer(Detector):
    """A detector that says which cells it finds unusual, and keeps no autoencoder_."""

    def fit(self, X, y=None):
        """Fit the autoencoder and hide it."""
        super().fit(X)
        self.hidden_, self.n_features_in_ = self.autoencoder_, X.shape[1]
        del self.autoencoder_
        return self

    def score_samples(self, X):
        """Score rows as the autoencoder does."""
        fitted = self.hidden_ if hasattr(self, "hidden_") else self.autoencoder_
        return fitted.score_samples(X)

    def explain(self, X):
        """Return the squared error of every cell, in no order."""
        errors = (self.hidden_.reconstruct(X) - X) ** 2
        columns = np.tile(np.arange(X.shape[1]), len(X))
        cells = pd.DataFrame({"column": columns, "contribution": errors.ravel()})
        return cells.sample(frac=1, random_state=0)


def test_errors_of_a_detector_that_explains_are_its_contributions(
    autoencoder, monkeypatch
):
    """They sum to its scores; of large tables only some rows are asked for."""
    pipeline = make_pipeline(StandardScaler(), Explainer(autoencoder)).fit(DIGITS)
    display = ErrorDisplay.from_estimator(pipeline, DIGITS)
    assert display.column_errors.sum() == pytest.approx(display.row_errors.mean())
    scaled = pipeline[0].transform(DIGITS)
    expected = pipeline[-1].hidden_.reconstruction_error(scaled, per_feature=True)
    np.testing.assert_allclose(display.column_errors, expected)
    assert display.column_label.startswith("mean contribution")
    monkeypatch.setattr("skae.plotting._errors.MOST_CELLS", 128)
    display = ErrorDisplay.from_estimator(pipeline, DIGITS)
    ends = scaled[[0, -1]]
    expected = pipeline[-1].hidden_.reconstruction_error(ends, per_feature=True)
    np.testing.assert_allclose(display.column_errors, expected)
    assert len(display.row_errors) == len(DIGITS)


def test_errors_of_constant_and_of_many_columns_are_drawn():
    """What does not vary has no share to lose, and twenty bars are enough."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(60, 30))).rename(columns=str)
    X["0"] = 1.0
    display = ErrorDisplay.from_estimator(PCA(2).fit(X), X)
    assert display.column_errors[0] == 0
    assert len(display.ax_.patches) == 20
    assert display.ax_.get_title() == "20 of 30 columns, the worst"


# -- pictures


def shades(*shape):
    """Return numbers in [0, 1] that differ from each other, in waves."""
    steps = np.arange(np.prod(shape)).reshape(shape)
    return 0.5 + 0.5 * np.sin(0.37 * steps)


def pictured_scores():
    sizes = pd.MultiIndex.from_product(
        [["A", "PCA"], [1, 2, 4]], names=["reducer", "n_components"]
    )
    r2 = [0.5, 0.7, 0.9, 0.4, 0.6, 0.8]
    return pd.DataFrame({"r2": r2, "r2_std": 0.05}, index=sizes)


PICTURES = {
    "reconstruction_images": lambda: ReconstructionDisplay(
        shades(4, 64), shades(4, 64)[::-1], X_corrupted=shades(4, 64).round()
    ),
    "reconstruction_colours": lambda: ReconstructionDisplay(
        shades(4, 75), shades(4, 75)[::-1], image_shape=(5, 5, 3)
    ),
    "reconstruction_series": lambda: ReconstructionDisplay(
        shades(3, 40), shades(3, 40)[::-1], kind="series"
    ),
    "reconstruction_table": lambda: ReconstructionDisplay(
        shades(3, 4), shades(3, 4)[::-1], kind="table"
    ),
    "codes_classes": lambda: CodesDisplay(shades(40, 2), np.arange(40) % 3),
    "codes_pairs": lambda: CodesDisplay(
        shades(40, 3), shades(40), components=(0, 1, 2)
    ),
    "traversal_grid": lambda: TraversalDisplay(
        np.tile(np.arange(3.0), (3, 3, 2)).reshape(3, 3, 6)[..., :2], shades(3, 3, 64)
    ),
    "traversal_series": lambda: TraversalDisplay(
        shades(3, 5, 3), shades(3, 5, 30), components=(0, 1, 2), kind="series"
    ),
    "traversal_table": lambda: TraversalDisplay(
        np.linspace(0, 1, 20).reshape(2, 5, 2),
        shades(2, 5, 6),
        components=(0, 1),
        kind="table",
    ),
    "loss_curve": lambda: LossCurveDisplay(
        [9, 6, 4, 3], [10, 8, 7, 7], errors={"PCA": 8.5, "the result": 7}
    ),
    "components": lambda: ComponentsDisplay(pictured_scores()),
    "errors_image": lambda: ErrorDisplay(shades(64), shades(80), threshold=0.9),
    "errors_table": lambda: ErrorDisplay(shades(8), np.exp(9 * shades(80))),
}


@pytest.mark.skipif(
    parse_version(matplotlib.__version__) < parse_version("3.11"),
    reason="an older matplotlib makes images smaller in another way",
)
@pytest.mark.parametrize("name", PICTURES)
def test_pictures_look_as_they_did(name, tmp_path):
    """Without any text: fonts differ between machines, and other tests read it."""
    with plt.style.context("default"):
        figure = PICTURES[name]().plot().figure_
        for artist in figure.findobj(Text):
            artist.set_visible(False)
        for ax in figure.axes:
            if ax.get_legend() is not None:
                ax.get_legend().remove()
        for legend in figure.legends:
            legend.remove()
        drawn, expected = tmp_path / f"{name}.png", BASELINE / f"{name}.png"
        figure.savefig(drawn, dpi=30)
    assert expected.exists(), (
        f"look at {drawn}, and copy it to {expected} if it is right"
    )
    assert compare_images(str(expected), str(drawn), tol=5) is None


def test_pictures_are_of_every_display():
    """And no picture is left over."""
    assert {type(make()) for make in PICTURES.values()} == set(DISPLAYS)
    assert {path.stem for path in BASELINE.glob("*.png")} == set(PICTURES)
