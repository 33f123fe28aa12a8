import json
from pathlib import Path

import pytest

from lading.model_packaging.energy.published import ENERGY
from lading.model_packaging.placement.prices import PRICES
from tests.cli.conftest import Lading
from tests.model_packaging.language_models import language_model

REPORT = "artifacts/models/double/1/report.json"


def test_a_small_model_is_placed_on_lambda_with_what_each_place_costs(packaged: Lading) -> None:
    lines = packaged("plan").out.splitlines()
    assert lines[1].split()[:4] == ["double", "lambda", "1769", "MB"]
    assert lines[2].split()[:5] == ["or", "lambda-managed", "3", "x", "m7i.large"]
    assert lines[3].split()[:3] == ["or", "sagemaker", "ml.g4dn.xlarge"]
    assert "$537.57" in lines[3]
    assert [line.count("always on") for line in lines[1:4]] == [0, 1, 1]
    assert lines[5].startswith("double: lambda, it fits: ")
    assert lines[-3].startswith("double: ")
    assert lines[-3].endswith(" g CO2e")
    assert lines[-1].startswith(
        "Estimates for 1,000,000 requests a month, with prices of us-east-1 as of 20"
    )


def test_json_has_everything_that_the_table_says_and_why(packaged: Lading) -> None:
    document = packaged("plan", "double", "--json", "--requests-per-month", "2000000").document
    assert (document["region"], document["requests"]) == ("us-east-1", 2_000_000)
    [model] = document["models"]
    assert (model["model"], model["target"], model["fits"]) == ("double", "lambda", "lambda")
    function, managed, endpoint = model["options"]
    assert (managed["target"], managed["instances"]) == ("lambda-managed", 3)
    assert function["first_answer_ms"] > function["answers_ms"]
    assert function["size"] == model["size"] == "1769 MB"
    assert endpoint["per_million_usd"] == pytest.approx(537.57 / 2 + 3.78, abs=0.02)
    assert model["refused"] == {}
    low, high = function["energy_per_million"]["joules"]
    assert 0 < 2 * low == high


def test_another_file_of_power_gives_another_energy(packaged: Lading, workspace: Path) -> None:
    text = ENERGY.read_text().replace("busy: 3.5", "busy: 350")
    (workspace / "ours.yaml").write_text(text)
    own, theirs = (
        packaged("plan", *options, "--json").document["models"][0]["options"][0]
        for options in (("--energy", "ours.yaml"), ())
    )
    assert own["energy_per_million"]["joules"][0] > 40 * theirs["energy_per_million"]["joules"][0]


def test_other_prices_give_other_costs(packaged: Lading, workspace: Path) -> None:
    text = PRICES.read_text().replace("hour: 0.7364", "hour: 7.364")
    (workspace / "ours.yaml").write_text(text.replace("us-east-1", "eu-west-1"))
    document = packaged("plan", "--prices", "ours.yaml", "--json").document
    assert document["region"] == "eu-west-1"
    assert document["models"][0]["options"][2]["size"] == "ml.g6.xlarge"


@pytest.mark.parametrize(
    "report", ["", "[]", "{}", '{"footprint": {"peak_bytes": -1}}', '{"footprint": 3}']
)
def test_a_report_that_is_lost_is_measured_anew(
    packaged: Lading, workspace: Path, report: str
) -> None:
    (workspace / REPORT).write_text(report)
    assert packaged("plan", "--json").document["models"][0]["fits"] == "lambda"


def test_what_was_measured_when_it_was_packaged_decides(packaged: Lading, workspace: Path) -> None:
    report = json.loads((workspace / REPORT).read_bytes())
    report["footprint"]["peak_bytes"] = 9 << 30
    (workspace / REPORT).write_text(json.dumps(report))
    result = packaged("plan")
    assert "double  lambda-managed  3 x r7i.large" in result.out.splitlines()[1]
    assert "a function has at most 10,240" in result.out


def test_a_language_model_is_for_sagemaker_alone(lading: Lading, workspace: Path) -> None:
    language_model(workspace / "chat")
    manifest = (workspace / "models.yaml").read_text()
    entry = "  chat:\n    source: chat\n    target: sagemaker\n"
    (workspace / "models.yaml").write_text(manifest + entry)
    assert lading("package").code == 0
    models = {each["model"]: each for each in lading("plan", "--json").document["models"]}
    assert models["chat"]["fits"] == "sagemaker"
    assert models["chat"]["break_even_requests_a_month"] == {}
    assert list(models["chat"]["refused"]) == ["lambda", "lambda-managed"]


def test_a_triton_model_is_planned_from_its_repository(lading: Lading, workspace: Path) -> None:
    with (workspace / "models.yaml").open("a") as manifest:
        manifest.write("    target: sagemaker\n")
    assert lading("package").code == 0
    [model] = lading("plan", "--json").document["models"]
    assert (model["target"], model["fits"]) == ("sagemaker", "lambda")


def test_a_model_that_is_not_packaged_says_so(lading: Lading) -> None:
    result = lading("plan")
    assert result.code == 4
    assert "run `lading package` to create it" in result.err


def test_impossible_prices_are_one_clear_error(packaged: Lading, workspace: Path) -> None:
    (workspace / "ours.yaml").write_text("region: x\n")
    result = packaged("plan", "--prices", "ours.yaml")
    assert result.code == 2
    assert "ours.yaml: as_of: " in result.err


def test_no_requests_at_all_are_refused(packaged: Lading) -> None:
    assert packaged("plan", "--requests-per-month", "0").code == 2


def test_a_model_that_is_new_in_the_manifest_is_to_be_packaged(
    packaged: Lading, workspace: Path
) -> None:
    with (workspace / "models.yaml").open("a") as manifest:
        manifest.write("  triple:\n    source: double.onnx\n")
    result = packaged("plan")
    assert (result.code, result.err.count("\n")) == (4, 1)
    assert "no model 'triple'" in result.err
    assert "`lading package` to add to it" in result.err


def test_a_stage_is_shown_by_part_at_rest_and_with_the_requests(packaged: Lading) -> None:
    lines = packaged("plan", "--stage", "prod").out.splitlines()
    table = {line.split("$")[0].strip(): line for line in lines if "$" in line}
    for part in ("snapshots", "alarms", "dashboards", "keys", "firewall", "logs", "traces", "sum"):
        assert part in table
    assert "authorizer" not in table
    assert "front" not in table
    assert "$9.00" in table["firewall"]


def test_the_parts_of_a_stage_are_in_json_too(packaged: Lading) -> None:
    arguments = ("plan", "--stage", "dev", "--root-share", "0.5", "--json")
    parts = {part["name"]: part for part in packaged(*arguments).document["stage"]}
    assert parts["API"] == {"name": "API", "rest": 0, "usage": 3.5}
    assert parts["front"]["usage"] == pytest.approx(0.5 * (0.2 + 0.01 * 0.5 * 16.6667))
    assert parts["firewall"]["rest"] == 0.0
