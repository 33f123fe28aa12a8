"""The proof of who calls a deployed API: a bearer token, or a signature of an AWS principal."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from lading.api.errors import AwsRefused, ServerError

_EXECUTE_API = re.compile(
    r"[a-z0-9]+(?:-vpce-[a-z0-9]+)?\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?"
)


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of an API, with its credentials.

    Args:
        token: a bearer token, or None.
        sign: sign with AWS credentials even if the URL is not one of API Gateway.
        region: region of the API; None means that of the URL, else of the AWS profile.
    """

    token: str | None = None
    sign: bool = False
    region: str | None = None

    def headers(
        self, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Mapping[str, str]:
        """Return the headers that identify the caller; none for a server that needs no signature.

        The call is a POST with `body`, or a GET where it is None.

        Raises:
            ServerError: the token would cross a network unencrypted.
            AwsRefused: there are no AWS credentials.
        """
        host = urlsplit(url).hostname or ""
        if self.token is not None:
            if urlsplit(url).scheme != "https" and not is_here(host):
                raise ServerError(url, "would receive the token unencrypted; use https")
            return {"Authorization": f"Bearer {self.token}"}
        found = _EXECUTE_API.fullmatch(host)
        if not (self.sign or found):
            return {}
        return _sign(url, body, headers, self.region or (found[1] if found else None))


def is_here(host: str) -> bool:
    """Return whether a host is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _sign(
    url: str, body: bytes | None, headers: Mapping[str, str], region: str | None
) -> Mapping[str, str]:
    """Return the headers of AWS Signature Version 4."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    session = Session()
    try:
        credentials = session.get_credentials()
        region = region or session.get_config_variable("region")
    except BotoCoreError as error:
        raise AwsRefused(url, str(error)) from error
    if credentials is None:
        raise AwsRefused(url, "needs AWS credentials, but none are found; log in, or give --token")
    if region is None:
        raise AwsRefused(url, "needs a signature, but the region is not known; set AWS_REGION")
    method = "GET" if body is None else "POST"
    request = AWSRequest(method, url, headers=dict(headers), data=body)
    SigV4Auth(credentials.get_frozen_credentials(), "execute-api", region).add_auth(request)
    return {name: value for name, value in request.headers.items() if name not in headers}
