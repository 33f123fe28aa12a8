import json
from pathlib import Path

import pytest

from lading.api.errors import NothingLocked
from lading.cli.error_output import end_with_error, exit_code, print_error
from lading.cli.errors import EXIT, CliError
from lading.cli.settings import colors
from lading.emulator.errors import EmulatorError
from lading.functions.contract.errors import InferenceError
from lading.model_packaging.errors import PackagingError
from lading.stacks.errors import StackError


def every_subclass(root: type[Exception]) -> list[type[Exception]]:
    return [root, *(each for child in root.__subclasses__() for each in every_subclass(child))]


@pytest.mark.parametrize(
    "root", [CliError, EmulatorError, InferenceError, PackagingError, StackError]
)
def test_every_error_has_an_exit_code(root: type[Exception]) -> None:
    for kind in every_subclass(root):
        assert exit_code(kind.__new__(kind)) in vars(EXIT).values()


def test_an_error_is_one_line_and_with_json_also_a_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    error = NothingLocked(tmp_path / "lock", "versions")
    assert end_with_error(error, as_json=True) == EXIT.not_found
    captured = capsys.readouterr()
    assert captured.err == f"error: {error} [nothing-locked]\n"
    found = json.loads(captured.out)["error"]
    assert found == {"code": "nothing-locked", "kind": "NothingLocked", "message": str(error)}


def test_what_a_script_has_printed_stays_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    print_error(CliError("the script failed; its last lines:\n    no column x"))
    written = "error: the script failed; its last lines: [cli-error]\n    no column x\n"
    assert capsys.readouterr().err == written


@pytest.mark.parametrize(("stated", "wanted"), [("1", False), ("", None)])
def test_no_color_is_respected(
    monkeypatch: pytest.MonkeyPatch, stated: str, wanted: bool | None
) -> None:
    monkeypatch.setenv("NO_COLOR", stated)
    assert colors() is wanted
