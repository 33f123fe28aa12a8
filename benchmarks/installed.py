"""Install packages and code in folders as on Lambda: compiled, and nothing else.

One tree of packages is shared by all handlers; each handler has a tree of its own code. All are
compiled alike, with unchecked hashes, so that no import looks at a source file's time.
"""

import hashlib
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]

_PACKAGES = ROOT / "requirements" / "lambda.txt"
_DEVELOPMENT = ROOT / "requirements" / "dev.txt"
_COMPARED = ("anyio", "awslambdaric", "idna", "simplejson", "snapshot-restore-py", "starlette")


@dataclass(frozen=True, slots=True)
class Packages:
    """The shared folder of packages, and an interpreter that sees no other packages."""

    folder: Path
    interpreter: Path


def install_packages(scratch: Path) -> Packages:
    """Install what the handlers and AWS's runtime client need; kept until a pin changes."""
    pins = _PACKAGES.read_text() + _compared_pins()
    key = hashlib.sha256(f"{sys.version}{pins}".encode()).hexdigest()[:12]
    home = scratch / f"packages-{key}"
    packages = Packages(home / "site-packages", home / "venv" / "bin" / "python")
    if not (home / "complete").exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        requirements = home / "requirements.txt"
        requirements.write_text(pins)
        _run(sys.executable, "-m", "venv", "--without-pip", home / "venv")
        pip = (sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check")
        options = ("--no-deps", "--no-compile", "--require-hashes", "--target", packages.folder)
        _run(*pip, *options, "--requirement", requirements)
        _compile(packages.interpreter, packages.folder)
        (home / "complete").touch()
    return packages


def install_code(packages: Packages, source: Path, target: Path) -> None:
    """Copy a file, or a room of Lading, into a fresh tree and compile it."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    if source.is_dir():  # a room of Lading, which is imported as `lading.<room>`
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, target / "lading" / source.name, ignore=ignored)
        shutil.copy(ROOT / "lading/__init__.py", target / "lading")
    else:
        shutil.copy(source, target / source.name)
    _compile(packages.interpreter, target)


def _compared_pins() -> str:
    """Return the pins in dev.txt of AWS's runtime client, Starlette, and what these need."""
    blocks = re.split(r"\n(?=\S)", _DEVELOPMENT.read_text())
    return "\n".join(block for block in blocks if block.split("==")[0] in _COMPARED) + "\n"


def _compile(interpreter: Path, folder: Path) -> None:
    options = ("-q", "-f", "--invalidation-mode", "unchecked-hash")
    _run(interpreter, "-m", "compileall", *options, folder)


def _run(*command: str | Path) -> None:
    subprocess.run(list(map(str, command)), check=True)
