"""`[manifest]`: what Zooniverse is told of the images."""

from typing import Annotated

from pydantic import Field

from zoocut.config.section import Section

__all__ = ["ManifestSettings"]


class ManifestSettings(Section):
    """How the images are addressed."""

    url_root: Annotated[
        str | None,
        Field(
            pattern=r"^https?://\S+$",
            description="address that the run folder will be served at, so its pictures are at url_root/images/...;"
            " with it, manifest-urls.csv is written too, with the address of every image",
        ),
    ] = None
