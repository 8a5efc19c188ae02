"""`python -m shared.auth.make_internal_keys DIRECTORY`: creates the keys that sign internal tokens.

`DIRECTORY/NAME/keys.json` is the private key set of each process, and `DIRECTORY/trusted/keys.json` contains the public
keys of all. Existing files are kept, so the command can be repeated: it then publishes the public half of any key that
was added to a private set (docs/operations.md). Each directory may be a separate volume.
"""

import json
import os
import sys
from pathlib import Path

from shared.auth.jwk import new_private_keys
from shared.auth.trust import GATEWAY, SIGNERS, parse_internal_keys, parse_trusted_keys
from shared.auth.watched_file import write_private

FILE = "keys.json"
TRUSTED = "trusted"


def make_internal_keys(directory: Path) -> None:
    """Raises `OSError`, or `KeyInvalid` for an existing file that cannot be used."""
    sets = {}
    for issuer in SIGNERS:
        file = private_keys_file(directory, issuer)
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            write_private(file, new_private_keys())
        sets[issuer] = json.loads(parse_internal_keys(file.read_text(encoding="utf-8")).published())
    text = json.dumps(sets, indent=2) + "\n"
    parse_trusted_keys(text)
    trusted = trusted_keys_file(directory)
    if not trusted.exists() or trusted.read_text(encoding="utf-8") != text:
        trusted.parent.mkdir(parents=True, exist_ok=True)
        write_private(trusted, text)
        trusted.chmod(0o644)  # contains no secret, and each process may run as its own user


def private_keys_file(directory: Path, issuer: str) -> Path:
    name = "gateway" if issuer == GATEWAY else issuer
    return directory / name / FILE


def trusted_keys_file(directory: Path) -> Path:
    return directory / TRUSTED / FILE


if __name__ == "__main__":
    os.umask(0o077)
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m shared.auth.make_internal_keys DIRECTORY")
    try:
        make_internal_keys(Path(sys.argv[1]))
    except (OSError, ValueError) as error:
        raise SystemExit(f"internal keys: {error}") from None
