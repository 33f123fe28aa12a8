"""The custom domain of an API, and its records: of one region, or of several with health checks."""

from aws_cdk import Aws, CfnOutput, CfnRule, CfnRuleAssertion, Duration, Fn, Stack, Token
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as targets

from lading.functions.contract.names import HEALTH_PATH
from lading.stacks.stages.domain import CustomDomain


class ApiDomain:
    """The domain name, its mapping to the API, and the records in the hosted zone.

    Without a hosted zone, the records' target is an output.

    Args:
        stack: the stack of the API, which gets everything.
        domain: the settings.
        api: the API.
        region: the region of the stack; None: the AWS profile's.
        regions: all regions of the stage.
    """

    def __init__(
        self,
        stack: Stack,
        domain: CustomDomain,
        api: apigateway.RestApi,
        region: str | None,
        regions: tuple[str, ...],
    ) -> None:
        self._stack, self._domain = stack, domain
        self._api, self._regions = api, regions
        if Token.is_unresolved(self._stack.region):
            self._require_region(domain.certificate_region(region))
        name = self._name(domain.certificate(region))
        if domain.hosted_zone_id is None:
            CfnOutput(self._stack, "DomainTarget", value=name.domain_name_alias_domain_name)
            return
        self._records(name, region)

    def _name(self, certificate: str) -> apigateway.DomainName:
        return apigateway.DomainName(
            self._stack,
            "Domain",
            domain_name=self._domain.name,
            certificate=acm.Certificate.from_certificate_arn(
                self._stack, "Certificate", certificate
            ),
            endpoint_type=apigateway.EndpointType.REGIONAL,
            security_policy=apigateway.SecurityPolicy.TLS13_1_2_PQ_2025_09,
            endpoint_access_mode=apigateway.EndpointAccessMode.BASIC,
            mapping=self._api,
            base_path=self._domain.base_path or None,
        )

    def _records(self, name: apigateway.DomainName, region: str | None) -> None:
        if region and len(self._regions) > 1:
            self._shared_records(name, region)
            return
        domain = self._domain
        zone = route53.HostedZone.from_hosted_zone_attributes(
            self._stack,
            "Zone",
            hosted_zone_id=str(domain.hosted_zone_id),
            zone_name=domain.hosted_zone_name or domain.name.partition(".")[2],
        )
        alias = route53.RecordTarget.from_alias(targets.ApiGatewayDomain(name))
        for record in (route53.ARecord, route53.AaaaRecord):
            record(
                self._stack, record.__name__, zone=zone, record_name=f"{domain.name}.", target=alias
            )

    def _shared_records(self, name: apigateway.DomainName, region: str) -> None:
        """Create this region's records of the shared name, each with the region's health check."""
        check = self._health_check()
        alias = route53.CfnRecordSet.AliasTargetProperty(
            dns_name=name.domain_name_alias_domain_name,
            hosted_zone_id=name.domain_name_alias_hosted_zone_id,
            # Fail-over wants it. API Gateway's targets always count as healthy: the check decides.
            evaluate_target_health=True,
        )
        for kind in ("A", "AAAA"):
            route53.CfnRecordSet(
                self._stack,
                f"{kind}Record",
                hosted_zone_id=str(self._domain.hosted_zone_id),
                name=f"{self._domain.name}.",
                type=kind,
                alias_target=alias,
                set_identifier=region,
                health_check_id=check.health_check_id,
                region=region if self._domain.routing == "latency" else None,
                failover=self._turn(region) if self._domain.routing == "failover" else None,
            )

    def _turn(self, region: str) -> str:
        return "PRIMARY" if region == self._regions[0] else "SECONDARY"

    def _health_check(self) -> route53.HealthCheck:
        """Create the check of this region's API at its own host, never at the shared name."""
        host = f"{self._api.rest_api_id}.execute-api.{Aws.REGION}.{Aws.URL_SUFFIX}"
        return route53.HealthCheck(
            self._stack,
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
            self._stack,
            "CertificateRegion",
            assertions=[
                CfnRuleAssertion(
                    assert_=Fn.condition_equals(Aws.REGION, certificate),
                    assert_description=f"the domain's certificate is in {certificate}; "
                    "request one in the region of the API",
                )
            ],
        )
