"""What an operator does with accounts from the command line."""

from collections.abc import Sequence

from services.accounts.commands_users import USERS
from services.accounts.settings import AccountsSettings
from shared.service.chassis import Command

COMMANDS: Sequence[Command[AccountsSettings]] = (USERS,)
