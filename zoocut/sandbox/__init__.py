"""A Panoptes-compatible server on loopback, for rehearsal and tests."""
