"""Every row of the table: what breaks it is refused, with the row, before anything is made."""

from pathlib import Path

import pytest

from lading.stacks.errors import SettingsError
from lading.stacks.stages.sagemaker import SageMakerSettings
from lading.stacks.stages.sagemaker_rules import RULES, TABLE, impossible
from lading.stacks.stages.settings import load_deployment

BROKEN = {
    "an endpoint has at most 5": "instances: [ml.g5.xlarge, ml.g5.2xlarge, ml.g5.4xlarge, "
    "ml.g5.8xlarge, ml.g5.12xlarge, ml.g5.16xlarge]",
    "count.max must be": "count: {min: 3, max: 2}",
    "canary, linear and rolling shift": "update: {policy: canary}",
    "ml.inf1 supports only": "instances: [ml.inf1.xlarge]\ncount: {min: 2, max: 2}",
    "with linear": "count: {min: 2, max: 2}\nupdate: {policy: linear, percent: 5}",
    "update.percent has no effect": "update: {percent: 20}",
    "update.timeout_s must be": "update: {wait_s: 600, timeout_s: 600}",
    "an update watches at most 10": f"update: {{alarms: [{', '.join('abcdefghi')}]}}",
    "update.alarms has no effect": "update: {rollback: false, alarms: [mine]}",
    "instance types with local disks": "instances: [ml.g5.xlarge]\nvolume_key: arn:aws:kms:x",
    "inference_ami has a driver": (
        "instances: [ml.m5.xlarge]\ninference_ami: al2-ami-sagemaker-inference-gpu-3-1"
    ),
}
"""Start of a rule's row -> settings that break it."""

MODES = [
    (
        "mode: scale_to_zero\nupdate: {policy: canary}",
        "update.policy",
        "supports rolling, not canary",
    ),
    ("mode: scale_to_zero\ncount: {min: 1}", "count.min", "mode scale_to_zero requires 0, not 1"),
    ("count: {min: 0}", "count.min", "mode steady requires 1 to 100, not 0"),
    (
        "mode: async\nscaling: {metric: concurrency}",
        "scaling.metric",
        "mode async supports backlog, not concurrency",
    ),
    (
        "scaling: {metric: backlog}",
        "scaling.metric",
        "mode steady supports concurrency or invocations, not backlog",
    ),
    ("component: {accelerators: 2}", "component", "only mode scale_to_zero has this key"),
    ("queue: {concurrency: 2}", "queue", "only mode async has this key"),
]

POSSIBLE = [
    "{}",
    "count: {min: 2, max: 4}\nupdate: {policy: canary, percent: 50}",
    "count: {min: 2, max: 2}\nupdate: {policy: linear, percent: 10}",
    "count: {min: 4, max: 8}\nupdate: {policy: rolling, percent: 25, alarms: [mine]}",
    "update: {policy: all_at_once, rollback: false}",
    "mode: scale_to_zero\ncount: {max: 3}\ncomponent: {accelerators: 4, cpus: 8}",
    "mode: async\ncount: {max: 3}\nqueue: {concurrency: 8}\nscaling: {target: 5}",
    "instances: [ml.p3.2xlarge, ml.m5.xlarge]\nvolume_key: arn:aws:kms:x",
    "instances: [ml.inf2.xlarge]\ninference_ami: al2-ami-sagemaker-inference-neuron-2",
]


def written(folder: Path, settings: str) -> Path:
    """A stage whose model `chat` has these settings, one to a line from line 6 on."""
    lines = ["stages:", "  dev:", "    models:", "      chat:", "        sagemaker:"]
    lines += [f"          {line}" for line in settings.splitlines()]
    path = folder / "stages.yaml"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize("row", [rule.row for rule in RULES])
def test_what_breaks_a_row_is_refused_with_the_row_and_its_line(tmp_path: Path, row: str) -> None:
    (settings,) = (text for start, text in BROKEN.items() if row.startswith(start))
    with pytest.raises(SettingsError) as refused:
        load_deployment(written(tmp_path, settings), "dev")
    assert str(refused.value).endswith(row)
    assert ": stages.dev.models.chat.sagemaker." in str(refused.value)


@pytest.mark.parametrize(("settings", "key", "told"), MODES)
def test_what_a_mode_does_not_take_is_refused_at_its_line(
    tmp_path: Path, settings: str, key: str, told: str
) -> None:
    line = 5 + len(settings.splitlines())
    with pytest.raises(SettingsError) as refused:
        load_deployment(written(tmp_path, settings), "dev")
    place = f"stages.yaml:{line}: stages.dev.models.chat.sagemaker.{key}: "
    assert place in str(refused.value)
    assert told in str(refused.value)


@pytest.mark.parametrize("settings", POSSIBLE)
def test_what_aws_takes_together_is_taken(tmp_path: Path, settings: str) -> None:
    load_deployment(written(tmp_path, settings), "dev")


@pytest.mark.parametrize("mode", TABLE)
def test_every_mode_needs_nothing_but_its_name(mode: str) -> None:
    assert list(impossible(SageMakerSettings.model_validate({"mode": mode}))) == []


def test_defaults_of_all_models_are_looked_at_too(tmp_path: Path) -> None:
    path = tmp_path / "stages.yaml"
    path.write_text("stages:\n  dev:\n    defaults: {sagemaker: {count: {min: 0}}}\n")
    with pytest.raises(SettingsError, match=r"stages.dev.defaults.sagemaker.count.min: mode"):
        load_deployment(path, "dev")


def test_a_models_own_settings_are_looked_at_together_with_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "stages.yaml"
    path.write_text(
        "stages:\n  dev:\n    defaults: {sagemaker: {mode: async}}\n"
        "    models: {chat: {sagemaker: {scaling: {metric: concurrency}}}}\n"
    )
    with pytest.raises(SettingsError, match=r"models.chat.sagemaker.scaling.metric: mode async"):
        load_deployment(path, "dev")


def test_the_guide_has_every_row_of_the_table() -> None:
    guide = (Path(__file__).parents[3] / "docs/endpoints.md").read_text()
    for rule in RULES:
        assert f"- {rule.row}\n" in guide
    for column, allowed in enumerate(TABLE.values(), 1):
        policies = next(line for line in guide.splitlines() if "`update.policy`" in line)
        metrics = next(line for line in guide.splitlines() if "`scaling.metric`" in line)
        assert policies.split("|")[column + 1].strip() == ", ".join(allowed.policies)
        assert metrics.split("|")[column + 1].strip() == ", ".join(allowed.metrics)


def test_the_guide_names_every_setting() -> None:
    guide = (Path(__file__).parents[3] / "docs/endpoints.md").read_text()
    missing = [key for key in SageMakerSettings.model_fields if f"`{key}" not in guide]
    assert missing == []
