"""Records changes of signing keys and trusted keys in the security log."""

from shared.auth.jwk import Keys, PrivateKeySet
from shared.auth.trust import TrustedKeys
from shared.security_log import SecurityEvent, record

_KEYS_SHOWN = 20
_NAME_SHOWN = 64
"""Limits on the key ids in a log line, which an external provider chooses: their number, and the length of each."""


def record_key_change(before: Keys, after: Keys, by: str) -> None:
    """`by` is the source of the keys: a file, an identity provider, or a command that creates them."""
    changed = [name for name in after if name in before and after[name].jwk != before[name].jwk]
    names = {"added": after.keys() - before.keys(), "removed": before.keys() - after.keys(), "changed": changed}
    listed = {what: [name[:_NAME_SHOWN] for name in sorted(those)[:_KEYS_SHOWN]] for what, those in names.items()}
    record(SecurityEvent.KEY_SET_CHANGED, by=by, **listed)


def record_issuer_keys(before: PrivateKeySet, after: PrivateKeySet) -> None:
    record_key_change(before.keys, after.keys, "file")


def record_internal_keys(before: PrivateKeySet, after: PrivateKeySet) -> None:
    record_key_change(before.keys, after.keys, "internal keys")


def record_trusted_keys(before: TrustedKeys, after: TrustedKeys) -> None:
    record_key_change(_keys_of(before), _keys_of(after), "trusted keys")


def _keys_of(trusted: TrustedKeys) -> Keys:
    return {key_id: each.key for key_id, each in trusted.items()}
