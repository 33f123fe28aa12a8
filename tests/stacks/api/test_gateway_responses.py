import json
from typing import Any

from tests.stacks.api_stages import only, readable_by


def test_the_gateways_own_answers_have_a_json_body_that_every_client_reads(stage: Any) -> None:
    responses = stage("dev").find_resources("AWS::ApiGateway::GatewayResponse").values()
    bodies = [it["Properties"]["ResponseTemplates"]["application/json"] for it in responses]
    assert len(bodies) == 4
    for body in bodies:
        filled = body.replace("$context.error.messageString", '"no"')
        assert json.loads(filled) == {"error": "no", "message": "no"}
    unauthorized = only(
        stage("dev"), "AWS::ApiGateway::GatewayResponse", ResponseType="UNAUTHORIZED"
    )
    assert "'Bearer'" in unauthorized["ResponseParameters"].values()


def test_the_gateways_own_answers_may_be_read_by_the_pages_that_may_ask(stage: Any) -> None:
    assert readable_by(stage("pages")) == {"'https://a.example'"}
    assert readable_by(stage("everywhere")) == {"'*'"}
