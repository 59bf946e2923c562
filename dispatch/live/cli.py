"""The service's commands. Heavy imports happen inside the commands, so that --help is quick."""

# ruff: noqa: PLC0415
from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar

import typer

if TYPE_CHECKING:
    from types import FrameType

    from dispatch.config import Policy
    from dispatch.live.service import Service
    from dispatch.live.settings import Settings
    from geo.region import Region

P = ParamSpec("P")
R = TypeVar("R")

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
keys_app = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, help="Keys of systems and people."
)
FAILED, WRONG, INTERRUPTED = 1, 2, 130
TEST_POLICY = "phased_7"
STOP_WAIT_S = 5
WHOLE_MONTH_DAYS = 28

town: Callable[[], Path] | None = None
"""Builds the built-in town and returns its folder; set by whoever may import it."""

demo: Callable[[str, dict[str, str], Path, bool], None] | None = None
"""Plays emergencies against (base URL, keys by role, region folder, whether drones fly); set like
``town``.
"""

Json = Annotated[bool, typer.Option("--json", help="Answer as JSON on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on standard error.")]
Database = Annotated[
    str | None, typer.Option(help="Database address, e.g. sqlite:///heartreach.sqlite.")
]
Config = Annotated[Path | None, typer.Option(help="Configuration file (TOML).")]
Region_ = Annotated[Path | None, typer.Option("--region", help="Region folder.")]
Policy_ = Annotated[
    str | None, typer.Option("--policy", help="Policy file (.toml) or a shipped policy's name.")
]


def told(command: Callable[P, R]) -> Callable[P, R]:
    """Turn what can go wrong into a line and an exit code."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        from dispatch.errors import DispatchError
        from dispatch.live.errors import LiveError, SettingsError
        from geo.errors import GeoError
        from notifications.errors import ChannelMisconfigured

        try:
            return command(*args, **kwargs)
        except (SettingsError, DispatchError, ChannelMisconfigured) as error:
            print(error, file=sys.stderr)
            raise typer.Exit(WRONG) from error
        except (LiveError, GeoError, OSError) as error:
            print(error, file=sys.stderr)
            raise typer.Exit(FAILED) from error
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None

    return wrapped


# --- serve ------------------------------------------------------------------------------------


@app.command()
@told
def serve(
    region: Region_ = None,
    policy: Policy_ = None,
    config: Config = None,
    database: Database = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535)] = None,
    test: Annotated[bool, typer.Option("--test", help="TEST mode: simulated phones only.")] = False,
    play: Annotated[
        bool, typer.Option("--demo", help="Stream simulated emergencies through the API.")
    ] = False,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning, error.")] = None,
    quiet: Quiet = False,
) -> None:
    """Run the live service.

    Without --region and --policy it runs the built-in town in TEST mode, which can alert nobody.
    """
    from dispatch.live.logs import set_up
    from dispatch.live.settings import load_settings

    in_memory = "sqlite://" if database is None and config is None else None
    settings = load_settings(
        config,
        region=region,
        policy=policy,
        host=host,
        port=port,
        test=True if test or play else None,
        log_level=log_level or ("error" if quiet else None),
        database=database,
    )
    if settings.test_mode and in_memory and "HEARTREACH_DATABASE" not in os.environ:
        settings = settings.model_copy(update={"database": in_memory})
    set_up(settings.log_level)
    say = _say_nothing if quiet else _say
    folder = _region_folder(settings, say)
    service = _service(settings, folder)
    keys = _test_keys(service) if settings.test_mode else {}
    _listen(service, settings, keys, folder if play else None, say)


def _region_folder(settings: Settings, say: Callable[[str], None]) -> Path | None:
    if settings.region is not None:
        return settings.region
    if town is None:
        return None
    say("TEST mode on the built-in town (nobody can be alerted)")
    return town()


def _service(settings: Settings, folder: Path | None) -> Service:
    from dispatch.live.service import Service

    policy, content = _policy(settings.policy or TEST_POLICY)
    found = _open_region(folder)
    if settings.region is None:
        # The town is for TEST mode only; its folder must not make the service a live one.
        settings = settings.model_copy(update={"test": True})
    return Service(settings, region=found, policy=policy, content=content)


def _open_region(folder: Path | None) -> Region | None:
    if folder is None:
        return None
    from geo.region import Region
    from geo.routing import warmup

    warmup()
    return Region.open(folder)


def _policy(source: str) -> tuple[Policy, str]:
    from importlib import resources

    from dispatch.config import load_policy, preset_names

    policy = load_policy(source)
    if source in preset_names():
        content = (resources.files("dispatch") / "presets" / f"{source}.toml").read_text("utf-8")
    else:
        content = Path(source).read_text("utf-8")
    return policy, content


def _test_keys(service: Service) -> dict[str, str]:
    """Keys of every role for TEST mode, where nobody real can be reached with them."""
    from dispatch.live.auth import Role
    from dispatch.live.modes import TEST_LABEL

    def make(tx: Any) -> dict[str, str]:
        now_s = service.clock()
        return {
            role.value: service.doors.create_key(tx, role, TEST_LABEL, by="operator", now_s=now_s)
            for role in Role
            if role is not Role.RESPONDER
        }

    return service.store.transact(make)


def _listen(
    service: Service,
    settings: Settings,
    keys: dict[str, str],
    played: Path | None,
    say: Callable[[str], None],
) -> None:
    import socket
    import threading

    import uvicorn

    from dispatch.live.app import create_app

    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((settings.host, settings.port))
    base = f"http://{settings.host}:{listener.getsockname()[1]}"

    class Server(uvicorn.Server):
        """Announces itself once it answers, and ends open streams when it is told to stop."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            service.leaving = True
            service.stream.wake()
            super().handle_exit(sig, frame)

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.should_exit:
                return
            _announce(base, keys, say)
            if played is not None and demo is not None:
                given = (base, keys, played, service.uses_drones())
                threading.Thread(target=demo, args=given, daemon=True).start()

    config = uvicorn.Config(
        create_app(service),
        log_config=None,
        access_log=False,
        backlog=2048,
        timeout_graceful_shutdown=STOP_WAIT_S,
    )
    Server(config).run(sockets=[listener])


def _announce(base: str, keys: dict[str, str], say: Callable[[str], None]) -> None:
    """Say where it listens, and in TEST mode the keys: results go to standard output."""
    print(json.dumps({"listening": base, "keys": keys}), flush=True)
    say(f"listening on {base}; OpenAPI at {base}/openapi.json")
    say("This is an aid to the emergency response and never a part of it.")


# --- dry-run ----------------------------------------------------------------------------------


@app.command("dry-run")
@told
def dry_run(
    calls: Annotated[
        Path, typer.Argument(metavar="CALLS.csv", help="time, code, lat, lon (or easting ...).")
    ],
    volunteers: Annotated[Path, typer.Option(help="Volunteers' homes (CSV): lat, lon.")],
    policy: Policy_ = TEST_POLICY,
    triggers: Annotated[
        Path | None, typer.Option(help="Trigger table (CSV); left out: the fictional one.")
    ] = None,
    region: Region_ = None,
    timezone: Annotated[str, typer.Option(help="IANA name, without a region.")] = "UTC",
    as_json: Json = False,
) -> None:
    """What last month's calls would have meant, before anybody is alerted.

    Alerts by code and hour, and wakes at night per volunteer. Nobody is alerted.
    """
    import msgspec

    from dispatch.live import dryrun
    from dispatch.live.triggers import load_table

    found = _open_region(region)
    zone = found.timezone if found is not None else timezone
    chosen, _ = _policy(policy or TEST_POLICY)
    result = dryrun.run(
        dryrun.read_calls(calls, zone, found),
        dryrun.read_volunteers(volunteers, found),
        load_table(triggers),
        chosen,
        region=found,
        timezone=zone,
    )
    if as_json:
        print(json.dumps(msgspec.to_builtins(result, str_keys=True), indent=2))
    else:
        _print_dry_run(result, chosen.title)
    known = {calls: dryrun.CALL_COLUMNS, volunteers: dryrun.HOME_COLUMNS}
    for path, columns in known.items():
        unknown = dryrun.unknown_columns(path, columns)
        if unknown:
            print(f"{path}: columns not looked at: {', '.join(unknown)}", file=sys.stderr)


def _print_dry_run(result: Any, title: str) -> None:
    print(f"{title}: {result.calls} calls in {result.days:g} days")
    print(f"{result.alerted} alerted, {result.asked} times somebody asked (nobody answering)")
    print(f"{result.nobody_near} calls with nobody near; {result.ever_asked} of", end=" ")
    print(f"{result.volunteers} volunteers asked at least once\n")
    print("code        calls  alerted  people asked")
    for code, (calls, alerted, asked) in result.by_code.items():
        print(f"{code or '(none)':<10} {calls:>6} {alerted:>8} {asked:>13}")
    print("\nwhy")
    for reason, count in result.by_reason.items():
        print(f"{count:>6}  {reason}")
    print("\npeople asked by local hour")
    for hour in range(0, 24, 6):
        row = result.by_hour[hour : hour + 6]
        print("  ".join(f"{hour + i:02d}h {count:>5}" for i, count in enumerate(row)))
    projected = f", projected from {result.days:g} days" if result.days < WHOLE_MONTH_DAYS else ""
    print(f"\nwakes at night: {result.night_asked}; per volunteer in 30 days{projected}")
    for wakes, people in result.night_wakes.items():
        print(f"{people:>6} volunteers: {wakes}")
    if result.far_away:
        print(f"\n{result.far_away} calls are far from every volunteer: are lat and lon swapped?")
    if result.straight_lines:
        print("\nTravel times are estimates along straight lines: give --region for routes.")


# --- verify and keys --------------------------------------------------------------------------


@app.command()
@told
def verify(
    database: Database = None,
    config: Config = None,
    head: Annotated[
        str | None, typer.Option(help="Audit hash noted elsewhere that must be in the chain.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a database that is not in use: integrity, audit chain, promises, log replayed.

    Exit code 1 if something is wrong.
    """
    import msgspec

    from dispatch.live.settings import load_settings
    from dispatch.live.verify import verify as check

    _must_exist(load_settings(config, database=database).database)
    with _opened(config, database) as store:
        findings = check(store, head)
    if as_json:
        print(json.dumps(msgspec.to_builtins(findings), indent=2))
    else:
        print(f"{findings.incidents} incidents, {findings.events} events", end="; ")
        print(f"{findings.older_core} decided by another version of the core")
        print(f"audit: {findings.audit_rows} rows, head {findings.audit_head}")
        for fault in findings.faults:
            print(f"WRONG  {fault}")
        if not findings.faults:
            print("ok")
    if findings.faults:
        raise typer.Exit(FAILED)


@keys_app.command("add")
@told
def keys_add(
    role: Annotated[
        str, typer.Option(help="control, registrar, auditor, operations, drone_operator.")
    ],
    label: Annotated[str, typer.Option(help="Whose key it is.")],
    database: Database = None,
    config: Config = None,
) -> None:
    """Make a key while the service is stopped; it is shown once."""
    import time

    from dispatch.live.auth import Doorkeeper, Role
    from dispatch.live.errors import SettingsError

    if role not in set(Role) - {Role.RESPONDER}:
        expected = "control, registrar, auditor, operations or drone_operator"
        raise SettingsError(f"--role: expected {expected}")
    with _opened(config, database) as store:
        doors = Doorkeeper(store)
        key = store.transact(
            lambda tx: doors.create_key(tx, Role(role), label, by="operator", now_s=time.time())
        )
    print(key)


def _must_exist(url: str) -> None:
    """A mistyped path must not be found in order; raises ``SettingsError``."""
    from dispatch.live.errors import SettingsError

    kind, _, rest = url.partition("://")
    path = rest.removeprefix("/").partition("?")[0]
    if kind.startswith("sqlite") and not (path and Path(path).is_file()):
        raise SettingsError(f"database {path or url}: there is no such file, so nothing to check")


@contextmanager
def _opened(config: Path | None, database: str | None) -> Iterator[Any]:
    from dispatch.live.settings import load_settings
    from dispatch.live.store.engine import opened

    with opened(load_settings(config, database=database).database) as store:
        yield store


app.add_typer(keys_app, name="keys")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _say_nothing(_: str) -> None:
    """Quiet."""
