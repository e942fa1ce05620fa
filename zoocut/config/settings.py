"""The whole of the settings."""

from typing import Annotated, Any

from pydantic import Field

from zoocut.config.catalog import CatalogSettings
from zoocut.config.draw import DrawSettings
from zoocut.config.history import HistorySettings, PacketHistorySettings
from zoocut.config.images import ImagesSettings
from zoocut.config.manifest import ManifestSettings
from zoocut.config.night import NightSettings
from zoocut.config.rights import RightsSettings
from zoocut.config.section import Section
from zoocut.config.select import SelectSettings
from zoocut.config.talk import TalkSettings
from zoocut.config.upload import UploadSettings

__all__ = ["RunSettings", "Settings"]

MetadataKey = Annotated[str, Field(min_length=1)]


class RunSettings(Section):
    """What `run.toml` keeps: the settings of a run, None where another tool made it and nothing is known."""

    catalog: CatalogSettings | None = None
    select: Annotated[SelectSettings, Field(description="which of them are drawn")] = SelectSettings()
    images: ImagesSettings | None = None
    draw: DrawSettings | None = None
    history: Annotated[
        HistorySettings, Field(description="where earlier measurements of the sources' objects are")
    ] = PacketHistorySettings()
    media: Annotated[
        dict[str, dict[str, Any]],
        Field(description="a section for each medium, media.NAME, which the medium itself checks"),
    ] = {}
    talk: Annotated[TalkSettings, Field(description="what is attached to subjects' Talk pages")] = (
        TalkSettings()
    )
    metadata: dict[MetadataKey, str] | None = None
    manifest: Annotated[ManifestSettings, Field(description="how the images are addressed")] = (
        ManifestSettings()
    )
    upload: Annotated[UploadSettings, Field(description="where subjects go")] = UploadSettings()
    rights: Annotated[RightsSettings, Field(description="why the pixels may be public")] = RightsSettings()


class Settings(RunSettings):
    """Everything a configuration file may say."""

    night: Annotated[
        NightSettings, Field(description="what `zoocut night CONFIG` takes, and what becomes of it")
    ] = NightSettings()

    catalog: Annotated[CatalogSettings, Field(description="where the sources are listed")]
    images: Annotated[ImagesSettings, Field(description="where the sources' pixels are")]
    draw: Annotated[DrawSettings, Field(description="what the pictures look like")] = DrawSettings()
    metadata: Annotated[
        dict[MetadataKey, str],
        Field(
            description="subject metadata: key as Zooniverse gets it = column of the catalog, or words with columns in "
            "braces: {snr:.1f}"
        ),
    ] = {"diaSourceId": "diaSourceId"}
