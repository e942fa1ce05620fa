"""The way to Zooniverse: the only import of panoptes_client; foreign errors end here."""
