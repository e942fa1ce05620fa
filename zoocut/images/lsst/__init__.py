"""Formats of LSST: exposures of `lsst.afw` and `lsst.images`, their WCS, calibration and footprints."""
