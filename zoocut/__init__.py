"""Cut, draw and upload difference-image cutouts to Zooniverse, exactly once.

Every name is loaded when it is first used, so that `import zoocut` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from zoocut.version import __version__ as __version__

if TYPE_CHECKING:
    from zoocut import errors as errors
    from zoocut.api.generation import generate, load_config
    from zoocut.api.local_reports import export, status
    from zoocut.api.pictures import draw
    from zoocut.api.server_reports import sets, verify
    from zoocut.api.uploads import plan_upload, upload
    from zoocut.config.draw import DrawSettings
    from zoocut.config.plugged import PluggedCatalog, PluggedImages
    from zoocut.config.settings import Settings
    from zoocut.model import Catalog, Cutout, DiaSource, Images, Picture, Rejection

__all__ = [
    "Catalog",
    "Cutout",
    "DiaSource",
    "DrawSettings",
    "Images",
    "Picture",
    "PluggedCatalog",
    "PluggedImages",
    "Rejection",
    "Settings",
    "__version__",
    "draw",
    "errors",
    "export",
    "generate",
    "load_config",
    "plan_upload",
    "sets",
    "status",
    "upload",
    "verify",
]

_HOMES = {
    "DrawSettings": "zoocut.config.draw",
    "PluggedCatalog": "zoocut.config.plugged",
    "PluggedImages": "zoocut.config.plugged",
    "Settings": "zoocut.config.settings",
    "draw": "zoocut.api.pictures",
    "generate": "zoocut.api.generation",
    "load_config": "zoocut.api.generation",
    "export": "zoocut.api.local_reports",
    "status": "zoocut.api.local_reports",
    "plan_upload": "zoocut.api.uploads",
    "upload": "zoocut.api.uploads",
    "sets": "zoocut.api.server_reports",
    "verify": "zoocut.api.server_reports",
    **dict.fromkeys(("Catalog", "Cutout", "DiaSource", "Images", "Picture", "Rejection"), "zoocut.model"),
}


if not TYPE_CHECKING:  # or type checkers would take every misspelt name

    def __getattr__(name: str) -> Any:
        if name == "errors":
            return import_module("zoocut.errors")
        if name not in _HOMES:
            raise AttributeError(f"module 'zoocut' has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
