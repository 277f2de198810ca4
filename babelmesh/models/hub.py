"""Files of a hub of models, by huggingface_hub: an extra, imported when something is fetched."""

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
    """Make sure that the hub's library is installed. Raises SourceUnreachable."""
    with _failures(""):
        pass


def hub_file(piece: Piece, folder: Path) -> Path:
    """Download a file of a repository at its commit into a folder. Raises SourceFailed, OSError.

    What came of a file that broke off stays in the folder: the next try goes on with it.
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
    """Ask once for the commit: a download would take long to find out that there is no hub."""
    from huggingface_hub import HfApi  # noqa: PLC0415 - an extra

    HfApi().model_info(repository, revision=commit, timeout=ANSWER_SECONDS)


@contextmanager
def _failures(repository: str) -> Iterator[None]:
    """Say what went wrong with the hub."""
    try:
        from huggingface_hub import errors  # noqa: PLC0415 - an extra
    except ImportError as error:
        message = "the hub needs huggingface_hub: `pip install 'babelmesh[models]'`"
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
    """The first line of a message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
