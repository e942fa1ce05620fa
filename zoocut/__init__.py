"""Cut, draw and upload difference-image cutouts to Zooniverse, exactly once."""

__version__ = "0.1.0"
