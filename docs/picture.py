"""Draw a terminal's screen as the SVG that the README opens with.

    tmux new-session -d -s demo -x 100 -y 30 '.venv/bin/babelmesh demo'
    tmux capture-pane -e -p -t demo | .venv/bin/python docs/picture.py >docs/demo.svg

What is read is text with the terminal's escape sequences, as `tmux capture-pane -e` writes it.
"""

from __future__ import annotations

import io
import re
import sys

from rich.console import Console
from rich.text import Text

TITLE = "make demo"


def main() -> None:
    """Read a screen from stdin and write the picture to stdout."""
    lines = sys.stdin.read().rstrip().splitlines()
    width = max(len(Text.from_ansi(line).plain) for line in lines)
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in lines:
        console.print(Text.from_ansi(line), no_wrap=True)
    picture = console.export_svg(title=TITLE)
    sys.stdout.write(re.sub(r"@font-face \{.*?\n    \}\n", "", picture, flags=re.DOTALL))  # fetch nothing


if __name__ == "__main__":
    main()
