"""The report on a comparison: one page, tried in a browser."""

import base64
import html
import io
import json
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.decomposition import PCA, KernelPCA
from sklearn.manifold import Isomap

from skae.comparison import ReducerComparison, compare_reducers
from skae.comparison._images import data_uri, pixels

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def iris():
    """Three reducers of a table of which one column's name is markup."""
    X, y = load_iris(return_X_y=True)
    names = ["<b>long", "wide", "größe", "&amp;"]
    return compare_reducers(
        pd.DataFrame(X, columns=names),
        np.array(["setosa", "<i>versicolor", "virginica"])[y],
        reducers={
            "kernel": KernelPCA(fit_inverse_transform=True),
            "PCA": PCA(),
            "near": Isomap(n_neighbors=50),
        },
        n_components=[3, 2],
        cv=2,
        random_state=0,
    )


@pytest.fixture
def written(tmp_path):
    """Write the page of a comparison, and return its text."""

    def written(comparison, **options):
        place = tmp_path / "report.html"
        comparison.to_html(place, **options)
        return place.read_text(encoding="utf-8")

    return written


def _titles(page):
    return re.findall("<h2>(.*?)</h2>", page)


# -- what is on it


def test_page_has_every_section(iris, written):
    """The verdict comes first, and how it was run last."""
    page = written(iris)
    assert html.escape(iris.conclusion()) in page
    assert _titles(page) == [
        "Scores",
        "Against the number of components",
        "Codes",
        "Columns that are restored worst",
        "Rows that are restored worst",
        "How it was run",
    ]
    for word in ("PCA = PCA()", "scikit-learn", "LogisticRegression", "150 rows"):
        assert word in page


def test_page_needs_nothing_else(iris, written):
    """No address leads out of it, and the browser is told to refuse any."""
    page = written(iris)
    assert "://" not in page
    assert "default-src 'none'" in page
    assert not re.findall(r"\b(?:src|href)=\"(?!data:)", page)


def test_names_are_text(iris, written):
    """Nobody's column is markup."""
    page = written(iris)
    assert "&lt;b&gt;long" in page
    assert "&amp;amp;" in page
    assert "&lt;i&gt;versicolor" in page
    assert "<b>" not in page
    assert "<i>" not in page


def test_charts_show_every_reducer(iris, written):
    """A line for each that has the score, PCA's first and broken."""
    charts = re.findall("<svg.*?</svg>", written(iris), re.DOTALL)
    n_lines = [chart.count("<polyline") for chart in charts]
    assert n_lines == [2, 3, 3, 0, 0, 0]
    first = re.search("<polyline.*?>", charts[0]).group()
    assert "stroke-dasharray" in first
    r2 = iris.summary()["r2"]["PCA", 2]
    assert f"<title>PCA, 2: {1 - r2:.3f}</title>" in charts[0]
    assert "all columns" in charts[1]
    # Codes: a point for each held-out row of the first fold.
    assert [chart.count("<circle") for chart in charts[3:]] == [75] * 3


def test_worst_rows_are_the_worst(iris, written):
    """Of all folds, by the error of the row beside the mean."""
    page = written(iris)
    X = load_iris().data / load_iris().data.std(axis=0)
    folds = [g for k, g in iris.details.glimpses.items() if k[:2] == ("PCA", 3)]
    worst = {row: e for fold in folds for row, e in fold.errors.items()}
    row = max(worst, key=worst.get)
    error = iris.results.query("reducer == 'PCA' and n_components == 3")
    times = worst[row] / error["reconstruction_error"].mean()
    cell = f'<td data-key="">{row}</td><td data-key="">{times:.1f} ×</td>'
    assert cell in page
    (back,) = [fold.restored[row] for fold in folds if row in fold.errors]
    assert np.mean((X[row] - back) ** 2) == pytest.approx(worst[row], rel=1e-4)


def test_quantities_are_coloured_by_value(written):
    """From low to high, with the ends in the legend."""
    X, y = load_diabetes(return_X_y=True)
    comparison = compare_reducers(X, y, reducers=["pca"], n_components=[2, 4], cv=2)
    page = written(comparison)
    assert "by the target" in page
    low, high = np.quantile(y, [0.05, 0.95])
    assert f"{low:.3g}</li>" in page
    assert f"{high:.3g}</li>" in page


@pytest.mark.parametrize("size", [1, 2])
def test_table_without_a_target_has_a_page(size, written):
    """There is no usefulness, and of one component no plane of codes."""
    comparison = compare_reducers(
        load_iris().data, reducers=["pca"], n_components=size, cv=2
    )
    page = written(comparison)
    assert "accuracy" not in page
    assert ("Codes" in _titles(page)) == (size == 2)


def test_scores_alone_have_a_page(written):
    """A comparison made by hand shows what it has."""
    row = {"reducer": "A", "n_components": 2, "fold": 0, "r2": 0.5, "fit_time": 1.0}
    results = pd.DataFrame([row, row | {"fold": 1}])
    page = written(ReducerComparison(results))
    assert _titles(page) == ["Scores", "Against the number of components"]


# -- images


@pytest.mark.parametrize("shape", [(8, 8), (1, 8, 8), (8, 8, 1)])
def test_images_stand_beside_their_reconstructions(shape, written):
    """Eight originals and eight reconstructions at each size, and the worst rows."""
    X, y = load_digits(return_X_y=True)
    comparison = compare_reducers(
        X[:100], y[:100], reducers=["pca"], n_components=[2, 4], cv=2, scale=False
    )
    page = written(comparison, image_shape=shape)
    assert page.count("data:image/png") == 2 * 16 + 5 * 2
    # Black and white are the ends of all rows that are shown.
    rows = np.array([*comparison.details.rows.values()])
    first = comparison.details.glimpses["PCA", 2, 0].rows[0]
    image = comparison.details.rows[first].reshape(8, 8, 1)
    assert data_uri(image, rows.min(), rows.max()) in page


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((4, 6), (4, 6, 1)), ((2, 4, 3), (2, 4, 3)), ((3, 2, 4), (2, 4, 3))],
)
def test_pictures_are_what_the_rows_are(shape, expected):
    """Read back, grey or in colour, they are within a level of 255."""
    row = np.random.default_rng(0).uniform(size=24)
    image = pixels(row, shape, 24)
    assert image.shape == expected
    data = base64.b64decode(data_uri(image, 0, 1).partition(",")[2])
    found = imread(io.BytesIO(data), format="png")
    np.testing.assert_allclose(found.reshape(expected), image, atol=1 / 255)
    if shape == (3, 2, 4):
        np.testing.assert_array_equal(image[:, :, 0].ravel(), row[:8])


@pytest.mark.parametrize("shape", [(2, 3), (4,), (2, 2, 1, 1), (-2, -2), (2.0, 2.0)])
def test_shape_that_is_not_that_of_a_row_is_an_error(shape, iris, tmp_path):
    """The error has the shape and what would do, and nothing is written."""
    place = tmp_path / "report.html"
    with pytest.raises(ValueError, match="image_shape is .*needed"):
        iris.to_html(place, image_shape=shape)
    assert not place.exists()


# -- in a browser


@pytest.fixture
def in_browser(tmp_path):
    """Open a page in a frame of a width, and return what a script finds there."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed (Debian's package has the same name)")

    def in_browser(page, width, script, *flags):
        place = tmp_path / "frame.html"
        place.write_text(
            f'<iframe id="frame" style="width:{width}px;height:800px;border:0" '
            f'srcdoc="{html.escape(page)}"></iframe><pre id="found"></pre><script>'
            "addEventListener('load', () => { const frame = "
            "document.getElementById('frame'), page = frame.contentDocument;"
            f"const find = () => {{ {script} }};"
            "document.getElementById('found').textContent = JSON.stringify(find());"
            "});</script>",
            encoding="utf-8",
        )
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", *flags]
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        result = subprocess.run(
            [CHROMIUM, *options, profile, place.as_uri()],
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=True,
            timeout=200,
        )
        found = re.search('<pre id="found">(.*?)</pre>', result.stdout, re.DOTALL)
        return json.loads(html.unescape(found.group(1)))

    return in_browser


def test_page_can_be_sorted_and_read_on_a_phone(iris, written, in_browser):
    """Titles sort, down and up, missing scores last; nothing sticks out sideways."""
    script = """
        const table = page.querySelector("table.sortable"), shown = [];
        const heads = [...table.tHead.rows[0].cells];
        const column = heads.findIndex(head => head.textContent === "R²");
        for (let click = 0; click < 2; click++) {
          heads[column].firstElementChild.click();
          shown.push([...table.tBodies[0].rows].map(
            row => row.cells[column].textContent));
        }
        heads[0].firstElementChild.click();
        const root = page.documentElement;
        return {shown, names: [...table.tBodies[0].rows].map(
                  row => row.cells[0].textContent),
                arrows: page.querySelectorAll("[aria-sort]").length,
                wide: root.scrollWidth - root.clientWidth, width: root.clientWidth};
    """
    found = in_browser(written(iris), 400, script)
    r2 = sorted(iris.summary()["r2"].dropna(), reverse=True)
    scores = [f"{value:.3f}" for value in r2]
    assert found["shown"] == [scores + [""] * 3, scores[::-1] + [""] * 3]
    assert found["names"][:3] == ["PCA", "PCA", "near"]
    assert found["arrows"] == 1
    assert found["width"] <= 400
    assert found["wide"] == 0


@pytest.mark.parametrize(("scheme", "is_dark"), [(0, True), (1, False)])
def test_page_is_light_or_dark(scheme, is_dark, iris, written, in_browser):
    """As the reader's system is."""
    script = """
        const style = frame.contentWindow.getComputedStyle(page.body);
        const sum = text => text.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0);
        return sum(style.backgroundColor) < sum(style.color);
    """
    flag = f"--blink-settings=preferredColorScheme={scheme}"
    assert in_browser(written(iris), 1280, script, flag) == is_dark
