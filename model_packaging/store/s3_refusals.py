"""Explains errors of S3 and the AWS library, with what to do."""

from typing import Any

_KEYS = "log in (`aws sso login`), or set AWS_PROFILE or AWS_ACCESS_KEY_ID"
_ALLOW = (
    "allow s3:GetBucketVersioning, s3:ListBucket, s3:GetObject, s3:GetObjectVersion and "
    "s3:PutObject, and for `lading gc --delete` s3:DeleteObject, to these credentials (and its "
    "KMS key, if it has one)"
)
_WAIT = "wait a minute and try again, or set AWS_MAX_ATTEMPTS"
_CREATE = "create it, or correct the address"
_GONE = "`lading versions` shows what the lock has"

_CODES = {
    "NoSuchBucket": ("is in a bucket that does not exist: '{bucket}'", _CREATE),
    "NoSuchKey": ("is missing", _GONE),
    "NoSuchVersion": ("is missing: the pinned object version does not exist", _GONE),
    "404": ("is missing", _GONE),
    "AccessDenied": ("is not allowed by S3: {message}", _ALLOW),
    "AllAccessDisabled": ("is not allowed by S3: {message}", _ALLOW),
    "403": ("is not allowed by S3", _ALLOW),
    "SlowDown": ("is requested too often: {message}", _WAIT),
    "Throttling": ("is requested too often: {message}", _WAIT),
    "RequestLimitExceeded": ("is requested too often: {message}", _WAIT),
    "ServiceUnavailable": ("cannot be reached, S3 is unavailable: {message}", _WAIT),
    "InternalError": ("cannot be reached, S3 is unavailable: {message}", _WAIT),
    "503": ("is requested too often", _WAIT),
    "RequestTimeTooSkewed": (
        "cannot be accessed: the clock of this machine is wrong ({message})",
        "set the clock, for example with `timedatectl set-ntp true`",
    ),
}
_REGION = ("PermanentRedirect", "AuthorizationHeaderMalformed", "301")
_LOGIN = (
    *("ExpiredToken", "InvalidAccessKeyId", "InvalidToken"),
    *("SignatureDoesNotMatch", "TokenRefreshRequired"),
)
_NO_LOGIN = (
    *("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"),
    *("ProfileNotFound", "TokenRetrievalError", "UnauthorizedSSOTokenError", "SSOTokenLoadError"),
)


def refusal(error: Exception, bucket: str) -> str:
    """Return what happened and what to do, to follow the address.

    Args:
        error: botocore's error.
        bucket: the requested bucket.
    """
    response = getattr(error, "response", None)  # a connection that was closed has none
    if response is not None:
        return _answered(response, bucket)
    if type(error).__name__ in _NO_LOGIN:
        return f"cannot be accessed: {_line(error)}; {_KEYS}"
    return f"cannot be reached: {_line(error)}; check the network, AWS_REGION and AWS_ENDPOINT_URL"


def _answered(response: dict[str, Any], bucket: str) -> str:
    code = str(response["Error"].get("Code", ""))
    message = str(response["Error"].get("Message", "")).rstrip(".") or "no reason given"
    home = response["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")
    if code in _REGION:
        return f"is in another region: {message}; set AWS_REGION={home or '<its region>'}"
    if code in _LOGIN:
        return f"cannot be accessed: {code}, {message}; {_KEYS}"
    happened, advice = _CODES.get(code, ("is rejected by S3: {code}, {message}", _WAIT))
    return f"{happened.format(bucket=bucket, code=code, message=message)}; {advice}"


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
