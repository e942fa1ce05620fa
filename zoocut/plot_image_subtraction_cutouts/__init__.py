"""The Python interface of LSST's `analysis_ap` task plotImageSubtractionCutouts: a door to `zoocut.generate`.

Scripts written for that task run with their import changed to
`from zoocut import plot_image_subtraction_cutouts as plotImageSubtractionCutouts`. What they make is a run
folder, so it can be uploaded with `zoocut upload`, and running them again draws only what is missing.
"""

from zoocut.plot_image_subtraction_cutouts.config import PlotImageSubtractionCutoutsConfig
from zoocut.plot_image_subtraction_cutouts.cutout_path import CutoutPath
from zoocut.plot_image_subtraction_cutouts.task import PlotImageSubtractionCutoutsTask

__all__ = ["CutoutPath", "PlotImageSubtractionCutoutsConfig", "PlotImageSubtractionCutoutsTask"]
