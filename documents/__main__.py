"""`python -m documents` writes the documents. With `--check` it writes nothing and says which are stale or wrong, and
what was removed from the API without being told. With `--released` it also keeps what later ones are compared with."""

import argparse
import sys

from documents.openapi import openapi, openapi_text
from documents.outputs import OUTPUTS
from documents.released import RELEASED, untold
from documents.routes import public_routes
from documents.writing import complaints, write


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m documents", description="Writes the documents.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="write nothing; exit status 1 if one is not as it should be")
    what.add_argument("--released", action="store_true", help="later documents are compared with the one of now")
    asked = parser.parse_args()
    if asked.check:
        return _check()
    write(OUTPUTS)
    if asked.released:
        write({RELEASED: openapi_text})
    return 0


def _check() -> int:
    found = complaints(OUTPUTS) or untold(openapi(public_routes()))
    sys.stdout.writelines(f"{complaint}\n" for complaint in found)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
