"""python -m skae compare: what it reads, prints and refuses."""

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

from skae import __version__
from skae.comparison import (
    ComparisonInterrupt,
    ReducerComparison,
    compare_reducers,
)
from skae.comparison._cli import main
from skae.comparison._print import score_table

N_ROWS = 30


@pytest.fixture
def table():
    """Four numeric columns and a species, of few rows."""
    X, y = load_iris(return_X_y=True)
    names = ["länge", "sepal width", "größe (cm)", "花弁"]
    frame = pd.DataFrame(X, columns=names).assign(
        species=np.array(["setosa", "versicolor", "virginica"])[y]
    )
    return frame.iloc[::5].reset_index(drop=True)


@pytest.fixture(autouse=True)
def _in_no_hurry(monkeypatch):
    """Keep lines on progress away, however busy the machine."""
    monkeypatch.setattr("skae.comparison._progress._FIRST_LINE", 3600)


@pytest.fixture
def run(capsys):
    """Run a comparison of PCA in this process; return status, output and errors."""

    def run(*args):
        options = ["--reducers", "pca", "--n-jobs", "1"]
        status = main(["compare", *map(str, args), *options])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture
def fails(run):
    """Run a comparison that has to end in an error of one line; return the line.

    There may be warnings before it.
    """

    def fails(*args):
        status, _, err = run(*args)
        *before, line = err.splitlines()
        assert status == 2
        assert all(earlier.startswith("warning: ") for earlier in before)
        assert line.startswith("error: ")
        return line

    return fails


def _write(path, text, encoding="utf-8"):
    path.write_text(text, encoding=encoding)
    return path


def _rows(out):
    """Return the printed rows of scores, split into cells."""
    return [line.split() for line in out.splitlines() if line.startswith("PCA  ")]


# -- what is printed


def test_digits_are_compared_without_a_file(run):
    """The default is the digits, at 2, 4, 8 and 16 components, with an accuracy."""
    status, out, err = run()
    assert status == 0
    assert err == ""
    assert "1797 rows, 64 columns in their own units, 3-fold" in out
    assert [row[1] for row in _rows(out)] == ["2", "4", "8", "16"]
    assert float(_rows(out)[-1][4]) > 0.9
    assert "nothing else was compared. The accuracy of" in " ".join(out.split())


def test_autoencoder_and_kernel_pca_are_compared_with_pca(tmp_path, table, capsys):
    """All three reducers that have names run, without a warning on the terminal."""
    path = tmp_path / "iris.csv"
    table.to_csv(path, index=False)
    options = ["--reducers", "pca, kernel_pca, ae", "--n-components", "2"]
    status = main(
        ["compare", str(path), "--target", "species", "--n-jobs", "1", *options]
    )
    captured = capsys.readouterr()
    assert status == 0
    assert captured.err == ""
    for name in ("PCA", "KernelPCA", "AutoencoderTransformer"):
        assert f"\n{name} " in captured.out
    assert "On held-out rows" in captured.out


def test_output_fits_80_columns(tmp_path, table, capsys):
    """The widest table, with the longest name, is readable on a plain terminal."""
    path = tmp_path / "iris.csv"
    table.to_csv(path, index=False)
    status = main(
        ["compare", str(path), "--target=species", "--n-components=2", "--n-jobs=1"]
    )
    out = capsys.readouterr().out
    assert status == 0
    assert "AutoencoderTransformer" in out
    assert max(map(len, out.splitlines())) < 80


def test_piped_output_is_ascii(tmp_path, table, run):
    """Names in any script do not break a pipe of a narrow encoding."""
    path = tmp_path / "données 花.csv"
    table.to_csv(path, index=False)
    _, out, _ = run(path)
    assert out.isascii()


def test_long_names_are_broken():
    """No name is cut off, and no line is too long for it."""
    name = "AVeryLongNameOfAReducerThatSomebodyWrote"
    scores = dict.fromkeys(["r2", "accuracy", "neighbor_overlap", "fit_time"], 0.5)
    row = {"reducer": name, "n_components": 128, "fold": 0} | scores
    lines = score_table(ReducerComparison(pd.DataFrame([row, row]))).splitlines()
    assert max(map(len, lines)) < 80
    assert lines[1].split()[0] + lines[2] == name


def test_all_columns_are_beside_the_reducers(tmp_path, table, run):
    """What the columns themselves tell of the target is a row of its own."""
    path = tmp_path / "iris.csv"
    table.to_csv(path, index=False)
    _, out, _ = run(path, "--target", "species", "--n-components", "2")
    row = next(line for line in out.splitlines() if line.startswith("all columns"))
    assert row.split()[2:5] == ["4", "-", "-"]
    assert float(row.split()[5]) > 0.8
    assert f"From all 4 columns it is {row.split()[5]}." in out


def test_terminal_shows_a_progress_bar(tmp_path, table, run, monkeypatch):
    """Standard error shows the fits where it is a terminal."""
    path = tmp_path / "iris.csv"
    table.to_csv(path, index=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    _, out, err = run(path, "--n-components", "1,2")
    assert "6/6 fits" in err
    assert "fits" not in out


def test_output_file_has_every_fold(tmp_path, table, run):
    """The results go to a file, one row a fold."""
    path, output = tmp_path / "iris.csv", tmp_path / "results.csv"
    table.to_csv(path, index=False)
    status, _, _ = run(path, "--n-components", "1,2", "--cv", "4", "--output", output)
    results = pd.read_csv(output)
    assert status == 0
    assert len(results) == 8
    assert {"reducer", "n_components", "fold", "r2"} <= set(results)


def test_same_seed_prints_the_same_scores(tmp_path, table, run):
    """The seed decides the folds."""
    path = tmp_path / "iris.csv"
    table.to_csv(path, index=False)
    scores = [
        [row[2:4] for row in _rows(run(path, "--seed", seed)[1])] for seed in (1, 1, 2)
    ]
    assert scores[0] == scores[1]
    assert scores[0] != scores[2]


def test_scaling_can_be_switched_off(tmp_path, table, run):
    """In its own units a large column decides the score."""
    path = tmp_path / "iris.csv"
    numbers = table.drop(columns="species")
    numbers.assign(län=table["länge"] * 1e6).to_csv(path, index=False)
    scaled = run(path, "--n-components", "1")[1]
    unscaled = run(path, "--n-components", "1", "--no-scale")[1]
    assert "standardised" in scaled
    assert float(_rows(scaled)[0][2]) < 0.99
    assert "in their own units" in unscaled
    assert float(_rows(unscaled)[0][2]) == 1.0


# -- what is read


@pytest.mark.parametrize(
    "suffix",
    [".csv", ".CSV", ".tsv", ".txt", ".csv.gz", ".tsv.bz2", ".txt.xz", ".parquet"],
)
def test_tables_of_every_format_score_alike(suffix, tmp_path, table, run):
    """The format of the file changes nothing."""
    path = tmp_path / f"iris{suffix}"
    if suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False, sep="\t" if ".tsv" in suffix else ",")
    status, out, err = run(path, "--target", "species", "--n-components", "2,4")
    assert status == 0
    assert err == ""
    assert "30 rows, 4 columns" in out
    expected = compare_reducers(
        table.iloc[:, :4],
        table["species"],
        reducers=["pca"],
        n_components=[2, 4],
        cv=3,
        random_state=0,
    ).summary()
    assert [row[2] for row in _rows(out)] == [f"{r2:.3f}" for r2 in expected["r2"]]
    assert "accuracy" in out


def test_arrays_are_read(tmp_path, table, run):
    """An .npy file is a table whose columns have numbers."""
    path = tmp_path / "X.npy"
    np.save(path, table.iloc[:, :4].to_numpy())
    status, out, _ = run(path, "--target", "3", "--n-components", "1")
    assert status == 0
    assert "30 rows, 3 columns" in out


@pytest.mark.parametrize("name", ["X", "data"])
def test_single_array_of_an_archive_is_the_table(name, tmp_path, table, run):
    """With one array in it, its name does not matter."""
    path = tmp_path / "one.npz"
    np.savez(path, **{name: table.iloc[:, :4].to_numpy()})
    status, out, _ = run(path)
    assert status == 0
    assert "30 rows, 4 columns" in out
    assert "accuracy" not in out


def test_archive_with_a_target_gives_an_accuracy(tmp_path, table, run):
    """X and y are taken, anything else in the archive stays unread."""
    path = tmp_path / "both.npz"
    notes = np.array([None, "a pickled object"], dtype=object)
    y = table["species"].to_numpy(dtype=str)
    np.savez(path, X=table.iloc[:, :4].to_numpy(), y=y, notes=notes)
    status, out, _ = run(path)
    assert status == 0
    assert "accuracy" in out


@pytest.mark.parametrize(
    "text",
    [
        "a;b;c\n" + "1,5;2;3\n4;5,25;7\n3;3;1\n" * 3,
        "a;b;c\n" + "1.5;2;3\n4;5.25;7\n3;3;1\n" * 3,
        "a|b|c\n" + "1.5|2|3\n4|5.25|7\n3|3|1\n" * 3,
        "a, b, c\n" + "1.5, 2, 3\n4, 5.25, 7\n3, 3, 1\n" * 3,
        "\n\n" + '"a;x;y;z",b,c\n' + "1.5,2,3\n4,5.25,7\n3,3,1\n" * 3,
        "\ufeffa\tb\tc\r\n" + "1.5\t2\t3\r\n4\t5.25\t7\r\n3\t3\t1\r\n" * 3,
        "a  b c\n" + "1.5 2 3\n4 5.25  7\n 3 3 1\n" * 3,
        "a;b;c\n" + "1.234,5;2;3\n4;5,25;7\n3;1.000.003;1\n" * 3,
        "a,b,c\n" + '"1,234.5",2,3\n4,5.25,7\n3,3,"1,000"\n' * 3,
    ],
    ids=[
        "decimal comma",
        "semicolon",
        "pipe",
        "comma and space",
        "quoted",
        "tab and BOM",
        "spaces",
        "German thousands",
        "English thousands",
    ],
)
def test_separator_and_decimal_mark_are_found(text, tmp_path, run):
    """Spreadsheets of all countries are read."""
    status, out, err = run(_write(tmp_path / "t.csv", text), "--n-components", "1")
    assert (status, err) == (0, "")
    assert "9 rows, 3 columns" in out


def test_mixed_tables_are_compared(tmp_path, table, run):
    """Categories and dates take part, and holes; free text is named and left out."""
    path = tmp_path / "mixed.parquet"
    table.assign(
        flag=np.arange(N_ROWS) % 2 == 0,
        when=pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(N_ROWS), "D"),
        kind=pd.Categorical(["a", None, "b"] * 10),
        text=[f"row {i} says something" for i in range(N_ROWS)],
        count=pd.array(range(N_ROWS), dtype="Int64"),
    ).to_parquet(path)
    status, out, err = run(path)
    assert status == 0
    assert err.splitlines()[0] == (
        "warning: left out, as neither numbers nor categories: 'text'"
    )
    assert "30 rows, 9 columns of numbers and categories" in out


def test_boolean_columns_of_a_text_file_are_numeric(tmp_path, run):
    """True and False count as 1 and 0."""
    text = "a,b,c\n" + "True,1,2\nFalse,2,2\nTrue,4,3\n" * 3
    status, out, err = run(_write(tmp_path / "t.csv", text), "--n-components", "1")
    assert (status, err) == (0, "")
    assert "9 rows, 3 columns" in out


def test_constant_column_is_no_obstacle(tmp_path, table, run):
    """A column that never varies is compressed to nothing."""
    path = tmp_path / "iris.csv"
    table.assign(constant=1).to_csv(path, index=False)
    status, out, _ = run(path, "--target", "species", "--n-components", "4")
    assert status == 0
    assert _rows(out)[0][2] == "1.000"


@pytest.mark.parametrize("start", [0, 1])
def test_unnamed_column_that_counts_rows_is_left_out(start, tmp_path, table, run):
    """The index that pandas and R write is no measurement."""
    path = tmp_path / "iris.csv"
    table.set_axis(np.arange(start, start + N_ROWS)).to_csv(path)
    status, out, err = run(path, "--target", "species", "--n-components", "2")
    assert status == 0
    assert "the first column" in err
    assert "30 rows, 4 columns" in out


def test_row_names_without_a_name_of_their_own_are_left_out(tmp_path, run):
    """R writes one name less than there are columns."""
    text = "a b\n" + "".join(f"row{i} {i} {i * i % 7}\n" for i in range(9))
    path = _write(tmp_path / "t.tsv", text.replace(" ", "\t"))
    status, out, err = run(path, "--n-components", "1")
    assert status == 0
    assert "the first column" in err
    assert "9 rows, 2 columns" in out


def test_file_without_column_names_keeps_its_first_row(tmp_path, table, run):
    """A first line of measurements is a row, and its columns have numbers."""
    path = tmp_path / "iris.csv"
    table.iloc[:, :4].to_csv(path, index=False, header=False)
    status, out, err = run(path, "--target", "3", "--n-components", "1")
    assert status == 0
    assert "no line of column names" in err
    assert "30 rows, 3 columns" in out


@pytest.mark.parametrize("names", [range(4), range(2019, 2023)])
def test_whole_numbers_may_be_column_names(names, tmp_path, table, run):
    """Years and the numbers that pandas gives are names."""
    path = tmp_path / "iris.csv"
    table.iloc[:, :4].set_axis(names, axis=1).to_csv(path, index=False)
    status, out, err = run(path, "--n-components", "2")
    assert (status, err) == (0, "")
    assert "30 rows, 4 columns" in out


def test_columns_of_one_name_are_both_kept(tmp_path, run):
    """Two measurements may share a name, as long as neither is the target."""
    text = "a,a,b\n" + "1.5,2,3\n4,5.25,7\n3,3,1\n" * 3
    status, out, _ = run(_write(tmp_path / "t.csv", text), "--n-components", "1")
    assert status == 0
    assert "9 rows, 3 columns" in out


@pytest.mark.parametrize(
    ("target", "score"),
    [
        (["yes", "no", "maybe"] * 10, "accuracy"),
        ([0, 1, 2] * 10, "accuracy"),
        ([0.0, 1.0, 1.0] * 10, "accuracy"),
        ([True, False, False] * 10, "accuracy"),
        (np.linspace(0, 1, 30), "target R^2"),
        (np.arange(30), "target R^2"),
    ],
    ids=["strings", "integers", "whole floats", "booleans", "floats", "counts"],
)
def test_labels_have_an_accuracy_and_quantities_an_r2(
    target, score, tmp_path, table, run
):
    """The target is set aside, and predicted as what it is."""
    path = tmp_path / "iris.csv"
    table.drop(columns="species").assign(ziel=target).to_csv(path, index=False)
    status, out, err = run(path, "--target", "ziel", "--n-components", "2")
    assert (status, err) == (0, "")
    assert "30 rows, 4 columns" in out
    assert f"  {score}  " in out.splitlines()[2]


@pytest.mark.parametrize(("n_columns", "sizes"), [(2, "1"), (4, "2"), (5, "2,4")])
def test_narrow_table_gets_the_sizes_that_fit(n_columns, sizes, tmp_path, run):
    """Without --n-components, sizes that compress nothing are left out, aloud."""
    path = tmp_path / "X.npy"
    np.save(path, np.random.default_rng(0).normal(size=(20, n_columns)))
    status, out, err = run(path)
    assert status == 0
    assert f"--n-components {sizes}\n" in err
    assert [row[1] for row in _rows(out)] == sizes.split(",")


def test_short_table_gets_the_sizes_that_fit(tmp_path, run):
    """The training rows limit the sizes as the columns do."""
    path = tmp_path / "X.npy"
    np.save(path, np.random.default_rng(0).normal(size=(12, 30)))
    _, out, _ = run(path)
    assert [row[1] for row in _rows(out)] == ["2", "4", "8"]


# -- what is refused


def test_missing_column_is_one_line_and_status_2(tmp_path, table, fails):
    """The line lists the columns that exist."""
    path = tmp_path / "iris.csv"
    table.to_csv(path, index=False)
    line = fails(path, "--target", "Species")
    assert "no columns have the name 'Species'" in line
    assert "'länge', 'sepal width', 'größe (cm)', '花弁', 'species'" in line


def test_missing_column_of_a_wide_table_lists_some_names(tmp_path, fails):
    """A thousand names are not printed."""
    path = tmp_path / "X.npy"
    np.save(path, np.eye(100, 1000))
    assert "'19' and 980 more" in fails(path, "--target", "label")


def test_ambiguous_target_is_one_line_and_status_2(tmp_path, fails):
    """Of two columns with the target's name neither is guessed."""
    path = _write(tmp_path / "t.csv", "a,y,y\n" + "1,0,1\n2,1,0\n" * 9)
    assert "2 columns have the name 'y'" in fails(path, "--target", "y")


@pytest.mark.parametrize("name", ["none.csv", "none.npy", "no/such/folder.parquet"])
def test_missing_file_is_one_line_and_status_2(name, tmp_path, fails):
    """The line names the file."""
    line = fails(tmp_path / name)
    assert name in line
    assert "No such file" in line


@pytest.mark.parametrize("name", ["folder", "folder.csv"])
def test_directory_is_one_line_and_status_2(name, tmp_path, fails):
    """A folder is no table, whatever its name."""
    (tmp_path / name).mkdir()
    assert name in fails(tmp_path / name)


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.parquet", "t.npy", "t.npz"])
def test_empty_file_is_one_line_and_status_2(name, tmp_path, fails):
    """The line says that the file is empty."""
    assert f"{name}: the file is empty" in fails(_write(tmp_path / name, ""))


@pytest.mark.parametrize("name", ["t.xlsx", "t", "t.gz", "t.npy.gz"])
def test_unknown_extension_is_one_line_and_status_2(name, tmp_path, fails):
    """The line lists the extensions that are read."""
    line = fails(_write(tmp_path / name, "a,b\n1,2\n"))
    assert ".csv, .tsv, .txt, .parquet, .npy, .npz" in line
    assert ".gz" in line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n \n\n", "blank lines only"),
        ("a,b,c\n", "0 rows and 0 columns"),
        ("a,b\n1,2\n", "1 row and 2 columns"),
        ("a\n1\n2\n3\n4\n", "4 rows and 1 column to"),
        ("a,b\nx,y\nz,w\n", "n_splits=3 greater than the number of samples"),
        ("a,b\n1,2\n1,2,3,4\n", "t.csv: "),
        ("a,b\n1,2\n3,4\n5,7\n", "3 rows in 3 folds leave 1 to score"),
        ("a,b\n" + "1,2\n" * 9, "no column that varies"),
        ("{" * 200_000, "no column names"),
    ],
)
def test_unusable_text_is_one_line_and_status_2(text, message, tmp_path, fails):
    """Malformed, short and narrow tables are refused in words."""
    assert message in fails(_write(tmp_path / "t.csv", text))


def test_other_encoding_is_one_line_and_status_2(tmp_path, fails):
    """Text that is not UTF-8 is not guessed at."""
    path = _write(tmp_path / "t.csv", "größe,b\n1,2\n3,4\n", encoding="latin-1")
    line = fails(path)
    assert "t.csv: the file is not text in UTF-8, in line 1" in line
    assert "--encoding cp1252, as in Western Europe, would read there 'größe,b'" in line


def test_other_encoding_far_down_is_one_line_and_status_2(tmp_path, fails):
    """The whole file is read, not only its beginning."""
    text = "a,b,c\n" + "1,2,x\n" * 5000 + "1,2,ö\n"
    path = _write(tmp_path / "t.csv", text, encoding="latin-1")
    assert "the file is not text in UTF-8, in line 5002" in fails(path)


def test_utf_16_is_recognised(tmp_path, fails):
    """Spreadsheets call it Unicode text."""
    path = _write(tmp_path / "t.txt", "a\tb\n1\t2\n", encoding="utf-16")
    assert "try --encoding utf-16" in fails(path)


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16"])
def test_encoding_can_be_named(encoding, tmp_path, run):
    """The columns have their names."""
    text = "größe;b\n" + "1,5;2\n2,25;1\n3;x\n" * 6
    path = _write(tmp_path / "t.csv", text, encoding=encoding)
    status, _, err = run(path, "--encoding", encoding, "--target", "größe", "--cv=2")
    assert status == 2
    assert "18 rows and 0 columns" in err
    assert "'b' (row 3 has 'x'; 6 cells of 18 no number)" in err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--encoding", "utf-99"], "--encoding utf-99: Python knows no such name"),
        (["--separator", "::"], "one character, tab or space"),
        (["--decimal", ";"], "--decimal"),
    ],
)
def test_unusable_reading_is_one_line_and_status_2(args, message, tmp_path, fails):
    """The line names the option."""
    assert message in fails(_write(tmp_path / "t.csv", "a,b\n1,2\n"), *args)


def test_reading_options_are_for_text(tmp_path, fails):
    """An array has no separator."""
    np.save(tmp_path / "t.npy", np.eye(9))
    line = fails(tmp_path / "t.npy", "--separator", ";")
    assert "--separator is for text files" in line


@pytest.mark.parametrize(("name", "mark"), [("tab", "\t"), ("space", " "), (":", ":")])
def test_separator_can_be_named(name, mark, tmp_path, run):
    """Where the first line does not show it."""
    text = "a,x:b:c\n" + "1:2.5:3\n4:1.5:1\n2:2.5:2\n" * 3
    path = _write(tmp_path / "t.csv", text.replace("a,x", "a;x").replace(":", mark))
    status, out, err = run(path, "--separator", name, "--n-components", "1")
    assert (status, err) == (0, "")
    assert "9 rows, 3 columns" in out


def test_decimal_mark_can_be_named(tmp_path, run):
    """In a file of commas that quotes its numbers."""
    text = "a,b\n" + '"1,5",2\n"2.000,25",1\n"3",4\n' * 3
    path = _write(tmp_path / "t.csv", text)
    status, out, err = run(path, "--decimal", ",", "--n-components", "1")
    assert (status, err) == (0, "")
    assert "9 rows, 2 columns" in out


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["1", "2", "-"], "'b' (row 3 has '-'; 3 cells of 9 no number)"),
        (["EUR 1.50", "EUR 2", "EUR 3"], "'b' (row 1 has 'EUR 1.50')"),
        (['"1.234,56"', '"2,5"', "3"], "'b' (row 1 has '1.234,56'; --decimal , may"),
    ],
)
def test_cell_that_is_no_number_is_named(cells, said, tmp_path, run):
    """A column that is nearly numeric is not lost without its reason."""
    rows = "".join(f"{i},{cells[i % 3]},{i * i % 5}\n" for i in range(9))
    path = _write(tmp_path / "t.csv", f"a,b,c\n{rows}")
    status, _, err = run(path, "--n-components", "1")
    assert status == 0
    assert f"left out, as neither numbers nor categories: {said}" in err


def test_prices_as_target_are_warned_of(tmp_path, table, run):
    """Text with hundreds of values is no class label."""
    path = tmp_path / "t.csv"
    price = [f"EUR {i % 10}.50" for i in range(N_ROWS)]
    table.assign(species=price).to_csv(path, index=False)
    status, _, err = run(path, "--target", "species", "--n-components", "2")
    assert status == 0
    assert "taken for class labels, of which there are 10 in 30 rows" in err
    assert "row 1 has 'EUR 0.50'" in err


@pytest.mark.parametrize(
    "name", ["t.parquet", "t.npy", "t.npz", "t.csv.gz", "t.tsv.bz2", "t.txt.xz"]
)
def test_garbage_is_one_line_and_status_2(name, tmp_path, fails):
    """A file of another kind under a known extension is named."""
    assert name in fails(_write(tmp_path / name, "this is no table"))


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".parquet"])
def test_half_a_file_is_one_line_and_status_2(suffix, tmp_path, table, fails):
    """A download that broke off is named."""
    path = tmp_path / f"t{suffix}"
    if suffix == ".parquet":
        table.to_parquet(path)
    else:
        (np.save if suffix == ".npy" else np.savez)(path, np.eye(20))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert f"t{suffix}: the file is no intact" in fails(path)


def test_damaged_header_is_one_line_and_status_2(tmp_path, fails):
    """NumPy reads a header as Python, whose syntax errors are no tracebacks here."""
    path = tmp_path / "t.npy"
    np.save(path, np.eye(20))
    path.write_bytes(path.read_bytes().replace(b"}", b"(", 1))
    assert "t.npy: the file is no intact" in fails(path)


@pytest.mark.parametrize("name", ["t.npy", "t.npz"])
def test_pickled_objects_are_never_loaded(name, tmp_path, fails):
    """A pickle can run any code, so it is refused."""
    path = tmp_path / name
    X = np.array([[1, "a"], [None, 2]], dtype=object)
    (np.save if name == "t.npy" else np.savez)(path, X)
    assert "pickled objects are not loaded" in fails(path)


@pytest.mark.parametrize(
    "X",
    [np.arange(9.0), np.zeros((5, 4, 4)), np.float64(3), np.full((9, 3), "a")],
    ids=["1d", "3d", "scalar", "strings"],
)
def test_array_that_is_no_table_is_one_line_and_status_2(X, tmp_path, fails):
    """The line states the shape that was found."""
    path = tmp_path / "X.npy"
    np.save(path, X)
    assert f"X has shape {X.shape} and type {X.dtype}" in fails(path)


def test_archive_of_unknown_arrays_is_one_line_and_status_2(tmp_path, fails):
    """The line lists the arrays, and says which are expected."""
    path = tmp_path / "t.npz"
    np.savez(path, train=np.eye(3), test=np.eye(3))
    assert "'train', 'test': an array X" in fails(path)


def test_archive_with_a_target_takes_no_other(tmp_path, fails):
    """--target beside an array y is a contradiction."""
    path = tmp_path / "t.npz"
    np.savez(path, X=np.eye(9), y=np.arange(9))
    assert "a target of its own" in fails(path, "--target", "0")


def test_archive_with_a_target_of_other_length_is_one_line_and_status_2(
    tmp_path, fails
):
    """X and y have to have the same rows."""
    path = tmp_path / "t.npz"
    np.savez(path, X=np.eye(9), y=np.arange(8))
    assert "inconsistent numbers of samples" in fails(path)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_infinite_values_are_counted_and_their_columns_named(
    suffix, tmp_path, table, fails
):
    """The line says how many rows, which columns, and what to do."""
    table.loc[[1, 2, 5], "花弁"] = -np.inf
    table.loc[[2, 3], "länge"] = np.inf
    path = tmp_path / f"iris{suffix}"
    table.to_parquet(path) if suffix == ".parquet" else table.to_csv(path, index=False)
    line = fails(path, "--target", "species")
    assert "in 4 of 30 rows, in 'länge', '花弁'" in line
    assert "leave their cells empty" in line


def test_missing_cells_are_compared_as_in_mixed_tables(tmp_path, table, run):
    """Empty ones, question marks and pandas' own."""
    table = table.astype({"länge": object})
    table.loc[[1, 2], "länge"] = "?"
    table.loc[5, "花弁"] = np.nan
    table.to_csv(tmp_path / "t.csv", index=False)
    count = pd.array([None, *range(N_ROWS - 1)], dtype="Int64")
    table.loc[[1, 2], "länge"] = np.nan
    table.astype({"länge": float}).assign(count=count).to_parquet(
        tmp_path / "t.parquet"
    )
    for name, n_columns in ("t.csv", 4), ("t.parquet", 5):
        status, out, err = run(
            tmp_path / name, "--target", "species", "--n-components", "1"
        )
        assert (status, err) == (0, "")
        assert f"30 rows, {n_columns} columns" in out
        assert "each of the same weight" in out


def test_missing_targets_are_counted(tmp_path, table, fails):
    """Rows without a label are the user's to drop."""
    table.loc[[0, 4], "species"] = None
    table.to_csv(tmp_path / "t.csv", index=False)
    line = fails(tmp_path / "t.csv", "--target", "species")
    assert "the target is missing in 2 of 30 rows" in line


def test_identifier_as_target_is_one_line_and_status_2(tmp_path, table, fails):
    """A name of its own for each row is no class label."""
    table.assign(id=[f"id {i}" for i in range(N_ROWS)]).to_csv(
        tmp_path / "t.csv", index=False
    )
    assert "is it a class label?" in fails(
        tmp_path / "t.csv", "--target", "id", "--n-components", "2"
    )


def test_sizes_above_the_columns_are_one_line_and_status_2(tmp_path, table, fails):
    """The line names the sizes and the limit."""
    path = tmp_path / "iris.csv"
    table.to_csv(path, index=False)
    line = fails(path, "--target", "species", "--n-components", "2,8,16")
    assert "n_components=8, 16 is too large: the table allows 4" in line


@pytest.mark.parametrize(
    "args",
    [
        ["--n-components", "2,x"],
        ["--n-components", ""],
        ["--n-components", "0"],
        ["--cv", "1"],
        ["--cv", "0"],
        ["--cv", "many"],
        ["--cv", "2000"],
        ["--seed", "-1"],
        ["--target", "species"],
        ["--colour", "red"],
        ["one.csv", "two.csv"],
    ],
)
def test_unusable_option_is_one_line_and_status_2(args, fails):
    """No usage text hides the message."""
    assert fails(*args)


def test_unknown_reducer_is_one_line_and_status_2(tmp_path, table, capsys):
    """The line lists the reducers that are known."""
    table.to_csv(tmp_path / "t.csv", index=False)
    assert main(["compare", str(tmp_path / "t.csv"), "--reducers", "pca,ica"]) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert "unknown reducer 'ica': known are pca, kernel_pca, nmf" in line


def test_unknown_command_is_one_line_and_status_2(capsys):
    """The line names the command that exists."""
    assert main(["train"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "compare" in line


@pytest.mark.parametrize("option", ["--output", "--html"])
@pytest.mark.parametrize("place", [".", "no/such/folder/results.csv"])
def test_unwritable_place_is_found_before_the_work(
    option, place, tmp_path, table, fails, monkeypatch
):
    """No comparison runs whose results have no place."""
    monkeypatch.setattr("skae.comparison.compare_reducers", None)
    table.to_csv(tmp_path / "t.csv", index=False)
    assert option in fails(tmp_path / "t.csv", option, tmp_path / place)


@pytest.mark.parametrize("option", ["--output", "--html"])
def test_existing_file_is_replaced_by_force_alone(option, tmp_path, table, run):
    """What is there may have taken long to compute."""
    table.to_csv(tmp_path / "t.csv", index=False)
    place = _write(tmp_path / "there", "old")
    args = [tmp_path / "t.csv", "--n-components=1", option, place]
    status, _, err = run(*args)
    assert status == 2
    assert "the file exists; --force replaces it" in err
    assert place.read_text() == "old"
    assert run(*args, "--force")[0] == 0
    assert place.read_text(encoding="utf-8") != "old"


def test_check_of_a_place_leaves_nothing_behind(tmp_path, fails):
    """An error later does not leave an empty file."""
    fails(tmp_path / "none.csv", "--output", tmp_path / "results.csv")
    assert not (tmp_path / "results.csv").exists()


def test_image_shape_is_checked_before_the_work(tmp_path, table, fails, monkeypatch):
    """A shape that no row has stops it."""
    monkeypatch.setattr("skae.comparison.compare_reducers", None)
    table.to_csv(tmp_path / "t.csv", index=False)
    line = fails(tmp_path / "t.csv", "--image-shape", "3,3")
    assert "image_shape is [3, 3]" in line


def test_parquet_without_pyarrow_names_the_extra(tmp_path, table, fails, monkeypatch):
    """The line says what to install."""
    table.to_parquet(tmp_path / "t.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "fastparquet", None)
    assert 'pip install "skae[cli]"' in fails(tmp_path / "t.parquet")


def test_interrupt_ends_with_status_130(run, monkeypatch):
    """Ctrl-C leaves no traceback."""

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("skae.comparison.compare_reducers", interrupt)
    status, _, err = run()
    assert status == 130
    assert err.splitlines()[-1] == "interrupted"


def test_interrupt_prints_what_had_finished(tmp_path, table, run, monkeypatch):
    """The scores of whole folds are shown and written, and the status is that of it."""
    table.to_csv(tmp_path / "t.csv", index=False)

    def interrupted(*args, **kwargs):
        comparison = compare_reducers(*args, **kwargs)
        comparison.n_unfinished = 3
        raise ComparisonInterrupt("interrupted", comparison)

    monkeypatch.setattr("skae.comparison.compare_reducers", interrupted)
    output = tmp_path / "results.csv"
    status, out, err = run(tmp_path / "t.csv", "--n-components=1", "--output", output)
    assert status == 130
    assert err.splitlines()[-1] == "interrupted: what had finished follows"
    assert len(_rows(out)) == 1
    assert "3 fits are not in it" in " ".join(out.split())
    assert len(pd.read_csv(output)) == 3


def test_report_is_written(tmp_path, run):
    """With no file it has the digits as images, and the command that made it."""
    place = tmp_path / "report.html"
    status, _, _ = run("--n-components", "2", "--html", place)
    assert status == 0
    page = place.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "data:image/png" in page
    assert "skae compare --n-components 2" in page


def test_help_is_shown_without_a_command(capsys):
    """Whoever asks for nothing is told what there is."""
    assert main([]) == 0
    assert "compare" in capsys.readouterr().out


def test_version_is_shown(capsys):
    """As other programs do."""
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"skae {__version__}\n"


def test_console_script_is_the_command():
    """What pip installs as skae is what python -m skae runs."""
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8")
    module, _, name = tomllib.loads(text)["project"]["scripts"]["skae"].partition(":")
    assert getattr(importlib.import_module(module), name) is main


def test_help_states_the_options(capsys):
    """--help ends well."""
    with pytest.raises(SystemExit) as caught:
        main(["compare", "--help"])
    assert caught.value.code == 0
    assert "--n-components" in capsys.readouterr().out


def test_module_runs_as_a_program(tmp_path, table):
    """Through a pipe, scores are all that is printed."""
    path = tmp_path / "iris.csv"
    table.to_csv(path, index=False)
    result = subprocess.run(
        [sys.executable, "-m", "skae", "compare", path, "--target", "species"]
        + ["--reducers", "pca", "--n-components", "1,2"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert result.returncode == 0
    # A busy machine may take long enough for a line on progress.
    assert all(" fits" in line for line in result.stderr.splitlines())
    assert [row[1] for row in _rows(result.stdout)] == ["1", "2"]
