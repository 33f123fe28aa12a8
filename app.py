"""The CDK app: models.yaml, models.lock.json and stages.yaml become stacks.

`cdk deploy --all -c stage=prod` runs it. It does not call AWS and needs no credentials.
"""

import sys
from pathlib import Path

from aws_cdk import App

from lading.stacks.composition import add_stacks
from lading.stacks.errors import StackError

if __name__ == "__main__":
    app = App()
    try:
        add_stacks(app, Path(__file__).parent)
    except StackError as error:
        sys.exit(f"error: {error}")
    app.synth()
