#!/usr/bin/env bash
# langcodes 3.5.1: closest_match gives Spanish for Basque, and no distance separates other languages from a language's own scripts.
#
# Expected: with its default distance, closest_match finds the regions and scripts of a language, and nothing that a speaker of
#           it would call another language; or a smaller distance does.
# Instead:  the distances are CLDR's, of what a reader would put up with: Basque, Catalan and Galician are 20 from Spanish, Breton
#           20 from French, Wu and Min Nan 10 from Chinese, Luxembourgish and Swiss German 8 from German, Croatian 8 from Bosnian;
#           25 is the default. Traditional Chinese is 54 from "zh", farther than all of them, and es-MX is 5 from "es".
# Matters:  a service that resolves what was asked for among the languages of its models hears Basque with a Spanish recognizer, or
#           speaks Luxembourgish with a German voice, and tells nobody. The language has to be compared by itself, and distances
#           used for its regions and scripts only.
# Seen:     when the tags of hellos were tried against the languages of Whisper and of Apertium.
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

OTHERS = {("eu", "es"): 20, ("ca", "es"): 20, ("gl", "es"): 20, ("br", "fr"): 20, ("wuu", "zh"): 10, ("nan", "zh"): 10}
OTHERS |= {("lb", "de"): 8, ("gsw", "de"): 8, ("hr", "bs"): 8}
SAME = {("zh-Hant", "zh"): 54, ("es-MX", "es"): 5}

as_stated = True
for (asked, offered), stated in {**OTHERS, **SAME}.items():
    match, distance = langcodes.closest_match(asked, [offered])
    print(f"{asked} among [{offered}]: {match}, {langcodes.tag_distance(asked, offered)} away")
    as_stated = as_stated and langcodes.tag_distance(asked, offered) == stated
    as_stated = as_stated and (match == offered) == (stated <= 25)
sys.exit(0 if as_stated else "The finding has changed.")
PYTHON
