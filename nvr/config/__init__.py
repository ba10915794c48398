"""nvr.toml: `load` reads it, one file a section says what it may hold."""

from nvr.config.file import Analysis, Camera, Config, Site, Storage, Web, load
from nvr.config.restream import Restream
from nvr.config.schedule import Schedule
from nvr.config.siren import Siren
from nvr.config.speaker import Speaker
from nvr.config.zones import Line, Mask, Zone

__all__ = [
    "Analysis",
    "Camera",
    "Config",
    "Line",
    "Mask",
    "Restream",
    "Schedule",
    "Siren",
    "Site",
    "Speaker",
    "Storage",
    "Web",
    "Zone",
    "load",
]
