"""The keys of a run's gateway and services, made once in each of its processes, and tokens signed by them."""

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.auth.internal_token import Caller, InternalTokenVerifier
from shared.auth.key_changes import record_trusted_keys
from shared.auth.make_internal_keys import make_internal_keys, private_keys_file, trusted_keys_file
from shared.auth.signing import InternalSigner
from shared.auth.trust import GATEWAY, is_internal, may_grant, parse_internal_keys, parse_trusted_keys
from shared.auth.watched_file import WatchedFile
from stack.services import SERVICE_NAMES


@cache
def directory() -> Path:
    """Removed when the process that made it ends; those it forks end too."""
    made, owner = Path(tempfile.mkdtemp(prefix="muster-keys-")), os.getpid()
    make_internal_keys(made)
    atexit.register(lambda: shutil.rmtree(made) if os.getpid() == owner else None)
    return made


def internal_settings(process: str) -> dict[str, Any]:
    """The settings of `gateway` or a service: its own keys, and those it trusts."""
    signing = {"internal_keys_file": private_keys_file(directory(), issuer_of(process))}
    return signing if process == "gateway" else {**signing, "internal_trusted_keys_file": trusted_file()}


def trusted_file() -> Path:
    return trusted_keys_file(directory())


def issuer_of(process: str) -> str:
    return GATEWAY if process == "gateway" else process


@cache
def internal_private_key(issuer: str) -> tuple[str, Ed25519PrivateKey]:
    """The `kid` and the key that an issuer signs with, for tokens that none of them would make."""
    keys = parse_internal_keys(private_keys_file(directory(), issuer).read_text())
    return keys.key_id, keys.signing.key


@cache
def signer(issuer: str = GATEWAY) -> InternalSigner:
    return InternalSigner(issuer, private_keys_file(directory(), issuer))


def verifier(service: str) -> InternalTokenVerifier:
    return InternalTokenVerifier(service, WatchedFile(trusted_file(), parse_trusted_keys, record_trusted_keys))


def token_for(caller: Caller, service: str) -> str:
    """Signed by who may grant this: the gateway, or for a permission between services the one that asks."""
    issuer = asking(caller, service) if any(map(is_internal, caller.permissions)) else GATEWAY
    if issuer != GATEWAY:
        caller = Caller(caller.organisation_id, issuer, issuer, "service", caller.permissions)
    return signer(issuer).sign(caller, service)


def asking(caller: Caller, service: str) -> str:
    """The service that may have these permissions at that one."""
    return next(issuer for issuer in (*SERVICE_NAMES, GATEWAY) if may_grant(issuer, service, caller.permissions))
