"""What a Panoptes and its store of media answer: one module a kind of record."""
