"""Accounts on this machine, each with an encrypted history of its own."""

from __future__ import annotations

from . import _arguments as arguments
from . import _exit
from . import _native
from . import _requests as requests
from .records import Account, NewAccount


def create(name: str = "default", *, passphrase: str, remember: bool = False) -> NewAccount:
    """Makes an account and makes it the current one. ``remember`` logs in at once, where there is a keyring.

    What it gives has the recovery key, which is shown nowhere else.
    """
    _exit.prepare()
    name, passphrase = arguments.text("name", name, 4096), arguments.text("passphrase", passphrase, 1 << 20)
    remember = arguments.flag("remember", remember)
    return requests.one(NewAccount, _native.create_account(name, passphrase, remember).wait())


def all() -> list[Account]:
    """The accounts of this machine, by name."""
    _exit.prepare()
    return requests.many(Account, _native.list_accounts().wait())
