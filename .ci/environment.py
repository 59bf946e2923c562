"""Make or refresh the checkout's own environment: ``python environment.py planner|dev``.

Standard library only, so that it runs before anything is installed. The environment is ``.venv``;
it is refreshed only when the pins, the project file or the Python change. uv is used where it is
on the PATH, otherwise pip. Every package is checked against its pinned hash.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
OLDEST = (3, 11)
PROFILES = {"planner": "about 0.9 GB", "dev": "about 1.6 GB"}


def main(profile: str) -> int:
    if profile not in PROFILES:
        return fail(f"unknown profile {profile!r}: expected one of {', '.join(PROFILES)}")
    python = find_python()
    if python is None:
        return fail("Python 3.11 or newer is needed (on Debian or Ubuntu: apt install python3)")
    pins = ROOT / "constraints" / f"{profile}.txt"
    mark = stamp(pins, python)
    if is_fresh(profile, mark):
        return 0
    print(f"Installing the {profile} packages into .venv ({PROFILES[profile]}) ...", flush=True)
    for attempt in (1, 2):
        try:
            install(python, pins)
        except subprocess.CalledProcessError as error:
            if attempt == 2:
                return fail(f"the installation failed: {' '.join(map(str, error.cmd[:4]))} ...")
            print("The installation failed; trying once more.", flush=True)
        else:
            break
    (VENV / f".installed-{profile}").write_text(mark)
    return 0


def fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


def find_python() -> str | None:
    """Path of an interpreter that is new enough: this one, or the newest on the PATH."""
    if sys.version_info >= OLDEST:
        return sys.executable
    names = (f"python3.{minor}" for minor in range(15, OLDEST[1] - 1, -1))
    return next((path for path in map(shutil.which, names) if path), None)


def stamp(pins: Path, python: str) -> str:
    digest = hashlib.sha256(python.encode())
    for path in (pins, ROOT / "pyproject.toml"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_fresh(profile: str, mark: str) -> bool:
    """Whether this profile, or the larger one that contains it, is installed as pinned."""
    path = VENV / f".installed-{profile}"
    if not venv_python().exists():
        return False
    return path.exists() and path.read_text() == mark


def venv_python() -> Path:
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def install(python: str, pins: Path) -> None:
    uv = shutil.which("uv")
    if not venv_python().exists():
        make_venv(python, uv)
    target = str(venv_python())
    if uv:
        pip = [uv, "pip", "install", "--quiet", "--python", target]
    else:
        pip = [target, "-m", "pip", "install", "--quiet", "--prefer-binary", "--timeout", "120"]
        pip += ["--disable-pip-version-check"]
    run([*pip, "--require-hashes", "-r", str(pins)])
    run([*pip, "--no-deps", "--no-build-isolation", "-e", str(ROOT)])


def make_venv(python: str, uv: str | None) -> None:
    if uv:
        run([uv, "venv", "--quiet", "--python", python, str(VENV)])
        return
    try:
        run([python, "-m", "venv", str(VENV)])
    except subprocess.CalledProcessError:
        shutil.rmtree(VENV, ignore_errors=True)
        print("python -m venv failed; on Debian or Ubuntu: apt install python3-venv")
        raise


def run(command: list[str]) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "planner"))
