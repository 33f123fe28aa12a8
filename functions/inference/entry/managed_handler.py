"""The handler of an image on Lambda Managed Instances: it passes events on to the engine.

Each of its processes handles one event at a time, over one connection to the engine of the
environment (`managed_engine.py`), which stays open. It holds no model, so it starts in a moment.
"""

from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.entry.adapter_settings import AdapterSettings
from lading.functions.inference.entry.engine_events import create_passing

handler = create_passing(
    AdapterSettings.from_environment(), ServingSettings.from_environment().base_path
)
