"""Encryption of what must not be readable in a copy of the database: AES-256-GCM under a secret of the installation."""

import secrets
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

_NONCE_BYTES = 12


class SecretWrong(Exception):
    """It was encrypted with another secret, or is about another row."""


@dataclass(frozen=True, slots=True)
class SealedKind:
    """`setting` is the name of the one with the secret, `purpose` keeps apart what is encrypted with the same secret,
    and `noun` is what errors call it."""

    setting: str
    purpose: str
    noun: str


class Sealer:
    """Encrypts with a key derived from the secret (RFC 5869), and decrypts what was encrypted with it or the previous.

    `about` binds a text to its row.
    """

    def __init__(self, kind: SealedKind, secret: SecretStr, previous: SecretStr | None = None) -> None:
        self._kind = kind
        self._cipher = _cipher(secret, kind.purpose)
        self._ciphers = [self._cipher] if previous is None else [self._cipher, _cipher(previous, kind.purpose)]

    def seal(self, text: str, about: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text.encode(), about.encode())

    def open(self, sealed: bytes, about: str) -> str:
        """Raises `SecretWrong` where the secret, or what the text is about, is another."""
        nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(nonce, text, about.encode()).decode()
            except InvalidTag:
                continue
        raise SecretWrong(
            f"{self._kind.noun} {about} was encrypted with another {self._kind.setting}: set it to the one that it was"
            f" encrypted with, or {self._kind.setting}_PREVIOUS"
        )


def _cipher(secret: SecretStr, purpose: str) -> AESGCM:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode())
    return AESGCM(key.derive(secret.get_secret_value().encode()))
