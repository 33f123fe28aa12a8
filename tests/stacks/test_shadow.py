"""A version that answers in the shadow of another one, in the model's stack."""

from pathlib import Path

import pytest
from aws_cdk.assertions import Template

from lading.stacks.errors import StackError
from tests.stacks.option_matrix import two_versions
from tests.stacks.synthesis import one_model, statements, variables

STAGES = "stages: {dev: {models: {digits: {shadow: {version: %s, percent: 25}}}}}"
SHADOW = "lading-dev-shadow-digits"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return one_model(tmp_path_factory.mktemp("shadow"), two_versions("digits"), STAGES % 4)


def test_the_function_sends_a_share_to_the_other_version_and_may_invoke_it_alone(
    template: Template,
) -> None:
    found = variables(template, "lading-dev-model-digits")
    assert (found["LADING_SHADOW"], found["LADING_SHADOW_PERCENT"]) == (f"{SHADOW}:live", "25")
    invoked = [str(it["Resource"]) for it in statements(template, "lambda:InvokeFunction")]
    assert sum(f"{SHADOW}:live" in it for it in invoked) == 1


def test_both_note_their_answers_and_the_shadow_has_none_itself(template: Template) -> None:
    served, shadow = (variables(template, name) for name in ("lading-dev-model-digits", SHADOW))
    assert served["LADING_NOTE_ANSWERS"] == shadow["LADING_NOTE_ANSWERS"] == "true"
    assert "LADING_SHADOW" not in shadow
    assert '"4"' in shadow["LADING_MODELS"]


@pytest.mark.parametrize(
    ("version", "reason"), [(3, "which serves"), (9, "the lock does not have; it has 3, 4")]
)
def test_a_version_that_cannot_be_a_shadow_is_refused(
    tmp_path: Path, version: int, reason: str
) -> None:
    with pytest.raises(StackError, match=reason):
        one_model(tmp_path, two_versions("digits"), STAGES % version)
