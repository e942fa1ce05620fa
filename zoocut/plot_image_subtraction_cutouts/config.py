"""The task's configuration."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from zoocut.error_kinds import UnreadableConfig, WrongSetting
from zoocut.errors import did_you_mean
from zoocut.files import write_whole

__all__ = ["PlotImageSubtractionCutoutsConfig"]

ROOT_NAMES = ("config", "root")
"""What a configuration file of LSST's pex_config calls the configuration."""


@dataclass
class PlotImageSubtractionCutoutsConfig:
    """What to cut out and how to draw it; fields may be set after the making, as `config.sizes = [32, 64]`.

    Parameters
    ----------
    sizes : list of int
        Widths of the cutouts in pixels, one row of panels each.
    use_footprint : bool
        Cut out the footprint's box in the place of `sizes`.
    url_root : str or None
        Where the output folder will be served: `manifest-urls.csv` is written when it is given.
    add_metadata : bool
        Write catalog values and flags above the panels.
    chunk_size : int or None
        How wide a range of ids shares a folder, a power of ten.
    save_as_numpy : bool
        Also save the raw cutouts as .npy files.
    science_image_type : str
        Dataset type of science images.
    diff_image_type : str or None
        Start of the names of templates and difference images, in the place of `template_detector` and
        `difference_image`.
    preset : str
        "documented" draws difference panels as the task's page says, "analysis_ap" as the task itself does.

    Raises
    ------
    ConfigError
        When a field that does not exist, or one of a frozen configuration, is set.
    """

    sizes: list[int] = field(default_factory=lambda: [30])
    use_footprint: bool = False
    url_root: str | None = None
    add_metadata: bool = True
    chunk_size: int | None = 10000
    save_as_numpy: bool = False
    science_image_type: str = "preliminary_visit_image"
    diff_image_type: str | None = None
    preset: str = "documented"

    def __setattr__(self, name: str, value: Any) -> None:
        known = [each.name for each in fields(self)]
        if name not in known:
            raise WrongSetting(f"config has no field {name}: {did_you_mean(name, known)}")
        if getattr(self, "_is_frozen", False):
            raise WrongSetting(f"config.{name} cannot be set: the configuration is frozen")
        super().__setattr__(name, value)

    def freeze(self) -> None:
        """Let nothing be set any more."""
        object.__setattr__(self, "_is_frozen", True)

    def load(self, filename: str | os.PathLike[str]) -> None:
        """Set fields as a configuration file of the task says, line by line as `config.sizes = [32, 64]`.

        Imports and assertions, with which such files begin, are passed over. Nothing in the file is executed.

        Parameters
        ----------
        filename : str or Path
            The file.

        Raises
        ------
        ConfigError
            When it cannot be read, or a line is anything but a field and a value.
        """
        path = Path(filename)
        try:
            lines = ast.parse(path.read_text(encoding="utf-8"), str(path)).body
        except (OSError, ValueError, SyntaxError) as error:
            raise UnreadableConfig(f"{path} cannot be read as a configuration ({error}): mend it") from None
        for line in lines:
            for name, value in _assigned(line, path):
                setattr(self, name, value)

    def save(self, filename: str | os.PathLike[str]) -> None:
        """Write a file that `load` reads.

        Parameters
        ----------
        filename : str or Path
            The file.
        """
        text = "".join(f"config.{each.name} = {getattr(self, each.name)!r}\n" for each in fields(self))
        write_whole(Path(filename), text.encode())


def _assigned(line: ast.stmt, path: Path) -> Iterator[tuple[str, Any]]:
    if isinstance(line, (ast.Import, ast.ImportFrom, ast.Assert)) or _is_text(line):
        return
    told = f"{path} line {line.lineno}"
    if not isinstance(line, ast.Assign) or len(line.targets) != 1:
        raise WrongSetting(f"{told} is no field and its value: write config.sizes = [32, 64]")
    (goal,) = line.targets
    if not (
        isinstance(goal, ast.Attribute) and isinstance(goal.value, ast.Name) and goal.value.id in ROOT_NAMES
    ):
        raise WrongSetting(f"{told} sets what is no field of config: write config.sizes = [32, 64]")
    try:
        yield goal.attr, ast.literal_eval(line.value)
    except ValueError:
        raise WrongSetting(f"{told} computes its value: write it out, as [32, 64]") from None


def _is_text(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)
