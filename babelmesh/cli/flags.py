"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from babelmesh.cli.options import Hold, Register
from babelmesh.models.choices import VARIABLE, Engines

GATEWAYS = "HOST:PORT,..."
At = Annotated[
    str, typer.Option("--server", metavar=GATEWAYS, help="Gateway to use, or any of several; grpcs://HOST:PORT is TLS.")
]
Ca = Annotated[
    Path | None,
    typer.Option("--ca", metavar="FILE", help="Certificates (PEM) to trust at grpcs:// addresses, instead of gRPC's."),
]
Certificate = Annotated[
    tuple[Path, Path] | None,
    typer.Option(metavar="FILE KEY", help="Certificate and its key (PEM) to show at grpcs:// addresses."),
]
From = Annotated[str, typer.Option("--from", metavar="LANG", help="Language typed.")]
Spoken = Annotated[
    str,
    typer.Option(
        "--from", metavar="LANG,...", help="Language spoken; or several, the likeliest first; or auto: whichever it is."
    ),
]
To = Annotated[str, typer.Option("--to", metavar="LANG,...", help="Languages to translate into.")]
Json = Annotated[bool, typer.Option("--json", help="Print events as lines of JSON.")]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for speech, subtitles and events.")]
Explain = Annotated[
    bool, typer.Option("--explain", help="Show of one utterance when each word was heard, concluded and spoken.")
]
Voice = Annotated[bool, typer.Option("--voice/--no-voice", help="Whether translations are spoken.")]
VoiceName = Annotated[
    list[str] | None, typer.Option("--voice-name", metavar="LANG=NAME", help="Voice for a language; may be repeated.")
]
Terms = Annotated[
    str, typer.Option("--glossary", metavar="FILE", help="Glossary: a JSON file, or the name of one the server keeps.")
]
With = Annotated[
    Engines,
    typer.Option("--engines", help="Engines of all stages, but where ASR_ENGINE, MT_ENGINE or TTS_ENGINE is set."),
]
OwnMesh = Annotated[
    Engines | None, typer.Option("--engines", help="Run a mesh of its own for the command, with these engines.")
]
Held = Annotated[
    Hold | None, typer.Option("--stabilization", help="How long words are held back, so that they change less.")
]
Within = Annotated[
    int | None,
    typer.Option("--latency", metavar="MS", min=500, max=10_000, help="Milliseconds a listener waits for a word."),
]
Unsaid = Annotated[
    bool, typer.Option("--mask-pii", help="Hide personal data: telephone numbers, addresses of e-mail, cards, ids.")
]
Uncursed = Annotated[bool, typer.Option("--mask-profanity", help="Hide profanity.")]
Formal = Annotated[
    Register | None, typer.Option("--formality", help="How translations address people, where the pair can tell.")
]
Muxed = Annotated[
    bool,
    typer.Option("--mux", help="Leave the video with the translation spoken over the original, and subtitles."),
]
TrackNumber = Annotated[
    int | None,
    typer.Option(
        "--track",
        metavar="N",
        min=1,
        help="Audio track of the files, from 1; without it, the first that is not silent.",
    ),
]
EdgePort = Annotated[
    int, typer.Option(min=0, max=65535, help="Port of the page for browsers, WebSocket and REST; 0: none.")
]
PageTls = Annotated[
    bool,
    typer.Option("--tls", help="Serve that page by HTTPS in the network, for phones: with a certificate of its own."),
]
PageHost = Annotated[
    str, typer.Option(metavar="ADDRESS", help="This machine's address for --tls; without it, the one it sends from.")
]
Folder = Annotated[
    Path | None,
    typer.Option("--models", envvar=VARIABLE, metavar="DIR", help="Folder of the bundles.", show_default=False),
]
