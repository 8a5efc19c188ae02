"""Encryption of what must not be readable in a copy of the database: AES-256-GCM under a secret of the installation."""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.accounts.errors import SecretWrong

_NONCE_BYTES = 12


class Sealer:
    """Encrypts and decrypts with a key derived from the secret (RFC 5869); `about` binds a text to its row."""

    def __init__(self, secret: str) -> None:
        key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"muster accounts: signing keys")
        self._cipher = AESGCM(key.derive(secret.encode()))

    def seal(self, text: str, about: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text.encode(), about.encode())

    def open(self, sealed: bytes, about: str) -> str:
        """Raises `SecretWrong` where the secret, or what the text is about, is another."""
        nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, text, about.encode()).decode()
        except InvalidTag:
            raise SecretWrong(f"the private half of key {about} was encrypted with another ACCOUNTS_SECRET") from None
