"""What a command says before it plays anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios import running
from scenarios.errors import Fault, InputFaults, OutputRefused
from scenarios.output import check_output
from scenarios.running import Changes, Order, compare_options
from scenarios.terminal import told


def test_one_option_is_no_comparison(tmp_path: Path) -> None:
    changes = Changes(policies=("nearest_3",))
    with pytest.raises(InputFaults, match="at least 2 options to compare, found nearest_3"):
        compare_options("town", tmp_path / "out", "", changes=changes, order=Order(quiet=True))
    assert not (tmp_path / "out").exists()


def test_a_name_too_long_for_a_folder_is_refused_as_such(tmp_path: Path) -> None:
    with pytest.raises(OutputRefused, match=r"--out .*a folder that can be made expected"):
        check_output(tmp_path / ("x" * 300), force=False)


@pytest.mark.parametrize(("resume", "hints"), [(True, 0), (False, 1)])
def test_parts_of_another_study_are_not_told_to_be_resumed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    resume: bool,
    hints: int,
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OutputRefused("--resume: made by another scenario: run without --resume")

    monkeypatch.setattr("scenarios.study.run_study", refused)
    parts = running.parts_folder(tmp_path / "out")
    parts.mkdir()
    (parts / "0.part").write_bytes(b"")
    with pytest.raises(OutputRefused):
        running.run_scenario(
            "town", tmp_path / "out", changes=Changes(), order=Order(resume=resume, quiet=True)
        )
    assert capsys.readouterr().err.count("add --resume") == hints


def test_commands_show_a_few_of_many_faults_alike(capsys: pytest.CaptureFixture[str]) -> None:
    import typer  # noqa: PLC0415

    @told
    def command() -> None:
        raise InputFaults(Fault("a.csv", "lat", "a number", line=line) for line in range(90))

    with pytest.raises(typer.Exit):
        command()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 6
    assert lines[-1] == "a.csv: lat: … and 85 more like this: a number"


def test_an_unknown_policy_is_told_with_its_line_and_a_near_name(tmp_path: Path) -> None:
    from scenarios.loading import load_scenario  # noqa: PLC0415
    from scenarios.options import options_of  # noqa: PLC0415

    file = tmp_path / "scenario.toml"
    file.write_text(
        'title = "x"\n[region]\nsource = "town"\n[[options]]\nname = "a"\n'
        '[[options]]\nname = "b"\npolicy = "nearest_4"\n'
    )
    with pytest.raises(InputFaults) as caught:
        options_of(load_scenario(file))
    line = str(caught.value)
    assert "scenario.toml:8: options[1].policy: a policy file (*.toml) that is there" in line
    assert line.endswith("(did you mean nearest_3? heartreach policies lists them)")


def test_a_study_names_the_faults_of_all_its_files_at_once(tmp_path: Path) -> None:
    (tmp_path / "arrests.csv").write_text("called_at,lat,lon\nsomeday,50,0\n")
    (tmp_path / "aeds.csv").write_text("aed_id,lat,lon\na,north,0\n")
    file = tmp_path / "scenario.toml"
    file.write_text(
        'title = "x"\n[region]\nsource = "town"\n[incidents]\ncsv = "arrests.csv"\n'
        'observed_years = 1.0\n[aeds]\nsource = "csv"\ncsv = "aeds.csv"\n'
    )
    with pytest.raises(InputFaults) as caught:
        running.run_scenario(
            str(file), tmp_path / "out", changes=Changes(), order=Order(quiet=True)
        )
    assert [Path(fault.file).name for fault in caught.value.faults] == ["arrests.csv", "aeds.csv"]
