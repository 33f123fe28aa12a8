"""`lading verify` beside what `test_sign.py` tries."""

from pathlib import Path

from tests.cli.conftest import Lading
from tests.support.signing import new_pair


def test_an_unknown_model_and_a_file_that_is_no_key_are_errors(
    lading: Lading, workspace: Path
) -> None:
    _, public = new_pair(workspace / "keys")
    unknown = lading("verify", "other", "--key", str(public))
    assert unknown.code == 4
    assert "has no model 'other'" in unknown.err
    result = lading("verify", "--key", "models.yaml")
    assert result.code == 2
    assert "key models.yaml is not a public key in PEM; write one with" in result.err
