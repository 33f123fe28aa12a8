"""Build the site of documentation: `python -m website [FOLDER]`.

The pages are the documents of the repository, and a reference that is made from the code. The site
is in `FOLDER/html`; it needs no network, when it is built or read.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from lading.model_packaging.manifest.models import render_schema as models_schema
from lading.stacks.stages.schema import render_schema as stages_schema
from website.cli_page import cli_page
from website.errors_page import errors_page
from website.http_page import http_page
from website.limits_page import limits_page
from website.metrics_page import metrics_page
from website.python_page import python_page
from website.schema_page import schema_page
from website.sources import copy_documents

REPOSITORY: Final = Path(__file__).parents[1]
FOLDER: Final = Path(".lading/site")

_MODELS = """The models to package and serve. `lading package` makes each a verified version.
[What can be packaged](../frameworks.md) shows entries for every framework."""
_STAGES = """The stages, each a complete deployment. Every key is optional, and so is the file.
[Deploy to AWS](../deploy.md) shows them in use."""


def reference_pages() -> dict[str, str]:
    """Return name -> content of the pages that are made from the code."""
    return {
        "cli": cli_page(),
        "models-yaml": schema_page("models.yaml", _MODELS, json.loads(models_schema())),
        "stages-yaml": schema_page("stages.yaml", _STAGES, json.loads(stages_schema())),
        "http": http_page(),
        "python": python_page(),
        "metrics": metrics_page(),
        "limits": limits_page(),
        "errors": errors_page(REPOSITORY / "lading"),
    }


def write_pages(folder: Path) -> None:
    """Write all pages and the site's configuration into a folder."""
    copy_documents(REPOSITORY, folder / "pages")
    reference = folder / "pages/reference"
    reference.mkdir()
    for name, content in reference_pages().items():
        (reference / f"{name}.md").write_text(content, encoding="utf-8")
    here = Path(__file__).parent
    shutil.copy(here / "site.css", folder / "pages")
    shutil.copy(here / "mkdocs.yml", folder)


def build(folder: Path) -> int:
    """Build the site of a folder with pages, and return 0 if no link or anchor is broken."""
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    return subprocess.run(command, cwd=folder, check=False).returncode


if __name__ == "__main__":
    wanted = Path(sys.argv[1]) if sys.argv[1:] else FOLDER
    write_pages(wanted)
    sys.exit(build(wanted))
