"""The Lambda entry: models are loaded and verified at import, which SnapStart keeps.

The garbage collector is disabled meanwhile: imports create almost no garbage, and looking for it
takes a tenth of a cold start. Objects that exist at the end stay, so later collections skip them.
"""

import gc

gc.disable()

from lading.functions.inference.entry.later import import_later  # noqa: E402 after disabling it

import_later("asyncio")

from lading.functions.contract.settings import ServingSettings  # noqa: E402
from lading.functions.inference.entry.handler import create_handler  # noqa: E402
from lading.functions.inference.entry.warm_up import before_snapshot, warm_up_for_snapshot  # noqa: E402

handler = create_handler(
    ServingSettings.from_environment(),
    loaded=lambda catalog: before_snapshot(lambda: warm_up_for_snapshot(catalog)),
)

gc.freeze()
gc.enable()
