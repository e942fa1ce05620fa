"""Cutouts to PNG bytes: interval and stretch, layout, annotation, encoding."""
