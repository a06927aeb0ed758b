"""The command line: skae, or python -m skae.

Libraries are imported where they are used, so that help and errors come at once and an
interrupt is heard from the start.
"""

import argparse
import math
import shlex
import sys
import textwrap
import warnings
from importlib import metadata
from pathlib import Path

_DEFAULT_SIZES = (2, 4, 8, 16)


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
        args = _parser().parse_args(argv)
        if args.command is None:
            _parser().print_help()
            return 0
        return _compare(args, sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (ImportError, OSError, RuntimeError, TypeError, ValueError) as error:
        print(f"error: {_one_line(error)}", file=sys.stderr)
        return 2


def _one_line(error):
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


class _Parser(argparse.ArgumentParser):
    """Whose errors are one line."""

    def error(self, message):
        raise ValueError(message)


def _parser():
    parser = _Parser(prog="skae", description="Autoencoders beside PCA.")
    parser.add_argument(
        "--version", action="version", version=f"skae {metadata.version('skae')}"
    )
    commands = parser.add_subparsers(dest="command", metavar="compare")
    compare = commands.add_parser(
        "compare",
        help="compare reducers by what they keep of unseen rows",
        description="Cross-validated comparison of reducers on a table: how much of "
        "unseen rows they keep, how many of their neighbours, and how well a target is "
        "predicted from their codes.",
    )
    _add_reading(compare.add_argument_group("what is read"))
    _add_comparing(compare.add_argument_group("what is compared"))
    _add_writing(compare.add_argument_group("what is written"))
    return parser


def _add_reading(group):
    add = group.add_argument
    add(
        "file",
        nargs="?",
        metavar="FILE",
        help=".csv, .tsv or .txt, which may be compressed (.csv.gz, .bz2, .xz), "
        ".parquet, .npy or .npz (arrays X and y); by default the digits that come with "
        "scikit-learn",
    )
    add(
        "--target",
        metavar="COLUMN",
        help="column to set aside and to predict: class labels or a quantity",
    )
    add("--encoding", metavar="NAME", help="of a text file (default: utf-8)")
    add(
        "--separator",
        metavar="CHARACTER",
        help="between the cells of a text file; also: tab, space (default: the first "
        "line shows it)",
    )
    add(
        "--decimal",
        metavar="MARK",
        choices=[".", ","],
        help="decimal mark of a text file (default: the numbers show it)",
    )


def _add_comparing(group):
    add = group.add_argument
    add(
        "--n-components",
        type=_whole_numbers,
        metavar="2,4,8",
        help="sizes to compare (default: those of 2,4,8,16 that fit the table)",
    )
    add(
        "--reducers",
        type=lambda text: [name.strip() for name in text.split(",")],
        default=["pca", "ae"],
        metavar="pca,ae",
        help="what to compare (default: pca,ae): pca, kernel_pca, nmf, "
        "factor_analysis, fast_ica, truncated_svd, isomap, umap, ae, denoising_ae, "
        "sparse_ae, contractive_ae, stacked_ae, vae, or any class in full, such as "
        "sklearn.decomposition.SparsePCA",
    )
    add(
        "--estimator",
        metavar="linear",
        help="what predicts the target: linear (default), neighbors or forest",
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


def _add_writing(group):
    add = group.add_argument
    add("--output", metavar="CSV", help="file for the scores of every single fold")
    add("--html", metavar="HTML", help="file for a report with pictures, one page")
    add(
        "--image-shape",
        type=_whole_numbers,
        metavar="28,28",
        help="height and width of the images that the rows are, for the report",
    )
    add("--force", action="store_true", help="replace files that exist")


def _whole_numbers(text):
    try:
        return [int(size) for size in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no list of whole numbers such as 2,4,8"
        ) from None


def _compare(args, argv):
    _check_place("--output", args.output, args.force)
    _check_place("--html", args.html, args.force)
    table = _table(args)
    if args.image_shape is not None:
        _check_image_shape(args.image_shape, table.X)
    sizes = args.n_components or _fitting_sizes(table.X, args.cv)
    scale = args.file is not None if args.scale is None else args.scale
    for note in [*table.notes, *_notes(args, sizes)]:
        print(f"warning: {note}", file=sys.stderr)
    comparison, status = _comparison(table, sizes, scale, args)
    comparison.details.run["Command"] = shlex.join(["skae", *map(str, argv)])
    _print(comparison, table, scale, args.cv)
    if args.output is not None:
        comparison.results.to_csv(args.output, index=False)
    if args.html is not None:
        of_digits = (8, 8) if args.file is None else None
        comparison.to_html(args.html, image_shape=args.image_shape or of_digits)
    return status


def _check_place(option, path, force):
    """Find out before the work, not after it, that a result has no place."""
    if path is None:
        return
    path = Path(path)
    if path.is_file() and not force:
        raise ValueError(f"{option} {path}: the file exists; --force replaces it")
    is_new = not path.exists()
    try:
        with path.open("ab"):
            pass
    except OSError as error:
        raise ValueError(f"{option} {path}: {error.strerror}") from error
    if is_new:
        path.unlink()


def _table(args):
    from ._files import FileContent, read_table

    if args.file is not None:
        options = {"encoding": args.encoding, "separator": args.separator}
        return read_table(args.file, args.target, decimal=args.decimal, **options)
    if args.target is not None:
        raise ValueError("--target names a column of a FILE, and there is none")

    from sklearn.datasets import load_digits

    data = load_digits()
    # One unit for all pixels, in which KernelPCA's width suits them.
    X = data.data / data.data.std()
    return FileContent(X, data.feature_names, data.target, [])


def _check_image_shape(image_shape, X):
    from ._images import read_shape

    read_shape(image_shape, X.shape[1])


def _fitting_sizes(X, cv):
    """Return those of the default sizes that leave something to compress."""
    n_rows, n_columns = X.shape
    n_test = math.ceil(n_rows / max(cv, 2))
    limit = min(n_columns - 1, n_rows - n_test)
    return [size for size in _DEFAULT_SIZES if size <= limit] or [1]


def _notes(args, sizes):
    """Yield what was decided without being asked for."""
    if args.n_components is None and len(sizes) < len(_DEFAULT_SIZES):
        listed = ",".join(str(size) for size in sizes)
        yield f"larger sizes do not fit the table, so this is --n-components {listed}"


def _comparison(table, sizes, scale, args):
    """Return the comparison, or what there is of it after Ctrl-C, and the status."""
    import joblib
    import pandas as pd

    from . import ComparisonInterrupt, compare_reducers

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            comparison = compare_reducers(
                pd.DataFrame(table.X, columns=table.columns),
                table.y,
                reducers=args.reducers,
                n_components=sizes,
                estimator=args.estimator,
                cv=args.cv,
                scale=scale,
                n_jobs=args.n_jobs or min(4, joblib.cpu_count()),
                random_state=args.seed,
                verbose=1,
            )
        except ComparisonInterrupt as interrupt:
            print("interrupted: what had finished follows", file=sys.stderr)
            return interrupt.comparison, 130
    return comparison, 0


def _print(comparison, table, scale, cv):
    from ._print import WIDTH, score_table

    n_rows, n_columns = table.X.shape
    units = "standardised" if scale else "in their own units"
    if hasattr(table.X, "columns"):
        units = "of numbers and categories, each of the same weight"
    print(f"{n_rows} rows, {n_columns} columns {units}, {cv}-fold cross-validation\n")
    print(score_table(comparison))
    print(f"\n{textwrap.fill(comparison.conclusion(), WIDTH)}")
