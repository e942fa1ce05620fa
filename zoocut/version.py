"""The version of this program, for all parts that note what wrote a file."""

__all__ = ["__version__"]

__version__ = "0.1.0"
