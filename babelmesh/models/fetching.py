"""Bundles from a hub of models, by huggingface_hub: an extra, imported when something is fetched."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from babelmesh.errors import ModelsFailed
from babelmesh.models.catalogue import Entry, Remote
from babelmesh.models.folder import Models
from services.common.bundles import Bundle, FileSum, file_sum

ANSWER_SECONDS = 10.0

Tell = Callable[[str], None]


def fetch(models: Models, entry: Entry, tell: Tell) -> Bundle:
    """Fetches a model of the catalogue and installs it. Raises ModelsFailed.

    Files that came whole, and pieces of the others, are kept when it fails: the next try goes on with them.
    """
    with _failures(entry):
        commit = _commit(entry, tell)
        title = f"{entry.name}@{commit}"
        partial = models.partial(title)
        files = {}
        for name, remote in entry.files.items():
            tell(f"  {remote.path}")
            files[name] = _checked(_fetched(entry.repository, commit, remote, partial), remote)
    with models.building() as built:
        for name, remote in entry.files.items():
            place = built / "bundle" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(partial / remote.path, place)
        bundle = models.install(built, entry.manifest(commit, files))
    models.remove_partial(title)
    return bundle


def _commit(entry: Entry, tell: Tell) -> str:
    """The commit to fetch: the one pinned, which the hub must know, or else the newest."""
    from huggingface_hub import HfApi  # noqa: PLC0415 - an extra

    told = HfApi().model_info(entry.repository, revision=entry.revision, timeout=ANSWER_SECONDS).sha
    if not told or (entry.revision and told != entry.revision):
        raise ModelsFailed(f"The hub has no commit {entry.revision} of {entry.repository}.")
    if not entry.revision:
        tell(f"{entry.name} has no pinned commit: taking the newest of {entry.repository}, {told}, as it is.")
    return told


def _fetched(repository: str, commit: str, remote: Remote, folder: Path) -> Path:
    from huggingface_hub import hf_hub_download  # noqa: PLC0415 - an extra
    from huggingface_hub.utils.tqdm import disable_progress_bars  # noqa: PLC0415 - an extra

    if not sys.stderr.isatty():
        disable_progress_bars()
    return Path(hf_hub_download(repository, remote.path, revision=commit, local_dir=folder))


def _checked(path: Path, remote: Remote) -> FileSum:
    found = file_sum(path)
    if remote.differs(found):
        path.unlink()
        raise ModelsFailed(f"{remote.path} is not the file that was pinned: its sha256 is {found.sha256}.")
    return found


@contextmanager
def _failures(entry: Entry) -> Iterator[None]:
    """Tells what went wrong with the hub, and what to do then."""
    try:
        from huggingface_hub import errors  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ModelsFailed("Fetching needs huggingface_hub: `pip install 'babelmesh[models]'`.") from error
    try:
        yield
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.EntryNotFoundError) as error:
        if isinstance(error, errors.LocalEntryNotFoundError):  # its name for: the connection was lost meanwhile
            raise _unreachable(entry) from error
        gone = f"The hub has not, or not for you, what is asked of {entry.repository}: {_line(error)}"
        raise ModelsFailed(gone) from error
    except errors.HfHubHTTPError as error:
        raise ModelsFailed(f"The hub failed: {_line(error)} What has come is kept; try again.") from error
    except (errors.HTTPError, errors.OfflineModeIsEnabled) as error:  # type: ignore[attr-defined]  # of its HTTP library
        raise _unreachable(entry) from error
    except OSError as error:
        raise ModelsFailed(f"{error.filename or 'The models folder'}: {error.strerror or error}.") from error


def _unreachable(entry: Entry) -> ModelsFailed:
    return ModelsFailed(
        f"The model hub cannot be reached from here. Fetch the files of {entry.repository} elsewhere, copy them here, "
        f"and run `babelmesh models import DIR --name {entry.name}`. HF_ENDPOINT may name a mirror."
    )


def _line(error: Exception) -> str:
    """The first line of a message, as a sentence."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".") + "."
