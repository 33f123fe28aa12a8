"""The features that an emulated account lacks; `lading emulate` prints them.

The stacks leave them out with `-c local=true`, or the emulator accepts and ignores them.
"""

from types import MappingProxyType

LEFT_OUT = MappingProxyType(
    {
        "SageMaker": "each endpoint is a process on this machine, which never scales or updates",
        "Lambda Managed Instances": "each function runs as a plain one, with one request at a time",
        "streaming": "each answer is returned as a whole",
        "CodeDeploy": "a new version gets all traffic at once, after its golden requests pass; "
        "`lading emulate --update` rehearses a shift",
        "CodeBuild": "a retraining's builds run their commands on this machine, without installing",
        "delivery": "nobody delivers: there are no roles for workflows, and no pipeline",
        "training jobs": "a retraining's script runs on this machine, not in its container",
        "alarms on several metrics": "only alarms on one metric are created, and none goes off",
        "deletion of old versions": "published versions stay until their stack is deleted",
        "firewall": "no AWS WAF is in front of the API",
        "custom domain": "the API has only its own URL",
        "provisioned concurrency": "no environment is kept started",
        "usage plans": "callers have no usage key, and their requests are not counted",
    }
)
"""Not in the templates -> what there is instead."""

NOT_ENFORCED = MappingProxyType(
    {
        "IAM": "roles and signatures are not checked; every call is allowed",
        "SnapStart": "functions start cold",
        "KMS": "keys exist and encrypt nothing",
        "X-Ray": "nothing is traced",
        "throttling": "the API accepts any number of requests",
        "binary bodies": "without a Content-Type and an Accept header they are read as text",
    }
)
"""In the templates, but without effect."""
