import pytest
from aws_cdk.assertions import Template

from tests.stacks.projects import locked, s3_copy
from tests.stacks.synthesis import one_model, only

STAGES = """
stages:
  dev:
    models:
      digits:
        snap_start: false
        provisioned_concurrency:
          count: 2
          timezone: Europe/Berlin
          schedule:
            - {at: 'cron(0 7 ? * MON-FRI *)', count: 10}
            - {at: 'cron(0 19 ? * MON-FRI *)', count: 1}
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    folder = tmp_path_factory.mktemp("provisioned")
    return one_model(folder, locked(s3_copy("digits")), STAGES)


def test_the_alias_keeps_environments_started_and_a_new_version_still_gets_traffic_in_steps(
    template: Template,
) -> None:
    alias = only(template, "AWS::Lambda::Alias")
    kept = alias["Properties"]["ProvisionedConcurrencyConfig"]
    assert kept == {"ProvisionedConcurrentExecutions": 2}
    assert "CodeDeployLambdaAliasUpdate" in alias["UpdatePolicy"]
    function = only(template, "AWS::Lambda::Function", FunctionName="lading-dev-model-digits")
    assert "SnapStart" not in function["Properties"]


def test_a_schedule_sets_the_count_of_the_alias_in_its_time_zone(template: Template) -> None:
    target = only(template, "AWS::ApplicationAutoScaling::ScalableTarget")["Properties"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 10)
    assert target["ScalableDimension"] == "lambda:function:ProvisionedConcurrency"
    actions = [
        (each["Schedule"], each["Timezone"], each["ScalableTargetAction"])
        for each in target["ScheduledActions"]
    ]
    assert actions == [
        (schedule, "Europe/Berlin", {"MinCapacity": count, "MaxCapacity": count})
        for schedule, count in (("cron(0 7 ? * MON-FRI *)", 10), ("cron(0 19 ? * MON-FRI *)", 1))
    ]
