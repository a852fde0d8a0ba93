"""The connection, for asyncio."""

from __future__ import annotations

from .. import _arguments as arguments
from .. import _exit
from .. import _logging as logs
from .. import _requests as requests
from .._native import Nexus as NativeNexus
from .._providers import Providers
from ..records import (
    Agent,
    Catalogue,
    Message,
    Plugin,
    ServerConfiguration,
    ServerInfo,
    Session,
    SlashCommand,
)
from ._loop import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Mapping
    from types import TracebackType
    from typing import Any, Literal, Optional, Union

    from .. import _native as core
    from .._asks import OnPermission, OnQuestion
    from .._providers import Provider
    from .._requests import Decision, Path, Rules
    from ..api.v1 import AsyncApi
    from .conversation import AsyncConversation
    from .history import AsyncHistory
    from .events import AsyncEvents


class AsyncNexus:
    """One OpenCode server. ``AsyncNexus.local()`` finds or starts one, ``AsyncNexus.connect(url)`` uses one that is named;
    both are awaited, or entered with ``async with``.

    Use it with ``async with``, or ``await close()`` it: a server that was started for it ends then. It ends as well when the program does,
    however that happens.
    """

    __slots__ = ("_native", "_providers", "_api", "__weakref__")

    def __init__(self, native: core.Nexus, providers: Providers) -> None:
        self._native = native
        self._providers = providers
        self._api: Optional[AsyncApi] = None

    @classmethod
    def local(
        cls,
        directory: Optional[Path] = None,
        *,
        server: Optional[str] = None,
        start: Optional[bool] = None,
        binary: Optional[Path] = None,
        keep: Union[Literal["off", "auto", "on"], bool] = "off",
        account: Optional[str] = None,
        passphrase: Optional[str] = None,
        config: Optional[Path] = None,
        profile: Optional[str] = None,
        plugins: bool = False,
        providers: Optional[Mapping[str, Provider]] = None,
    ) -> Opening:
        """Finds a server on this machine, or starts one (OpenCode is installed first where it is not).

        ``directory`` is the folder to work in, by default the current one. ``server`` names a background server
        (``nexus server start NAME``), which must run then. ``start`` says whether one may be started, ``binary`` which
        OpenCode. With ``keep`` conversations go into the encrypted history of an account. ``config`` and ``profile`` choose
        other settings than the person's. With ``plugins`` those that are installed (``nexus plugin add``) give context, look at
        prompts and show themselves, as in ``nexus chat``. ``providers`` give context: see ``provide``.
        """
        wanted = requests.wanted(
            directory=directory,
            server=server,
            start=start,
            binary=binary,
            keep=keep,
            account=account,
            passphrase=passphrase,
            config=config,
            profile=profile,
            plugins=plugins,
        )
        return cls._open(wanted, providers)

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        directory: Optional[Path] = None,
        password: Optional[str] = None,
        user: Optional[str] = None,
        keep: Union[Literal["off", "auto", "on"], bool] = "off",
        account: Optional[str] = None,
        passphrase: Optional[str] = None,
        config: Optional[Path] = None,
        profile: Optional[str] = None,
        plugins: bool = False,
        providers: Optional[Mapping[str, Provider]] = None,
    ) -> Opening:
        """Connects to the server at an address like ``http://127.0.0.1:4096`` or ``https://user:password@host``.

        ``directory`` must exist on this machine too. Without a ``password`` the address and the environment are asked.
        """
        wanted = requests.wanted(
            url=arguments.text("url", url),
            directory=directory,
            password=password,
            user=user,
            keep=keep,
            account=account,
            passphrase=passphrase,
            config=config,
            profile=profile,
            plugins=plugins,
        )
        return cls._open(wanted, providers)

    @classmethod
    def _open(cls, wanted: str, given: Optional[Mapping[str, Provider]]) -> Opening:
        _exit.prepare()
        logs.follow()
        providers = Providers()
        providers.add_all(given)
        return Opening(NativeNexus.open(wanted, providers.native), providers)

    @property
    def server(self) -> ServerInfo:
        """What the server said about itself; asks nobody."""
        return requests.one(ServerInfo, self._native.server())

    @property
    def has_started(self) -> bool:
        """Whether the server was started for this object, and ends with it."""
        return self._native.has_started()

    @property
    def api(self) -> AsyncApi:
        """Every operation of OpenCode 1.x by its name, and those of OpenCode 2 as ``api.v2``."""
        if self._api is None:
            from ..api.v1 import AsyncApi

            self._api = AsyncApi(self.call, self._stream)
        return self._api

    async def call(
        self,
        line: Literal["v1", "v2"],
        operation: str,
        given: Optional[Mapping[str, Any]] = None,
        *,
        directory: Optional[Path] = None,
    ) -> Any:
        """Calls an operation by the identifier that it has in the interface document of a line; ``api`` has a method for each."""
        spoken, name, written = requests.operation(line, operation, given)
        asked = self._native.call(spoken, name, written, arguments.path("directory", directory))
        is_json, answer = await run(asked)
        return requests.load(answer) if is_json else answer

    def _stream(self, line: Literal["v1", "v2"], operation: str, given: Mapping[str, Any]) -> AsyncIterator[Any]:
        from .events import AsyncEvents

        spoken, name, written = requests.operation(line, operation, given)
        return _data(AsyncEvents(self._native.stream(spoken, name, written, None)))

    @property
    def history(self) -> AsyncHistory:
        """The encrypted history in which conversations are kept; an error when they are not."""
        from .history import AsyncHistory

        return AsyncHistory(requests.history(self._native.history()), self._native)

    def plugins(self) -> list[Plugin]:
        """How the installed plugins stand; none when it was opened without ``plugins``. Asks nobody."""
        return requests.many(Plugin, self._native.plugins())

    async def conversation(
        self,
        session: Union[str, Session, None] = None,
        *,
        directory: Optional[Path] = None,
        title: Optional[str] = None,
        permissions: Optional[Decision] = None,
        rules: Optional[Rules] = None,
        questions: Optional[Literal["ask", "deny"]] = None,
        on_permission: Optional[OnPermission] = None,
        on_question: Optional[OnQuestion] = None,
        answer_within: Optional[float] = None,
        give_up: Optional[float] = None,
        open_within: Optional[float] = None,
    ) -> AsyncConversation:
        """Opens a session that exists, or makes a new one in a folder.

        When the agent asks for a permission, the last of the ``rules`` that matches decides, else ``permissions``
        (``"ask"`` by default, ``"allow"``, ``"deny"``). What is to be asked goes to ``on_permission``, which gives
        ``"once"`` or ``True``, ``"always"``, ``"reject"`` or ``False``, or ``{"reject": "why"}``; ``on_question`` gives the
        labels chosen or ``None``. Both may be ``async``. Without them the events of the turn tell it, and
        ``reply_permission`` and ``answer_question`` answer. Nobody answers within ``answer_within`` seconds (30 minutes by
        default): then the answer is no. A turn is given up when the server is gone for ``give_up`` seconds.
        """
        from .conversation import AsyncConversation

        on_permission = arguments.callback("on_permission", on_permission)
        on_question = arguments.callback("on_question", on_question)
        logs.follow()
        opening = requests.opening(
            session, title, permissions, rules, questions, answer_within, give_up, open_within
        )
        native = await run(self._native.conversation(arguments.path("directory", directory), opening))
        return AsyncConversation(native, on_permission, on_question)

    async def sessions(
        self,
        *,
        directory: Optional[Path] = None,
        search: Optional[str] = None,
        roots: bool = False,
        limit: Optional[int] = None,
    ) -> list[Session]:
        """The sessions of a folder, newest first. ``search`` is a part of the title; ``roots`` leaves out those of sub-agents."""
        asked = self._native.sessions(
            arguments.path("directory", directory),
            arguments.optional("search", search),
            arguments.flag("roots", roots),
            None if limit is None else arguments.number("limit", limit),
        )
        return requests.many(Session, await run(asked))

    async def running(self, *, directory: Optional[Path] = None) -> list[str]:
        """The sessions in which a turn runs, those of sub-agents too."""
        found: list[str] = requests.load(await run(self._native.running(arguments.path("directory", directory))))
        return found

    async def messages(self, session: Union[str, Session]) -> list[Message]:
        """The messages of a session, read from the server now."""
        return requests.many(Message, await run(self._native.messages(arguments.identifier("session", session))))

    async def models(self, *, directory: Optional[Path] = None) -> Catalogue:
        """The providers and models that the server knows."""
        return requests.one(Catalogue, await run(self._native.models(arguments.path("directory", directory))))

    async def agents(self, *, directory: Optional[Path] = None) -> list[Agent]:
        """The agents of a folder."""
        return requests.many(Agent, await run(self._native.agents(arguments.path("directory", directory))))

    async def commands(self, *, directory: Optional[Path] = None) -> list[SlashCommand]:
        """The slash commands that the server offers for a folder."""
        return requests.many(SlashCommand, await run(self._native.commands(arguments.path("directory", directory))))

    async def configuration(self, *, directory: Optional[Path] = None) -> ServerConfiguration:
        """The server's configuration, without secrets."""
        asked = self._native.configuration(arguments.path("directory", directory))
        return requests.one(ServerConfiguration, await run(asked))

    async def patch_configuration(self, patch: Mapping[str, Any], *, directory: Optional[Path] = None) -> None:
        """Changes the server's configuration by a JSON merge patch (RFC 7396): ``None`` removes a name."""
        written = arguments.encode("patch", dict(patch))
        await run(self._native.patch_configuration(arguments.path("directory", directory), written))

    def events(self, *, directory: Optional[Path] = None) -> AsyncEvents:
        """The server's events from now on, in its own words."""
        from .events import AsyncEvents

        return AsyncEvents(self._native.events(arguments.path("directory", directory)))

    def provide(self, name: str, provider: Provider) -> None:
        """Adds context under a name, which prompts name in ``context=``: a function that is given what stands behind the
        colon (or ``None``) and gives a text, a list of texts, or dicts with ``text``, ``title``, ``language``, ``foreign``,
        ``weight``; or an object with such a method ``provide``, and ``summary``, ``argument``, ``suggest(typed)`` if it likes.
        Both may be ``async``. They run in a thread of their own and have 15 seconds.
        """
        self._providers.add(name, provider)

    def withdraw(self, name: str) -> None:
        """Takes such a provider away."""
        self._providers.remove(name)

    async def close(self) -> None:
        """Stops what runs in it, and waits until a server that was started for it is gone. A second call does nothing."""
        try:
            await run(self._native.close())
        finally:
            self._providers.close()

    async def __aenter__(self) -> AsyncNexus:
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        server = self.server
        return f"<AsyncNexus {server.address} OpenCode {server.version}>"


class Opening:
    """A connection that is being made: await it, or enter it with ``async with``."""

    __slots__ = ("_pending", "_providers", "_nexus")

    def __init__(self, pending: core.Pending[core.Nexus], providers: Providers) -> None:
        self._pending = pending
        self._providers = providers
        self._nexus: Optional[AsyncNexus] = None

    async def _opened(self) -> AsyncNexus:
        self._nexus = AsyncNexus(await run(self._pending), self._providers)
        return self._nexus

    def __await__(self) -> Generator[Any, None, AsyncNexus]:
        return self._opened().__await__()

    async def __aenter__(self) -> AsyncNexus:
        return await self._opened()

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if self._nexus is not None:
            await self._nexus.close()


async def _data(events: AsyncEvents) -> AsyncIterator[Any]:
    async for event in events:
        if not event.type.startswith("nexus."):
            yield event.data
