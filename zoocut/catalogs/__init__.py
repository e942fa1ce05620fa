"""Where sources come from; one file a kind of catalog."""
