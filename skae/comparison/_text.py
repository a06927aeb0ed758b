"""Tables in text files of any kind: separators, decimal marks, encodings."""

import bz2
import csv
import gzip
import lzma
import re
import zlib
from itertools import islice

import numpy as np
import pandas as pd

COMPRESSED = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}

_SEPARATORS = ",;\t|"
_WHITESPACE = r"\s+"
_NAMED_SEPARATORS = {"tab": "\t", r"\t": "\t", "space": _WHITESPACE, " ": _WHITESPACE}

# Dots or commas between groups of three digits, before the mark of the fraction.
_THOUSANDS = {
    ",": re.compile(r"[+-]?\d{1,3}(\.\d{3})*(,\d+)?"),
    ".": re.compile(r"[+-]?\d{1,3}(,\d{3})*(\.\d+)?"),
}


def read_text(path, *, encoding=None, separator=None, decimal=None):
    """Read a table from a text file.

    Parameters
    ----------
    path : Path
        May be compressed.
    encoding, separator, decimal : str, default=None
        None takes UTF-8, and what the first lines show.

    Returns
    -------
    frame : DataFrame
    notes : list of str
        What was decided without being asked for.
    """
    encoding = encoding or "utf-8-sig"
    try:
        return _read(path, encoding, separator, decimal)
    except UnicodeDecodeError as error:
        raise ValueError(_other_encoding(path, encoding)) from error
    except LookupError as error:
        raise ValueError(f"--encoding {encoding}: Python knows no such name") from error
    except csv.Error as error:
        raise ValueError(f"the first line holds no column names: {error}") from error
    except (EOFError, lzma.LZMAError, zlib.error) as error:
        raise ValueError(f"the file is no intact {path.suffix} file") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise ValueError(f"the file is no intact {path.suffix} file") from error


def _read(path, encoding, separator, decimal):
    with _opened(path, "rt", encoding=encoding) as file:
        lines = list(islice(filter(str.strip, file), 20))
    if not lines:
        raise ValueError("the file has blank lines only")
    separator = _separator(path, lines, separator)
    names = _cells(lines[0], separator)
    has_header = not _are_data(names)
    decimal = decimal or _decimal(separator, "".join(lines[has_header:]))
    frame = pd.read_csv(
        path,
        sep=separator,
        decimal=decimal,
        header=0 if has_header else None,
        encoding=encoding,
        na_values="?",  # beside what pandas takes for a missing cell
        skipinitialspace=True,
        low_memory=False,
    )
    frame = frame.apply(_without_thousands, decimal=decimal)
    if not has_header:
        return frame, ["no line of column names: columns are numbered from 0"]
    return _named(frame, names)


def _opened(path, mode, **options):
    return COMPRESSED.get(path.suffix.lower(), open)(path, mode, **options)


def _separator(path, lines, separator):
    """Return the separator: as asked for, or as the first lines show it."""
    if separator is not None:
        separator = _NAMED_SEPARATORS.get(separator, separator)
        if len(separator) != 1 and separator != _WHITESPACE:
            raise ValueError(
                f"--separator {separator}: one character, tab or space is accepted"
            )
        return separator
    if ".tsv" in (suffix.lower() for suffix in path.suffixes):
        return "\t"
    unquoted = re.sub('"[^"]*"', "", lines[0])
    if any(mark in unquoted for mark in _SEPARATORS):
        return max(_SEPARATORS, key=unquoted.count)
    counts = {len(line.split()) for line in lines[:2]}
    return _WHITESPACE if len(counts) == 1 and counts != {1} else ","


def _cells(line, separator):
    if separator == _WHITESPACE:
        return [cell.strip('"') for cell in line.split()]
    return next(csv.reader([line], delimiter=separator, skipinitialspace=True))


def _decimal(separator, text):
    """Return the decimal mark: a comma only where it can be nothing else."""
    if separator == "," or not re.search(r"\d,\d", text):
        return "."
    if re.search(r"\d\.\d{3},\d", text):
        text = re.sub(r"(?<=\d)\.(?=\d{3}(?!\d))", "", text)
    return "." if re.search(r"\d\.\d", text) else ","


def _without_thousands(column, decimal):
    """Return numbers of a column of text if every cell is one, in groups of three."""
    if column.dtype.kind in "biuf":
        return column
    text = column.dropna().astype(str).str.strip()
    if not len(text) or not text.str.fullmatch(_THOUSANDS[decimal]).all():
        return column
    group = "." if decimal == "," else ","
    plain = text.str.replace(group, "", regex=False)
    plain = plain.str.replace(decimal, ".", regex=False)
    return plain.astype(float).reindex(column.index)


def _are_data(names):
    """Tell whether a first line is a row: numbers with fractions or repetitions."""
    try:
        numbers = [float(name.replace(",", ".")) for name in names]
    except ValueError:
        return False
    return len(set(names)) < len(names) or any(number % 1 for number in numbers)


def _named(frame, names):
    """Give the columns their names as written, and leave row numbers out."""
    note = "left out, as it numbers or names the rows: the first column"
    if not isinstance(frame.index, pd.RangeIndex):
        return frame.reset_index(drop=True).set_axis(names, axis=1), [note]
    if not names[0] and _counts_rows(frame.iloc[:, 0]):
        return frame.iloc[:, 1:].set_axis(names[1:], axis=1), [note]
    return frame.set_axis(names, axis=1), []


def _counts_rows(column):
    return any(
        np.array_equal(column, np.arange(start, start + len(column)))
        for start in (0, 1)
    )


def _other_encoding(path, encoding):
    """Return a sentence on a file that is not in the encoding, and what may help."""
    name = "UTF-8" if encoding == "utf-8-sig" else encoding
    with _opened(path, "rb") as file:
        if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            return f"the file is not text in {name}: try --encoding utf-16"
        file.seek(0)
        for number, line in enumerate(file, 1):
            try:
                line.decode(encoding)
            except UnicodeDecodeError as error:
                start = max(error.start - 20, 0)
                read = line[start : error.start + 20].decode("cp1252", "replace")
                return (
                    f"the file is not text in {name}, in line {number}: name its "
                    "encoding; --encoding cp1252, as in Western Europe, would read "
                    f"there {read.strip()!r}"
                )
    return f"the file is not text in {name}: name its encoding with --encoding"
