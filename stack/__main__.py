"""`./dev`: the commands of the local stack."""

import argparse
import asyncio
import sys

from rich.console import Console

from stack.cli import make_parser
from stack.commands.audit import audit
from stack.commands.bench import bench
from stack.commands.down import down
from stack.commands.faults import faults
from stack.commands.fuzz import fuzz
from stack.commands.licences import write_page
from stack.commands.lint import lint
from stack.commands.seed_and_token import INTERRUPTED, seed, token
from stack.commands.status import status
from stack.commands.test import test
from stack.commands.up import up
from stack.console import Steps
from stack.errors import StackError
from stack.paths import STACK_DIRECTORY, Layout
from stack.product.issuer import token_options
from stack.product.seeding import Size
from stack.signals import interruptible


def main(arguments: list[str]) -> int:
    """Run one command and answer its exit status; a StackError becomes its message and status 1."""
    try:
        # argparse would take the options of pytest, of the stories and of the comparisons for its own.
        if arguments[:1] == ["test"]:
            return test(arguments[1:])
        if arguments[:1] == ["faults"]:
            return faults(arguments[1:])
        if arguments[:1] == ["bench"]:
            return bench(arguments[1:])
        return run(make_parser().parse_args(arguments))
    except StackError as error:
        print(error, file=sys.stderr)
        return 1


def run(arguments: argparse.Namespace) -> int:
    """Run the command that was parsed."""
    if arguments.command == "token":
        return token(_token_options(arguments))
    with Steps(Console()) as steps:
        match arguments.command:
            case "up":
                return up(steps, detach=arguments.detach, names=arguments.names)
            case "down":
                return asyncio.run(interruptible(down(Layout(STACK_DIRECTORY), steps, arguments.names), INTERRUPTED))
            case "status":
                return status(steps, as_json=arguments.json)
            case "seed":
                return seed(_size(arguments), steps)
            case "fuzz":
                return fuzz(arguments.minutes)
            case "lint":
                return lint(steps)
            case "audit":
                return audit(steps, arguments.service)
            case "licences":
                write_page()
                return 0
            case _:
                make_parser().print_help()
                return 0


def _token_options(arguments: argparse.Namespace) -> list[str]:
    return token_options(
        organisation=arguments.org,
        subject=arguments.subject,
        role=arguments.role,
        permissions=arguments.permissions,
        user_type=arguments.user_type,
        employee_id=arguments.employee_id,
        lifetime=arguments.ttl,
    )


def _size(arguments: argparse.Namespace) -> Size:
    return Size(
        people=arguments.people,
        enrollments=arguments.enrollments,
        courses=arguments.courses,
        sessions=arguments.sessions,
        places=arguments.places,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
