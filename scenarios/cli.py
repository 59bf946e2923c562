"""The planners' commands. Heavy imports happen inside the commands, so that --help is quick."""

# ruff: noqa: PLC0415
from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from scenarios.terminal import FAILED, print_json, progress_shown, told

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=True)
region_app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Fetch, build and show regions.",
)

DEMO_FOLDER = Path("demo-results")
COMPARE_FOLDER = Path("compare-results")
DEMO_SCENARIO = "town"


class EventsKept(StrEnum):
    """Of which incidents every event is kept."""

    ALL = "all"
    SAMPLE = "sample"
    NONE = "none"


Json = Annotated[bool, typer.Option("--json", help="Answer as JSON on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on standard error.")]
Force = Annotated[bool, typer.Option("--force", help="Replace earlier results in --out.")]
Replications = Annotated[
    int | None, typer.Option(min=1, max=100_000, help="Independent repetitions.")
]
Seed = Annotated[int | None, typer.Option(min=0, help="Same seed, same result.")]
Workers = Annotated[
    int | None, typer.Option(min=1, max=1024, help="Processes; all cores when left out.")
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with a study into --out that was interrupted.")
]
Sensitivity = Annotated[
    bool,
    typer.Option(
        "--sensitivity",
        help="Also play inputs lower and higher, one at a time: what would change the answer.",
    ),
]
Events = Annotated[EventsKept, typer.Option(help="Keep every event of these incidents.")]


def _say_version(asked: bool) -> None:
    if not asked:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        print(f"heartreach {version('heartreach')}")
    except PackageNotFoundError:
        print("heartreach (not installed)")
    raise typer.Exit


@app.callback(no_args_is_help=True)
def everywhere(
    shown: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Say the version."),
    ] = False,
) -> None:
    """Gets trained neighbours and defibrillators to a cardiac arrest sooner, and shows beforehand
    what would.

    Results go to standard output or into --out, progress to standard error. Exit codes: 0 done,
    1 could not be done, 2 the input or the call was wrong, 130 interrupted.
    """


@app.command()
@told
def demo(
    out: Annotated[Path, typer.Option(help="Results folder.")] = DEMO_FOLDER,
    replications: Replications = None,
    seed: Seed = None,
    workers: Workers = None,
    resume: Resume = False,
    force: Force = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Simulate 20 years of an invented town.

    Three alerting rules are compared. Needs no data and no network. Leaves a report, tables and a
    summary in --out.
    """
    from scenarios.running import Changes, Order, run_scenario

    changes = Changes(replications=replications, seed=seed)
    order = Order(workers=workers, force=force, quiet=quiet, as_json=as_json, resume=resume)
    run_scenario(DEMO_SCENARIO, out, changes=changes, order=order)


@app.command()
@told
def run(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="A scenario file, or a shipped one's name.")
    ],
    out: Annotated[Path, typer.Option(help="Results folder.")],
    extract: Annotated[
        Path | None, typer.Option(help="Extract (.osm.pbf, .osm) or region folder to use.")
    ] = None,
    zones: Annotated[
        Path | None, typer.Option(help="Areas with population (GeoJSON, GeoParquet) to use.")
    ] = None,
    replications: Replications = None,
    years: Annotated[
        float | None, typer.Option(min=0.001, max=100.0, help="Length of one replication.")
    ] = None,
    seed: Seed = None,
    workers: Workers = None,
    events: Events = EventsKept.SAMPLE,
    resume: Resume = False,
    sensitivity: Sensitivity = False,
    force: Force = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Simulate a scenario and compare its options.

    Tables, a summary and a report are written into --out.
    """
    from scenarios.running import Changes, Order, run_scenario

    changes = Changes(
        extract=extract, zones=zones, replications=replications, years=years, seed=seed
    )
    order = Order(
        workers=workers,
        events=events.value,
        force=force,
        quiet=quiet,
        as_json=as_json,
        resume=resume,
        vary=sensitivity,
    )
    run_scenario(scenario, out, changes=changes, order=order)


@app.command()
@told
def compare(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="A scenario file, or a shipped one's name.")
    ],
    more: Annotated[
        list[str] | None, typer.Argument(metavar="[POLICY]...", help="More of --policies.")
    ] = None,
    policies: Annotated[
        list[str] | None,
        typer.Option(
            metavar="POLICY...",
            help="Names or files of the options, the comparator first; the scenario's own when "
            "left out.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Results folder.")] = COMPARE_FOLDER,
    precision: Annotated[
        float | None,
        typer.Option(
            min=1e-9,
            help="Simulate until every difference of --measure is known to plus or minus this.",
        ),
    ] = None,
    measure: Annotated[
        str, typer.Option(help="A key of the summary; survival by the first model when left out.")
    ] = "",
    max_replications: Annotated[
        int, typer.Option(min=2, max=100_000, help="The most that --precision may lead to.")
    ] = 1000,
    extract: Annotated[
        Path | None, typer.Option(help="Extract (.osm.pbf, .osm) or region folder to use.")
    ] = None,
    zones: Annotated[
        Path | None, typer.Option(help="Areas with population (GeoJSON, GeoParquet) to use.")
    ] = None,
    replications: Replications = None,
    years: Annotated[
        float | None, typer.Option(min=0.001, max=100.0, help="Length of one replication.")
    ] = None,
    seed: Seed = None,
    workers: Workers = None,
    events: Events = EventsKept.NONE,
    resume: Resume = False,
    sensitivity: Sensitivity = False,
    force: Force = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Compare alerting rules on the same arrests: heartreach compare SCENARIO --policies A B C.

    Every option meets the same calls, people and ambulances, so that differences are paired.
    Tables, a summary and a report are written into --out.
    """
    from scenarios.comparing import policies_named, stopping_rule
    from scenarios.running import Changes, Order, compare_options

    changes = Changes(
        extract=extract,
        zones=zones,
        replications=replications,
        years=years,
        seed=seed,
        policies=policies_named(policies, more),
    )
    order = Order(
        workers=workers,
        events=events.value,
        force=force,
        quiet=quiet,
        as_json=as_json,
        resume=resume,
        vary=sensitivity,
        rule=stopping_rule(scenario, measure, precision, replications, max_replications),
    )
    compare_options(scenario, out, measure, changes=changes, order=order)


@app.command()
@told
def scenarios(as_json: Json = False) -> None:
    """List the shipped scenarios."""
    from scenarios.listing import name_width, shipped_rows

    rows = shipped_rows()
    if as_json:
        print_json(rows)
        return
    width = name_width(rows)
    for row in rows:
        print(f"{row['name']:<{width}}{row['title']}")
        print(f"{'':<{width}}{row['question']}")


@app.command()
@told
def policies(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One policy or policy file in full.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the alerting rules, or explain one."""
    from scenarios.listing import policy_lines, policy_rows

    rows = policy_rows(name)
    if as_json:
        print_json(rows)
        return
    print("\n".join(policy_lines(rows, full=name is not None)))


@app.command("export-log")
@told
def export_log(
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS", help="Results folder of run or compare.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="CSV file to write.")],
    policy: Annotated[str | None, typer.Option(help="Only this policy or option.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
    quiet: Quiet = False,
) -> None:
    """Write the alerts of a study as a dispatch platform logs them, GoodSAM-style columns."""
    from scenarios.log_export import export_log as export

    n = export(results, out, policy=policy, force=force)
    if not quiet:
        print(f"{n} alerts written to {out}")


@app.command("drone-operator")
@told
def drone_operator(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="A scenario with drones: file or name.")
    ],
    service: Annotated[str, typer.Option(help="Address of the service.")] = "http://127.0.0.1:8080",
    key_file: Annotated[
        Path | None,
        typer.Option(help="File with the key; otherwise HEARTREACH_DRONE_KEY of the environment."),
    ] = None,
    begin: Annotated[
        datetime | None, typer.Option(help="Its clock begins here (UTC); now when left out.")
    ] = None,
    hurry: Annotated[
        float, typer.Option(min=0.1, max=100.0, help="Its clock runs so many times as fast.")
    ] = 1.0,
    listed: Annotated[
        bool, typer.Option("--list", help="Print the drones for the registry (CSV), and stop.")
    ] = False,
    seed: Seed = None,
    quiet: Quiet = False,
) -> None:
    """Play the operator of a scenario's AED drones against a running live service.

    Flights, weather, airspace and failures are simulated; everything goes over the service's HTTP
    API, as it would for a real operator.
    """
    from scenarios.drone_operating import Work, operate

    operate(
        Work(scenario, service, key_file, begin, hurry, 1 if seed is None else seed, listed, quiet)
    )


@app.command()
@told
def doctor(as_json: Json = False) -> None:
    """Check this installation.

    Packages, folders, disk and time zones. Exit code 1 if something is wrong.
    """
    from scenarios.health import checks

    found = checks()
    if as_json:
        print_json([check._asdict() for check in found])
    else:
        for check in found:
            print(f"{'ok  ' if check.ok else 'WRONG'}  {check.name}: {check.detail}")
    if not all(check.ok for check in found):
        raise typer.Exit(FAILED)


@region_app.command("build")
@told
def region_build(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Extract: .osm.pbf or .osm.")],
    out: Annotated[Path, typer.Option(help="Region folder to make.")],
    zones: Annotated[
        Path | None, typer.Option(help="Areas with population (GeoJSON, GeoParquet).")
    ] = None,
    zone_column: Annotated[
        list[str] | None,
        typer.Option(metavar="OURS=THEIRS", help="Name of a column in --zones; may be repeated."),
    ] = None,
    timezone: Annotated[str, typer.Option(help="IANA name: day and night follow it.")] = "UTC",
    modes: Annotated[
        str, typer.Option(help="Networks to build, with commas between them.")
    ] = "foot,bicycle,car",
    force: Force = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Turn an OpenStreetMap extract into a region folder."""
    from geo.region import build_region
    from scenarios.networks import profiles_of
    from scenarios.output import check_output
    from scenarios.showing import named_columns, region_facts, region_lines

    profiles = profiles_of([mode.strip() for mode in modes.split(",") if mode.strip()])
    check_output(out, force=force)
    with progress_shown(quiet=quiet) as progress:
        region = build_region(
            file,
            out,
            zones=zones,
            zone_columns=named_columns(zone_column or []),
            timezone=timezone,
            profiles=profiles,
            progress=progress.step,
        )
    facts = region_facts(region)
    if as_json:
        print_json(facts)
    else:
        print("\n".join(region_lines(facts)))


@region_app.command("show")
@told
def region_show(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Region folder.")],
    as_json: Json = False,
) -> None:
    """Show what a region folder holds: roads, AEDs and their hours, people, warnings."""
    from geo.region import Region
    from scenarios.showing import region_facts, region_lines

    facts = region_facts(Region.open(folder))
    if as_json:
        print_json(facts)
    else:
        print("\n".join(region_lines(facts)))


@region_app.command("fetch")
@told
def region_fetch(
    place: Annotated[
        str, typer.Argument(metavar="PLACE", help="A place, as Geofabrik or BBBike call it.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Extract to write; PLACE.osm.pbf here when left out.")
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Download an extract by the name of its place, where there is a connection.

    Without one, says which file to fetch elsewhere and what to do with it.
    """
    from scenarios.fetching import fetch

    with progress_shown(quiet=quiet) as progress:
        found = fetch(place, out, force=force, progress=progress.step)
    if as_json:
        print_json({"place": found.name, "url": found.url, "out": str(found.path)})
    else:
        print(found.path)
        print(f"Next: heartreach region build {found.path} --out FOLDER --timezone ZONE")


app.add_typer(region_app, name="region")
