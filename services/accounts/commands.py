"""What an operator does with accounts from the command line."""

from collections.abc import Sequence

from services.accounts.commands_clients import CLIENTS
from services.accounts.commands_import import ADMINISTRATOR, IMPORT
from services.accounts.commands_keys import KEYS
from services.accounts.commands_organisations import ORGANISATIONS
from services.accounts.commands_token import TOKEN
from services.accounts.commands_users import USERS
from services.accounts.settings import AccountsSettings
from shared.service.chassis import Command

COMMANDS: Sequence[Command[AccountsSettings]] = (
    KEYS,
    IMPORT,
    ADMINISTRATOR,
    TOKEN,
    USERS,
    CLIENTS,
    ORGANISATIONS,
)
