"""`muster login`, `logout` and `whoami`."""

import getpass
import os
import sys
from typing import Annotated

import typer

from muster.asked import Limits
from muster.command.common import DONE, IN_PART, STATUS, AsJson, Common
from muster.command.kept import Login
from muster.command.lists import show_row
from muster.command.signed_in import KeptTokens, signed_in
from muster.errors import BadInput, MusterError, SettingsMissing
from muster.settings import Settings, checked_url
from muster.transport import Transport

LOGOUT_STATUS = STATUS.replace("2 if not", "1 if the server could not be told")


def add_signing_in(app: typer.Typer) -> None:
    app.command("login", epilog=STATUS)(login)
    app.command("logout", epilog=LOGOUT_STATUS)(logout)
    app.command("whoami", epilog=STATUS)(whoami)


def login(
    context: typer.Context,
    server: Annotated[str | None, typer.Argument(metavar="[URL]", help="The server, else --url or MUSTER_URL")] = None,
    email: Annotated[str | None, typer.Option(help="Else MUSTER_EMAIL, or it is asked for")] = None,
    as_json: AsJson = False,
) -> None:
    """Sign in with your address and password, for 30 days from the last use. The password is asked for, or read from
    standard input or MUSTER_PASSWORD; it is kept nowhere."""
    common: Common = context.obj

    def work() -> int:
        url = _url(common, server)
        address = email or os.environ.get("MUSTER_EMAIL") or _asked("Email: ")
        password = os.environ.get("MUSTER_PASSWORD") or _password()
        settings = Settings(url, email=address, password=password)
        with Transport(settings, notify=common.screen.note) as transport:
            login = transport.carry_out(signed_in(url, address, password, Limits()))
        common.keeper.save(login)
        if as_json:
            common.output(as_json=True).row({"url": url, "email": address})
        else:
            common.out.say(f"You are signed in at {url} as {address}.")
        return DONE

    common.end(work, as_json=as_json)


def logout(context: typer.Context, as_json: AsJson = False) -> None:
    """Sign out: the tokens are revoked, and forgotten here."""
    common: Common = context.obj

    def work() -> int:
        try:
            kept = common.keeper.load()
        except SettingsMissing:
            common.keeper.forget()
            raise
        status = DONE if kept is None else _signed_out(common, kept)
        if as_json:
            common.output(as_json=True).row(
                {"url": kept and kept.url, "signed_out": kept is not None and status == DONE}
            )
        elif kept is None:
            common.out.say("Nobody is signed in.")
        elif status == DONE:
            common.out.say(f"You are signed out at {kept.url}.")
        return status

    common.end(work, as_json=as_json)


def _signed_out(common: Common, kept: Login) -> int:
    """Here in any case, and at the server if it can be told."""
    tokens = KeptTokens(common.keeper, kept.url, Limits())
    try:
        with Transport(Settings(kept.url, email=kept.email), notify=common.screen.note, tokens=tokens) as transport:
            transport.request("POST", "/api/v1/auth/logout")
    except MusterError as error:
        common.screen.say(f"The login is forgotten here, and may be good at {kept.url} for up to 30 days: {error}")
        return IN_PART
    finally:
        common.keeper.forget()
    return DONE


def whoami(context: typer.Context, as_json: AsJson = False) -> None:
    """Show who asks, and what they may do."""
    common: Common = context.obj
    common.run(lambda session: show_row(session, "/api/v1/auth/me"), as_json=as_json)


def _url(common: Common, server: str | None) -> str:
    """Of the server, of the one before where none is named."""
    url = server or common.given.get("url") or os.environ.get("MUSTER_URL")
    kept = None if url else common.keeper.load()
    return checked_url(url or (kept.url if kept else None))


def _asked(prompt: str) -> str:
    if not sys.stdin.isatty():
        raise BadInput("Who signs in? Give --email, or set MUSTER_EMAIL.")
    print(prompt, end="", file=sys.stderr, flush=True)
    if not (answer := sys.stdin.readline().strip()):
        raise BadInput("Nobody signs in without an address.")
    return answer


def _password() -> str:
    """Asked for on a terminal without showing it, else the first line of standard input."""
    password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise BadInput(
            "The password is empty. Without a terminal it is read from standard input, or set MUSTER_PASSWORD."
        )
    return password
