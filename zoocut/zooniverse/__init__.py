"""Everything that talks to a Panoptes server; the only room that imports panoptes_client."""
