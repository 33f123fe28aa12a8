"""The custom domain of an API, and its records: of one region, or of several with health checks."""

from typing import Any

from aws_cdk import Aws, CfnOutput, CfnRule, CfnRuleAssertion, Duration, Fn, Stack, Token
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as targets
from constructs import Construct

from lading.functions.contract.names import HEALTH_PATH
from lading.stacks.stages.domain import CustomDomain


class ApiDomain(Construct):
    """The domain name, its mapping to the API, and the records in the hosted zone.

    Without a hosted zone, the records' target is an output.

    Args:
        scope: the stack of the API.
        id_: the construct's id.
        domain: the settings.
        api: the API.
        region: the region of the stack; None: the AWS profile's.
        regions: all regions of the stage.
    """

    def __init__(  # noqa: PLR0917 - what a domain is made from
        self,
        scope: Construct,
        id_: str,
        domain: CustomDomain,
        api: apigateway.RestApi,
        region: str | None,
        regions: tuple[str, ...],
    ) -> None:
        super().__init__(scope, id_)
        self._domain, self._api, self._regions = domain, api, regions
        if Token.is_unresolved(Stack.of(self).region):
            self._require_region(domain.certificate_region(region))
        name = self._name(domain.certificate(region))
        if domain.hosted_zone_id is None:
            CfnOutput(Stack.of(self), "DomainTarget", value=name.domain_name_alias_domain_name)
            return
        self._records(name, region)

    def _name(self, certificate: str) -> apigateway.DomainName:
        return apigateway.DomainName(
            self,
            "Domain",
            domain_name=self._domain.name,
            certificate=acm.Certificate.from_certificate_arn(self, "Certificate", certificate),
            endpoint_type=apigateway.EndpointType.REGIONAL,
            security_policy=apigateway.SecurityPolicy.TLS13_1_2_PQ_2025_09,
            endpoint_access_mode=apigateway.EndpointAccessMode.BASIC,
            mapping=self._api,
            base_path=self._domain.base_path or None,
        )

    def _records(self, name: apigateway.DomainName, region: str | None) -> None:
        domain = self._domain
        zone = route53.HostedZone.from_hosted_zone_attributes(
            self,
            "Zone",
            hosted_zone_id=str(domain.hosted_zone_id),
            zone_name=domain.hosted_zone_name or domain.name.partition(".")[2],
        )
        alias = route53.RecordTarget.from_alias(targets.ApiGatewayDomain(name))
        shared = self._sharing(region) if region and len(self._regions) > 1 else {}
        for record in (route53.ARecord, route53.AaaaRecord):
            record(
                self,
                record.__name__,
                zone=zone,
                record_name=f"{domain.name}.",
                target=alias,
                **shared,
            )

    def _sharing(self, region: str) -> dict[str, Any]:
        """Return how the regions share the name: each record has a health check of its own."""
        shared = {"set_identifier": region, "health_check": self._health_check()}
        if self._domain.routing == "latency":
            return {**shared, "region": region}
        first = region == self._regions[0]
        failover = route53.Failover
        return {**shared, "failover": failover.PRIMARY if first else failover.SECONDARY}

    def _health_check(self) -> route53.HealthCheck:
        """Create the check of this region's API at its own host, never at the shared name."""
        host = f"{self._api.rest_api_id}.execute-api.{Aws.REGION}.{Aws.URL_SUFFIX}"
        return route53.HealthCheck(
            self,
            "Health",
            type=route53.HealthCheckType.HTTPS,
            fqdn=host,
            port=443,
            resource_path=f"/{self._api.deployment_stage.stage_name}{HEALTH_PATH}",
            request_interval=Duration.seconds(self._domain.check.every_s),
            failure_threshold=self._domain.check.failures,
            enable_sni=True,
        )

    def _require_region(self, certificate: str) -> None:
        """Let CloudFormation check the certificate's region, which only it knows for the stack."""
        CfnRule(
            self,
            "CertificateRegion",
            assertions=[
                CfnRuleAssertion(
                    assert_=Fn.condition_equals(Aws.REGION, certificate),
                    assert_description=f"the domain's certificate is in {certificate}; "
                    "request one in the region of the API",
                )
            ],
        )
