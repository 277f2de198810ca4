"""Fetches files of a model hub with huggingface_hub, an extra that is imported when needed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from babelmesh.models.packages import SourceFailed, SourceUnreachable
from babelmesh.models.sources import Piece

ANSWER_SECONDS = 10.0


def check_hub() -> None:
    """Check that the hub's library is installed. Raises SourceUnreachable."""
    with _failures(""):
        pass


def hub_file(piece: Piece, folder: Path) -> Path:
    """Download a file of a repository, at its commit, into a folder. Raises SourceFailed, OSError.

    The part of a file whose download broke off stays in the folder: the next try continues it.
    """
    with _failures(piece.origin.name):
        from huggingface_hub import hf_hub_download  # noqa: PLC0415 - an extra
        from huggingface_hub.utils.tqdm import disable_progress_bars  # noqa: PLC0415 - an extra

        if not sys.stderr.isatty():
            disable_progress_bars()
        origin = piece.origin
        _check_commit(origin.name, origin.version)
        return Path(hf_hub_download(origin.name, piece.path, revision=origin.version, local_dir=folder))


@cache
def _check_commit(repository: str, commit: str) -> None:
    """Check once that the commit exists: a download would take long to find out that the hub is unreachable."""
    from huggingface_hub import HfApi  # noqa: PLC0415 - an extra

    HfApi().model_info(repository, revision=commit, timeout=ANSWER_SECONDS)


@contextmanager
def _failures(repository: str) -> Iterator[None]:
    """Turn the hub library's errors into SourceFailed or SourceUnreachable."""
    try:
        from huggingface_hub import errors  # noqa: PLC0415 - an extra
    except ImportError as error:
        message = "the hub needs huggingface_hub: `pip install 'babelmesh-server[models]'`"
        raise SourceUnreachable(message) from error
    unreachable = "the model hub cannot be reached (HF_ENDPOINT may name a mirror)"
    try:
        yield
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.EntryNotFoundError) as error:
        if isinstance(error, errors.LocalEntryNotFoundError):  # its name for: the connection was lost meanwhile
            raise SourceUnreachable(unreachable) from error
        gone = f"the hub has not, or not for you, what is asked of {repository}: {_line(error)}"
        raise SourceFailed(gone) from error
    except errors.HfHubHTTPError as error:
        raise SourceFailed(f"the hub failed: {_line(error)}") from error
    except (errors.HTTPError, errors.OfflineModeIsEnabled) as error:  # type: ignore[attr-defined]  # of its HTTP library
        raise SourceUnreachable(unreachable) from error


def _line(error: Exception) -> str:
    """Return the first line of an error's message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
