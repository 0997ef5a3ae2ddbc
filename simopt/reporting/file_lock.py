"""A lock on an open file that ends with the process that holds it."""

from __future__ import annotations

import sys


class FileLockedError(RuntimeError):
    """Another process holds the lock."""


if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 62  # a byte that nobody writes

    def lock(file: int) -> None:
        """Lock an open file; `FileLockedError` if another process has."""
        import os

        position = os.lseek(file, 0, os.SEEK_CUR)
        os.lseek(file, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise FileLockedError from error
        finally:
            os.lseek(file, position, os.SEEK_SET)

else:
    import fcntl

    def lock(file: int) -> None:
        """Lock an open file; `FileLockedError` if another process has."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FileLockedError from error
