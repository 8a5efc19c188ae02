"""`python -m muster` is the `muster` command."""

import sys

INTERRUPTED = 130


def main() -> None:
    """Run the command; ends the process, also if Ctrl-C comes before there is any command."""
    try:
        from muster.cli import main as run
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    run()


if __name__ == "__main__":
    main()
