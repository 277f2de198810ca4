"""Files and folders with a session's content: readable by their owner alone, whatever the umask.

That holds for a folder the user names, too: the folders that are missing are made so, those that are there stay as they
are, and every file is written so. Whoever wants to share a file says so (`chmod`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from babelmesh.client.errors import OutputUnwritable

FOLDER_MODE, FILE_MODE = 0o700, 0o600


def private_folder(path: Path) -> None:
    """Create a private folder, and those above it that are missing. Raises OutputUnwritable."""
    for folder in reversed([path, *path.parents]):
        if folder.exists() and not folder.is_dir():
            raise OutputUnwritable(f"{folder} is no folder: nothing can be written into it.")
        with writing(folder):
            folder.mkdir(mode=FOLDER_MODE, exist_ok=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the system's errors while writing a file, inside the block, into OutputUnwritable."""
    try:
        yield
    except OSError as error:
        raise OutputUnwritable(f"{path} cannot be written: {error.strerror or error}.") from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield an empty file beside `path` to write to, which replaces it when the block is left.

    A block that fails, or takes the file away, before it has written anything leaves nothing. Raises OutputUnwritable.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    with writing(path):
        unfinished.unlink(missing_ok=True)
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))
    whole = False
    try:
        yield unfinished
        whole = True
    finally:
        with writing(path):
            if unfinished.exists() and (whole or unfinished.stat().st_size):
                unfinished.replace(path)
            else:
                unfinished.unlink(missing_ok=True)
