"""Locks on open files, which the system takes back from a process that is killed."""

from __future__ import annotations

import errno
import os
import sys

# Far beyond any content: Windows forbids others even to read the bytes that are locked.
_POSITION = 1 << 40
# What systems say of a lock that somebody else has, and of a file system that has no locks.
_TAKEN = {errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK, errno.EDEADLK}
_UNSUPPORTED = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL}


def lock_file(file: int, *, wait: bool = False) -> bool:
    """Lock an open file, until it is closed or the process ends, however it ends.

    On a file system without locks, as some of clusters' are, everybody is given the lock.

    Args:
        file: A file descriptor, opened for writing.
        wait: Whether to wait for whoever has the lock.

    Returns:
        Whether this caller has the lock now. Another file descriptor of the same file has not.

    Raises:
        OSError: The system refuses for another reason.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with open(f"{folder}/x", "w") as one, open(f"{folder}/x", "w") as other:
        ...         lock_file(one.fileno()), lock_file(other.fileno())
        (True, False)
    """
    try:
        _lock(file, wait)
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return True
        if error.errno in _TAKEN and not wait:
            return False
        raise
    return True


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int, wait: bool) -> None:
        os.lseek(file, _POSITION, os.SEEK_SET)
        try:
            while True:
                try:
                    msvcrt.locking(file, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
                    return
                except OSError:
                    # LK_LOCK gives up after ten seconds.
                    if not wait:
                        raise
        finally:
            os.lseek(file, 0, os.SEEK_END)

else:
    import fcntl

    def _lock(file: int, wait: bool) -> None:
        # Not lockf: its locks are the process', and go when any of its descriptors of the file is closed.
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
