"""The command line: python -m skae.

Libraries are imported where they are used, so that help and errors come at once and an
interrupt is heard from the start.
"""

import argparse
import math
import sys
import textwrap
import warnings
from pathlib import Path

_DEFAULT_SIZES = (2, 4, 8, 16)

# What is shown of a summary: its column, a title and a format.
_COLUMNS = [
    ("r2", "held-out R^2", ".3f"),
    ("r2_std", "spread", ".3f"),
    ("accuracy", "accuracy", ".3f"),
    ("fit_time", "fit seconds", ".2f"),
]


def main(argv=None):
    """Run a command.

    Parameters
    ----------
    argv : list of str, default=None
        Arguments; None takes those of the process.

    Returns
    -------
    status : int
        0, or 2 after an error, which is one line on standard error, or 130 after an
        interrupt.
    """
    try:
        _compare(_parser().parse_args(argv))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        print(f"error: {_one_line(error)}", file=sys.stderr)
        return 2
    return 0


def _one_line(error):
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


class _Parser(argparse.ArgumentParser):
    """Whose errors are one line."""

    def error(self, message):
        raise ValueError(message)


def _parser():
    parser = _Parser(prog="python -m skae", description="Autoencoders beside PCA.")
    commands = parser.add_subparsers(required=True, metavar="compare")
    compare = commands.add_parser(
        "compare",
        help="compare reducers by what they reconstruct of unseen rows",
        description="Cross-validated comparison of reducers on the numeric columns of "
        "a table: how much of the variance of unseen rows they reconstruct, and how "
        "well a logistic regression classifies from their codes.",
    )
    add = compare.add_argument
    add(
        "file",
        nargs="?",
        metavar="FILE",
        help=".csv, .tsv, .parquet, .npy or .npz (arrays X and y); by default the "
        "digits that come with scikit-learn",
    )
    add("--target", metavar="COLUMN", help="column to set aside; class labels")
    add(
        "--n-components",
        type=_sizes,
        metavar="2,4,8",
        help="sizes to compare (default: those of 2,4,8,16 that fit the table)",
    )
    add(
        "--reducers",
        type=lambda text: [name.strip() for name in text.split(",")],
        default=["pca", "ae"],
        metavar="pca,kernel_pca,ae",
        help="what to compare (default: pca,ae)",
    )
    add("--cv", type=int, default=3, metavar="N", help="folds (default: 3)")
    add("--seed", type=int, default=0, metavar="N", help="of the folds and fits")
    add(
        "--n-jobs",
        type=int,
        metavar="N",
        help="fits in parallel (default: one for each core, 4 at most)",
    )
    add(
        "--scale",
        action=argparse.BooleanOptionalAction,
        help="standardise the columns (default: of a FILE; the pixels of the digits "
        "have one unit)",
    )
    add("--output", metavar="CSV", help="file for the scores of every single fold")
    return parser


def _sizes(text):
    try:
        return [int(size) for size in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no list of whole numbers such as 2,4,8"
        ) from None


def _compare(args):
    _check_output(args.output)
    table = _table(args.file, args.target)
    sizes = args.n_components or _fitting_sizes(table.X, args.cv)
    scale = args.file is not None if args.scale is None else args.scale
    comparison = _comparison(table, sizes, scale, args)
    for note in [*table.notes, *_notes(args, table, sizes, comparison)]:
        print(f"warning: {note}", file=sys.stderr)
    print(_described(table.X, scale, args.cv))
    _print_table(comparison.summary())
    print(f"\n{textwrap.fill(comparison.conclusion(), 79)}")
    if args.output is not None:
        comparison.results.to_csv(args.output, index=False)


def _check_output(path):
    """Find out before the work, not after it, that the results have no place."""
    if path is not None and (Path(path).is_dir() or not Path(path).parent.is_dir()):
        raise ValueError(f"--output {path}: a file in an existing folder is expected")


def _table(path, target):
    from ._files import FileContent, read_table

    if path is not None:
        return read_table(path, target)
    if target is not None:
        raise ValueError("--target names a column of a FILE, and there is none")

    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    # One unit for all pixels, in which KernelPCA's width suits them.
    return FileContent(X / X.std(), y, [])


def _fitting_sizes(X, cv):
    """Return those of the default sizes that leave something to compress."""
    n_rows, n_columns = X.shape
    n_test = math.ceil(n_rows / max(cv, 2))
    limit = min(n_columns - 1, n_rows - n_test)
    return [size for size in _DEFAULT_SIZES if size <= limit] or [1]


def _notes(args, table, sizes, comparison):
    """Yield what was decided without being asked for."""
    if args.n_components is None and len(sizes) < len(_DEFAULT_SIZES):
        listed = ",".join(str(size) for size in sizes)
        yield f"larger sizes do not fit the table, so this is --n-components {listed}"
    if table.y is not None and "accuracy" not in comparison.results:
        yield "the target is a quantity, no class label, so there is no accuracy"


def _described(X, scale, cv):
    units = "standardised" if scale else "in their own units"
    return (
        f"{X.shape[0]} rows, {X.shape[1]} columns {units}, {cv}-fold cross-validation\n"
    )


def _comparison(table, sizes, scale, args):
    import joblib

    from . import compare_reducers

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compare_reducers(
            table.X,
            table.y,
            reducers=args.reducers,
            n_components=sizes,
            cv=args.cv,
            scale=scale,
            n_jobs=args.n_jobs or min(4, joblib.cpu_count()),
            random_state=args.seed,
            verbose=sys.stderr.isatty(),
        )


def _print_table(summary):
    columns = [column for column in _COLUMNS if column[0] in summary]
    titles = ["reducer", "components", *(title for _, title, _ in columns)]
    rows = [
        [name, str(size), *(format(row[key], form) for key, _, form in columns)]
        for (name, size), row in summary.iterrows()
    ]
    if not (sys.stdout.isatty() and _print_rich(titles, rows)):
        _print_plain(titles, rows)


def _print_rich(titles, rows):
    """Print a table with rich, and tell whether there is one."""
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        return False
    table = Table()
    for i, title in enumerate(titles):
        table.add_column(title, justify="right" if i else "left")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
    return True


def _print_plain(titles, rows):
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    for first, *others in [titles, *rows]:
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(w) for cell, w in zip(others, widths[1:], strict=True)]
        print("  ".join(cells))
