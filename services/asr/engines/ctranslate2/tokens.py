"""Converts between Whisper's tokens and text, and builds the prompts of its transcripts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tokenizers import Tokenizer

from services.common.neural.bundles import Bundle, fault

TOKENIZER = "tokenizer.json"
_SPACE = "\u0120"  # how a byte-level vocabulary writes the space that begins a token
_START, _TRANSCRIBE, _NO_TIMES = "<|startoftranscript|>", "<|transcribe|>", "<|notimestamps|>"


@dataclass(frozen=True, slots=True)
class Tokens:
    """The vocabulary of a bundle, with its control tokens and the names of its languages."""

    tokenizer: Tokenizer
    begin: int  # the tokens that begin a transcript, and say that it is one, and without times
    transcribe: int
    untimed: int
    languages: dict[str, int]  # the token of each BCP-47 tag that the bundle serves

    def prompt(self, language: str, multilingual: bool) -> list[int]:
        """Return the control tokens that ask for a transcript in a language, without timestamps."""
        asked = [self.languages[language], self.transcribe] if multilingual else []
        return [self.begin, *asked, self.untimed]

    def name(self, language: str) -> str:
        """Return the vocabulary's token for a BCP-47 tag, for example "<|es|>"."""
        return str(self.tokenizer.id_to_token(self.languages[language]))

    def words(self, ids: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Yield for each word the index of its first token and the index after its last."""
        spelled = [self.tokenizer.id_to_token(each) or "" for each in ids]
        starts = [place for place, token in enumerate(spelled) if place == 0 or token.startswith(_SPACE)]
        yield from pairwise([*starts, len(ids)])

    def text(self, ids: Sequence[int]) -> str:
        """Decode tokens into text, without spaces around it."""
        return str(self.tokenizer.decode(list(ids))).strip()


def read(bundle: Bundle) -> Tokens:
    """Read the tokens of a bundle. Raises InvalidArgument when its tokenizer is invalid or lacks a language."""
    text = bundle.file(TOKENIZER).read_text(encoding="utf-8")
    if '"model"' not in text:
        raise fault(bundle.folder, f"{TOKENIZER} is no tokenizer of the `tokenizers` library.")
    tokenizer = Tokenizer.from_str(text)
    manifest = bundle.manifest
    called = {tag: manifest.tags.get(tag) or tag.partition("-")[0] for tag in manifest.languages}

    def number(token: str) -> int:
        if (found := tokenizer.token_to_id(token)) is None:
            raise fault(bundle.folder, f"{TOKENIZER} has no token {token}.")
        return found

    languages = {tag: number(f"<|{name}|>") for tag, name in called.items()}
    return Tokens(tokenizer, number(_START), number(_TRANSCRIBE), number(_NO_TIMES), languages)
