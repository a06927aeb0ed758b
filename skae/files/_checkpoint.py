"""The file of a fit that runs: written again and again, held by that fit alone."""

import contextlib
import glob
import os
import shutil
from pathlib import Path

from ..exceptions import FileError
from ._format import PART, Reader, write
from ._load import one_kind_of_error
from ._values import Values, Writer

try:
    import fcntl
except ImportError:  # not POSIX: two fits with one file are told by it alone
    fcntl = None

REMEDY = (
    "Give each fit a file of its own, or all of them a folder that exists: each then "
    "has its file there."
)


class CheckpointFile:
    """A file with plain values, for one fit at a time.

    An open file is locked while the fit runs. The system unlocks it when the process
    ends, however that ends. Each new file is locked before it takes the place of the
    last.

    Parameters
    ----------
    path : path-like
    """

    def __init__(self, path):
        self.path = Path(path)
        self._lock = None  # an open file
        self._stat = None  # of the file that is ours

    def read(self):
        """Return what the file holds, or None if there is none.

        A FileError says that it is no whole checkpoint.
        """
        if not self.path.exists():
            return None
        self._take(*self._locked(self.path))
        if not self._is_ours():  # replaced between opening and locking
            self._refuse()
        try:
            with one_kind_of_error(), self.path.open("rb", buffering=0) as file:
                return _values(file)
        except FileError as error:
            raise FileError(
                f"checkpoint={str(self.path)!r} is no checkpoint that a fit can go on "
                f"from: {error} Delete it to begin anew, or give another path."
            ) from error

    def write(self, values):
        """Replace the file by one with other values."""
        if self.path.exists() and not self._is_ours():
            self._refuse()
        writer, locked = Writer({}, {}), []
        content = {"checkpoint": writer.encode(values)}
        write(
            self.path,
            content,
            writer.arrays,
            hold=lambda temporary: locked.extend(self._locked(temporary)),
        )
        self._take(*locked)

    def remove(self):
        """Delete the file, and what processes that were killed left beside it."""
        if self._is_ours():
            self.path.unlink(missing_ok=True)
        name = glob.escape(self.path.name)
        for left in self.path.parent.glob(f".{name}.*{PART}"):
            shutil.rmtree(left, ignore_errors=True)

    def close(self):
        """Leave the file to others."""
        self._take(None, None)

    def _locked(self, path):
        """Return an open file that is locked, where that is possible, and its stat."""
        if fcntl is None:
            return None, os.stat(path)
        file = open(path, "rb", buffering=0)  # noqa: SIM115
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            self._refuse()
        except OSError:  # a file system without locks
            pass
        return file, os.fstat(file.fileno())

    def _take(self, lock, stat):
        if self._lock is not None:
            self._lock.close()
        self._lock, self._stat = lock, stat

    def _is_ours(self):
        with contextlib.suppress(FileNotFoundError):
            return self._stat is not None and os.path.samestat(
                self._stat, self.path.stat()
            )
        return False

    def _refuse(self):
        raise ValueError(
            f"checkpoint={str(self.path)!r} belongs to another fit that is running. "
            f"{REMEDY}"
        )


def _values(file):
    reader = Reader(file)
    reader.verify()
    content = reader.content
    if not isinstance(content, dict) or set(content) != {"checkpoint"}:
        raise FileError("It is none of a fit.")
    values = Values(reader, {}).decode(content["checkpoint"])
    if reader.entries:
        raise FileError(f"It has arrays of no use: {sorted(reader.entries)}.")
    return values
