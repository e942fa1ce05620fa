"""Where pixels come from; one file a kind of image."""
