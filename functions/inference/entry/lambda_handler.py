"""The Lambda entry: models are loaded and verified at import, which SnapStart keeps.

The garbage collector is disabled meanwhile: imports create almost no garbage, and looking for it
takes a tenth of a cold start. Objects that exist at the end stay, so later collections skip them.
"""

import gc

gc.disable()

import asyncio  # noqa: E402 after the collector is disabled

from lading.functions.contract.settings import ServingSettings  # noqa: E402
from lading.functions.inference.entry.handler import create_handler  # noqa: E402
from lading.functions.inference.entry.warm_up import before_snapshot, warm_up  # noqa: E402

asyncio.set_event_loop(asyncio.new_event_loop())
handler = create_handler(
    ServingSettings.from_environment(),
    loaded=lambda catalog: before_snapshot(lambda: warm_up(catalog)),
)

gc.freeze()
gc.enable()
