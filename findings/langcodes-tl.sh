#!/usr/bin/env bash
# langcodes 3.5.1: the tag that Whisper uses for Tagalog is not the tag that standardizing gives back.
#
# Expected: a language's tag that recognizers and translators use ("tl") is left alone by standardize_tag, as "en" is.
# Instead:  "tl" becomes "fil". That follows CLDR's aliases and is meant so, but a table of a model's languages that is looked
#           up by standardized tags does not find the model's own "tl".
# Matters:  live translation carries a language's tag from a recognizer to a translator and a voice. Standardized once on
#           its way, Tagalog looks unsupported though every engine has it. Both sides of a look-up have to be standardized.
# Seen:     langcodes' standardize_tag, and the tags of Whisper's tokenizer.
#
# Exit status: 0 when all is as stated, another when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check langcodes==3.5.1

"$folder/venv/bin/python" - <<'PYTHON'
import sys

import langcodes

WHISPER = {"en", "es", "pt", "tl"}
seen = {tag: langcodes.standardize_tag(tag) for tag in sorted(WHISPER)}
for tag, standard in seen.items():
    print(f"{tag} -> {standard}: {'found' if standard in WHISPER else 'not found'} among the model's tags")
by_standard = {langcodes.standardize_tag(tag): tag for tag in WHISPER}
print(f"with both sides standardized: tl -> {by_standard.get(langcodes.standardize_tag('tl'))}")
as_stated = seen == {"en": "en", "es": "es", "pt": "pt", "tl": "fil"}
sys.exit(0 if as_stated else "The finding has changed.")
PYTHON
