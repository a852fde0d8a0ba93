"""Accounts on this machine, each with an encrypted history of its own."""

from __future__ import annotations

from . import _arguments as arguments
from . import _exit
from . import _native as core
from . import _requests as requests
from .history import History
from .stored import Account, NewAccount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional


def create(name: str = "default", *, passphrase: str, remember: bool = False) -> NewAccount:
    """Makes an account and makes it the current one. ``remember`` logs in at once, where there is a keyring.

    What it gives has the recovery key, which is shown nowhere else.
    """
    _exit.prepare()
    name, passphrase = arguments.text("name", name, 4096), arguments.text("passphrase", passphrase, 1 << 20)
    remember = arguments.flag("remember", remember)
    return requests.one(NewAccount, core.create_account(name, passphrase, remember).wait())


def all() -> list[Account]:
    """The accounts of this machine, by name."""
    _exit.prepare()
    return requests.many(Account, core.list_accounts().wait())


def history(name: Optional[str] = None, *, passphrase: Optional[str] = None) -> History:
    """The history of an account, by default the current one, without a server: to search, read and export. Without a passphrase
    the account must be logged in."""
    _exit.prepare()
    name, passphrase = arguments.optional("name", name), arguments.optional("passphrase", passphrase)
    return History(core.open_history(name, passphrase).wait(), None)
