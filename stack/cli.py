"""The command line of `./dev`. Needs nothing but Python itself, so that help is there before any installation."""

import argparse

from stack.services import SERVICE_NAMES

DESCRIPTION = """\
Muster on one machine: private PostgreSQL, Redis and RabbitMQ, the services and the gateway.
What is missing is installed where that is allowed; everything the stack keeps lies under .stack/.
"""
EPILOG = """\
./dev COMMAND --help says more about a command. In the environment of `./dev up`, DATABASE_URL (a superuser's
address), REDIS_URL and AMQP_URL name servers to use instead of private ones; RATE_LIMIT and ADDRESS_RATE_LIMIT are
the gateway's limits, each a number of requests a minute, CORS_ORIGINS the pages that may use it from a browser, and
TRACE_SAMPLE_RATIO the share of requests that ./dev trace can show (0.01).
"""
UP_HELP = f"""\
Starts the stack and stays in the foreground; Ctrl-C stops all of it. With --detach it returns once every
process is ready, and `./dev down` stops it. The first start loads demonstration data; later ones find
what is there. A process that ends by itself is started again, after 0.5 s at first and 30 s at most.
With names it starts these processes of the running stack: postgres, redis, rabbitmq,
{", ".join(SERVICE_NAMES)}, gateway.
"""
DOWN_HELP = """\
Stops the stack; its data stay. With names it stops these processes alone, and they are not started again
until `./dev up` or `./dev up NAME`.
"""
STATUS_HELP = """\
Shows each process with its state, pid, port, restarts and start time. Exit status 0 if every one of them
runs and is healthy, else 1.
"""
TOP_HELP = """\
Shows the running stack on one screen, once a second until Ctrl-C: each process with its memory, processor time,
requests a second and how long they take; the events that wait in outboxes and queues, and how far copies are behind;
what was refused, seats, webhooks and imports. A terminal with more than 24 lines shows the busiest routes too. Where
there is no terminal it prints one frame. What is not known is shown as –, and what is wrong in red.
"""
RUN_HELP = """\
Runs a service or the gateway of the running stack in the foreground, in place of the stack's own process, with the
same address and settings: breakpoint() stops in this terminal. Ctrl-C ends it, and the stack starts its own again.
LOG_LEVEL, PYTHONBREAKPOINT and PYTHONASYNCIODEBUG of the environment reach it.
docs/how-to/debug-one-process.md shows it.
"""
SIGNING_HELP = """\
Prints a client token for the running stack, alone on the last line. The options are those of
`python -m services.accounts token`; without any it is an Admin of organisation 1 for 12 hours.
"""
TEST_HELP = """\
Runs pytest with the given arguments (without any: the whole suite, but for the controls that take long,
which `./dev test -m long` runs) against private servers that are started for this run and removed after
it. The exit status is pytest's.
"""
UNIT_HELP = """\
Runs the tests in tests/unit, which need no server, or what the arguments of pytest name there. A test that connects
to a server fails. It takes seconds: tests marked slow are left out, and each property is tried on ten examples;
`./dev test tests/unit` runs all. The exit status is pytest's.
"""
OUTSIDERS_HELP = """\
Runs the tests in tests/outsiders, or what the arguments of pytest name there: the gateway with an identity provider
and a client that others wrote, npm's oidc-provider and openid-client. They need Node.js 18 and npm, which are
installed where that is allowed. The exit status is pytest's.
"""
FIX_HELP = """\
Applies the fixes that ruff is sure of, then formats the code. Exit status 1 if something is left to do by hand:
./dev lint says what.
"""
DOCUMENTS_HELP = """\
Writes the documents that describe the API, from the declarations in the code: docs/openapi.json and what else
documents/outputs.py lists, and docs/schema.d.ts, the types for TypeScript, with openapi-typescript: when the first of
them has changed, that needs Node.js 18 and npm, which are installed where that is allowed. ./dev lint fails when one is
out of date.
"""
LOGS_HELP = """\
Prints the last lines of the stack's logs in the order of time: time (UTC), level, log, message, fields, request id.
Without names, the logs of the gateway and the services; with names, any log in .stack/log. Older lines are in
NAME.log.1, where a log has grown large.
"""
TRACE_HELP = """\
Prints where the time of a request went: its spans in the gateway, the services and what follows its events, each below
what caused it, with milliseconds. Without an id, the last requests that were traced. One in a hundred is, whatever
fails, and what an administrator asks for with the header X-Trace: on; TRACE_SAMPLE_RATIO=1 ./dev up traces all.
"""
SERVICE_HELP = f"one of {', '.join(SERVICE_NAMES)}"
PSQL_HELP = """\
Opens psql in the database of a service, as the role that the service has. What follows the service goes to
psql: ./dev psql catalog -c 'SELECT count(*) FROM courses'
"""
OPERATOR_HELP = """\
Runs `python -m services.SERVICE {command}` on the running stack, with the environment that it needs. What
follows the service goes to the command: ./dev {command} history --help
"""
OPERATOR_COMMANDS = {
    "verify": "compare a service's copies with their owners",
    "rebuild": "rebuild a service's copies from their owners",
    "dead-letters": "messages that a service could not apply",
}
ACCOUNTS_HELP = """\
Runs a command of accounts on the running stack, with the environment that it needs: ./dev accounts keys list.
./dev accounts alone lists the commands.
"""
SUBSCRIBER_HELP = """\
Users of the stack's broker for programs that follow the events. add NAME makes one, subscriber.NAME, and prints the
broker's address with its password, alone on the last line; repeated, it prints the same. The user may declare queues
whose names begin with its own, bind them to the exchange of events and read them, and may publish no event.
remove NAME takes the user and its queues away. list prints the names. run starts the example of examples/subscriber in
the foreground with a user of its own; Ctrl-C ends it.
"""
AUDIT_HELP = """\
Asks a vulnerability service about every package in requirements-tracing.lock. Exit status 1 if it knows of a
vulnerability, 2 if it could not be asked.
"""
FUZZ_HELP = """\
Runs the fuzz tests with many more inputs than the suite does, other ones in each round, until the minutes are
over or one fails. What was found is printed in its smallest form. The exit status is pytest's.
"""
MUTANTS_HELP = """\
Makes small mistakes in the functions of these modules, one at a time in a copy, and runs the unit tests that import
them. Prints each one that no test notices. Exit status 1 unless tests/mutants.toml explains them all.
"""
VENDOR_HELP = """\
Fetches the file that shows the API's documents in a browser from npm, in the version and with the SHA-256 that
stack/commands/vendor.py names, and writes it where the gateway serves it. Needs Node.js 18 and npm, which are installed
where that is allowed.
"""
SEED_HELP = """\
Loads data into the running stack: without options the demonstration rows, with --people or --enrollments
a realistic size of organisation 1 (courses, sessions and places follow from it unless given). These rows but the
enrollments are imported through the API; the same size again adds nothing, and a larger one what is missing.
"""


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands; `token` and `test` leave their own arguments in `rest`."""
    parser = argparse.ArgumentParser(
        prog="./dev",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_up(commands)
    down = commands.add_parser("down", help="stop the stack, or one process of it", description=DOWN_HELP)
    down.add_argument("names", nargs="*", metavar="NAME", help="a process of the stack")
    status = commands.add_parser("status", help="show what runs where", description=STATUS_HELP)
    status.add_argument("--json", action="store_true", help="for programs")
    top = commands.add_parser("top", help="watch the stack on one screen", description=TOP_HELP)
    top.add_argument("--once", action="store_true", help="print one frame, and return")
    run = commands.add_parser("run", help="run one process in the foreground", description=RUN_HELP)
    run.add_argument("name", metavar="NAME", help=f"gateway, {', '.join(SERVICE_NAMES)}")
    run.add_argument("--debug", action="store_true", help="under pdb, which stops at its first line")
    _add_token(commands)
    _add_seed(commands)
    _add_logs(commands)
    trace = commands.add_parser("trace", help="show where the time of a request went", description=TRACE_HELP)
    trace.add_argument("request_id", nargs="?", metavar="REQUEST_ID", help="its X-Request-Id")
    _add_psql(commands)
    for name, what in OPERATOR_COMMANDS.items():
        operator = commands.add_parser(name, help=what, description=OPERATOR_HELP.format(command=name))
        operator.add_argument("service", metavar="SERVICE", help=SERVICE_HELP)
        operator.add_argument("rest", nargs=argparse.REMAINDER, metavar="arguments")
    accounts = commands.add_parser("accounts", help="users, programs and keys that sign", description=ACCOUNTS_HELP)
    accounts.add_argument("rest", nargs=argparse.REMAINDER, metavar="COMMAND")
    _add_subscriber(commands)
    unit = commands.add_parser("unit", help="run the tests that need no server", description=UNIT_HELP)
    unit.add_argument("rest", nargs=argparse.REMAINDER, metavar="pytest arguments")
    test = commands.add_parser("test", help="run the tests", description=TEST_HELP)
    test.add_argument("rest", nargs=argparse.REMAINDER, metavar="pytest arguments")
    outsiders = commands.add_parser("outsiders", help="test with others' programs", description=OUTSIDERS_HELP)
    outsiders.add_argument("rest", nargs=argparse.REMAINDER, metavar="pytest arguments")
    faults = commands.add_parser("faults", help="break things at random, long", add_help=False)
    faults.add_argument("rest", nargs=argparse.REMAINDER, metavar="--minutes N --seed S")
    bench = commands.add_parser("bench", help="measure against peers", add_help=False)
    bench.add_argument("rest", nargs=argparse.REMAINDER, metavar="--scale N --rounds N --only NAME … --quick")
    fuzz = commands.add_parser("fuzz", help="look for inputs that break something", description=FUZZ_HELP)
    fuzz.add_argument("--minutes", type=positive, default=10, metavar="N", help="whole rounds for so long (default 10)")
    mutants = commands.add_parser("mutants", help="see what the unit tests notice", description=MUTANTS_HELP)
    mutants.add_argument("modules", nargs="+", metavar="MODULE", help="like gateway.upstream.bulkhead")
    commands.add_parser(
        "lint",
        help="check the code",
        description="Runs ruff check, ruff format --check, mypy and lint-imports, and sees whether docs/licences.md and"
        " the documents are up to date. Exit status 1 if any fails.",
    )
    commands.add_parser("fix", help="let ruff fix and format the code", description=FIX_HELP)
    audit = commands.add_parser("audit", help="look for known vulnerabilities", description=AUDIT_HELP)
    audit.add_argument("--service", choices=("pypi", "osv"), default="pypi", help="whom to ask (default pypi)")
    commands.add_parser(
        "licences", help="write docs/licences.md", description="Writes docs/licences.md from the locks."
    )
    commands.add_parser("vendor", help="fetch others' files that the gateway serves", description=VENDOR_HELP)
    documents = commands.add_parser(
        "documents", help="write docs/openapi.json and its like", description=DOCUMENTS_HELP
    )
    documents.add_argument("--released", action="store_true", help="later documents are compared with the one of now")
    commands.add_parser("help", help="show this")
    return parser


def _add_up(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    up = commands.add_parser("up", help="start the stack, or one process of it", description=UP_HELP)
    up.add_argument("names", nargs="*", metavar="NAME", help="a process of the running stack")
    up.add_argument("--detach", action="store_true", help="return when every process is ready")


def _add_token(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    token = commands.add_parser("token", help="print a client token", description=SIGNING_HELP)
    token.add_argument("--org", metavar="N", default="1", help="organisation (default 1)")
    token.add_argument("--subject", metavar="S", help="the token's sub (default: the demonstration user of the role)")
    rights = token.add_mutually_exclusive_group()
    rights.add_argument("--role", metavar="R", help="Admin (default), HR Manager, Trainer, …")
    rights.add_argument("--permissions", metavar="a,b", help="these permissions instead of a role's")
    token.add_argument("--user-type", metavar="T", help="staff, contractor or service")
    token.add_argument("--employee-id", metavar="N", help="the person the user is")
    token.add_argument("--company", metavar="N", action="append", default=[], help="whose people are theirs")
    token.add_argument("--rate-limit", metavar="N", help="requests a minute (default: the gateway's RATE_LIMIT)")
    token.add_argument("--ttl", metavar="SECONDS", help="validity (default 12 hours); --ttl=-60 has expired")


def _add_subscriber(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    subscriber = commands.add_parser("subscriber", help="let a program follow the events", description=SUBSCRIBER_HELP)
    subscriber.add_argument("action", choices=("add", "remove", "list", "run"))
    subscriber.add_argument("name", nargs="?", metavar="NAME", help="a-z, 0-9 and -; of run: example, if not given")
    subscriber.add_argument("--faststream", action="store_true", help="run the example that is written with FastStream")


def _add_logs(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    logs = commands.add_parser("logs", help="show the logs", description=LOGS_HELP)
    logs.add_argument("names", nargs="*", metavar="NAME", help="a service, gateway, postgres, redis, rabbitmq, …")
    logs.add_argument("-f", "--follow", action="store_true", help="go on with what is appended, until Ctrl-C")
    logs.add_argument("-n", "--lines", type=positive, default=50, metavar="N", help="how many (default 50)")
    logs.add_argument("--request-id", metavar="ID", help="only the lines of this request, from the whole of the logs")
    logs.add_argument("--json", action="store_true", help="the lines as they are in the files")


def _add_psql(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    psql = commands.add_parser("psql", help="open a service's database", description=PSQL_HELP)
    psql.add_argument("--owner", action="store_true", help="as the role that owns the tables: it may change them")
    psql.add_argument("service", metavar="SERVICE", help=SERVICE_HELP)
    psql.add_argument("rest", nargs=argparse.REMAINDER, metavar="psql arguments")


def _add_seed(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    seed = commands.add_parser("seed", help="load data", description=SEED_HELP)
    for name, what in (
        ("people", "employees and staff"),
        ("enrollments", "enrollments"),
        ("courses", "courses (default: one for ten sessions)"),
        ("sessions", "sessions (default: enough for the enrollments)"),
        ("places", "places in each session (default 30)"),
    ):
        seed.add_argument(f"--{name}", type=positive, metavar="N", help=what)


def positive(text: str) -> int:
    """A whole number of at least 1, as argparse wants it read."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


if __name__ == "__main__":
    make_parser().print_help()
