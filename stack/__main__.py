"""`./dev`: the commands of the local stack."""

import argparse
import asyncio
import sys

from rich.console import Console

from stack.cli import make_parser
from stack.commands.audit import audit
from stack.commands.bench import bench
from stack.commands.documents import write_documents
from stack.commands.down import down
from stack.commands.faults import faults
from stack.commands.fix import fix
from stack.commands.fuzz import fuzz
from stack.commands.licences import write_page
from stack.commands.lint import lint
from stack.commands.logs import logs
from stack.commands.mutants import mutants
from stack.commands.operate import known_service, operate, operate_accounts, psql
from stack.commands.outsiders import outsiders
from stack.commands.run import run as run_in_foreground
from stack.commands.seed_and_token import INTERRUPTED, seed, token
from stack.commands.status import status
from stack.commands.subscriber import subscriber
from stack.commands.test import test
from stack.commands.top import top
from stack.commands.trace import trace
from stack.commands.unit import unit
from stack.commands.up import up
from stack.commands.vendor import vendor
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
        passed_on = {"test": test, "unit": unit, "outsiders": outsiders, "faults": faults, "bench": bench}
        own_help = arguments[:1] in (["test"], ["unit"], ["outsiders"]) and arguments[1:2] in (["-h"], ["--help"])
        if arguments and arguments[0] in passed_on and not own_help:
            return passed_on[arguments[0]](arguments[1:])
        return run(make_parser().parse_args(arguments))
    except StackError as error:
        print(error, file=sys.stderr)
        return 1


def run(arguments: argparse.Namespace) -> int:
    """Run the command that was parsed."""
    match arguments.command:
        case "token":
            return token(_token_options(arguments))
        case "logs" | "trace" | "top":
            return _show(arguments)
        case "psql":
            return psql(known_service(arguments.service), arguments.rest, as_owner=arguments.owner)
        case "verify" | "rebuild" | "dead-letters":
            return operate(arguments.command, known_service(arguments.service), arguments.rest)
        case "accounts":
            return operate_accounts(arguments.rest)
        case "subscriber":
            return subscriber(arguments.action, arguments.name, faststream=arguments.faststream)
        case "run":
            return run_in_foreground(arguments.name, debug=arguments.debug)
        case "fix" | "vendor" | "documents":
            return _write_files(arguments)
        case _:
            return run_in_steps(arguments)


def _write_files(arguments: argparse.Namespace) -> int:
    match arguments.command:
        case "fix":
            return fix()
        case "vendor":
            return vendor()
        case _:
            return write_documents(released=arguments.released)


def run_in_steps(arguments: argparse.Namespace) -> int:
    """Run a command that shows what it is at."""
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
            case "mutants":
                return mutants(arguments.modules, steps)
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


def _show(arguments: argparse.Namespace) -> int:
    match arguments.command:
        case "trace":
            return trace(arguments.request_id)
        case "top":
            return top(once=arguments.once)
        case _:
            return _logs(arguments)


def _logs(arguments: argparse.Namespace) -> int:
    return logs(
        arguments.names,
        count=arguments.lines,
        follow=arguments.follow,
        as_json=arguments.json,
        request_id=arguments.request_id,
    )


def _token_options(arguments: argparse.Namespace) -> list[str]:
    return token_options(
        organisation=arguments.org,
        subject=arguments.subject,
        role=arguments.role,
        permissions=arguments.permissions,
        user_type=arguments.user_type,
        employee_id=arguments.employee_id,
        companies=arguments.company,
        rate_limit=arguments.rate_limit,
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
