"""The words that stand in a text for what is hidden in it: the gateway puts them there, translators keep them. Pure."""

from __future__ import annotations

import re

KINDS = ("email", "phone", "card", "iban", "ip", "birth_date", "national_id", "name", "profanity")
PLACEHOLDERS = {kind: f"[{kind.replace('_', ' ')}]" for kind in KINDS}
PATTERN = "|".join(map(re.escape, PLACEHOLDERS.values()))
