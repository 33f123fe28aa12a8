"""What an emulated cloud does without; `lading emulate` prints it.

Either the stacks leave it out under `-c local=true`, or the emulator takes it and does nothing.
"""

from types import MappingProxyType

LEFT_OUT = MappingProxyType(
    {
        "SageMaker": "each endpoint is a process of this machine, and never asleep or updated",
        "streaming": "answers come whole",
        "CodeDeploy": "a new version takes all traffic at once, when its golden requests pass",
        "alarms on several metrics": "only alarms on one metric are made, and none ever rings",
        "deletion of old versions": "published versions stay until their stack goes",
        "firewall": "no AWS WAF stands before the API",
        "custom domain": "the API has its own address alone",
        "usage plans": "no caller has a key, and no caller's requests are counted",
    }
)
"""Not in the templates: what, and what there is instead."""

NOT_ENFORCED = MappingProxyType(
    {
        "IAM": "roles and signatures are not checked; every call is allowed",
        "SnapStart": "functions start cold",
        "KMS": "keys are made, and encrypt nothing",
        "X-Ray": "nothing is traced",
        "throttling": "the API lets everything through",
        "binary bodies": "without a Content-Type and an Accept header they are taken for text",
    }
)
"""In the templates, and without effect there."""
