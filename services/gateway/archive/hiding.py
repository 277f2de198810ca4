"""What the archive's own secret makes: opaque names of tenants, sessions and people, and signatures. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

LEAST_SECRET_BYTES = 32
_NONCE_BYTES = 12
_CLASS_LENGTH = 8  # there are few of them
_NAME_LENGTH = 32  # hexadecimal digits, 128 bits
MAC = "mac"  # the field of a statement that signs the others


@dataclass(frozen=True, slots=True)
class Hiding:
    """Makes names that tell nothing without the secret, and the same ones on every gateway that has it."""

    secret: bytes = field(repr=False)

    def tenant(self, name: str) -> str:
        """The opaque name of a tenant; the empty name is that of nobody in particular."""
        return self._name("tenant", name)

    def quota_class(self, name: str) -> str:
        """The opaque name of a quota class; empty for none."""
        return self._name("quota class", name)[:_CLASS_LENGTH] if name else ""

    def session(self, session_id: str) -> str:
        """The opaque name of a session."""
        return self._name("session", session_id)

    def subject(self, name: str) -> str:
        """The opaque name of the person that a session is about; empty for none."""
        return self._name("subject", name) if name else ""

    def concealed(self, text: str) -> str:
        """A text that who has the secret can read again."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return base64.b64encode(nonce + self._cipher.encrypt(nonce, text.encode(), None)).decode()

    def revealed(self, concealed: str) -> str:
        """The text that was concealed. Raises ValueError for anything else."""
        sealed = base64.b64decode(concealed, validate=True)
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None).decode()
        except InvalidTag:
            raise ValueError("It was not concealed by this secret.") from None

    def signed(self, kind: str, statement: Mapping[str, object]) -> dict[str, object]:
        """A statement of a kind, with its signature."""
        return {**statement, MAC: self._mac(kind, statement)}

    def vouches(self, kind: str, statement: Mapping[str, object]) -> bool:
        """Whether a statement of a kind is as it was signed."""
        rest = {key: value for key, value in statement.items() if key != MAC}
        return hmac.compare_digest(str(statement.get(MAC, "")).encode(), self._mac(kind, rest).encode())

    @property
    def _cipher(self) -> ChaCha20Poly1305:
        return ChaCha20Poly1305(bytes.fromhex(self._digest("conceals")))

    def _name(self, kind: str, name: str) -> str:
        return self._digest(f"{kind}:{name}")[:_NAME_LENGTH]

    def _mac(self, kind: str, statement: Mapping[str, object]) -> str:
        return self._digest(f"signed {kind}:{json.dumps(statement, sort_keys=True)}")

    def _digest(self, text: str) -> str:
        return hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()
