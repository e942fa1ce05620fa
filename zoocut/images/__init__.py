"""Where pixels come from; one file a kind of image."""

from zoocut.images.opening import open_images

__all__ = ["open_images"]
