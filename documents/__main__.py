"""`python -m documents`: writes the documents; with `--check` it says which are stale or wrong, and writes nothing."""

import argparse
import sys

from documents.outputs import OUTPUTS
from documents.writing import complaints, write


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m documents", description="Writes the documents.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 if one is not as it should")
    if not parser.parse_args().check:
        write(OUTPUTS)
        return 0
    found = complaints(OUTPUTS)
    for complaint in found:
        sys.stdout.write(f"{complaint}\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
