"""Defaults of settings that decoding processes need, too, which do not import the settings."""

IMAGE_SECONDS = 60.0
"""Seconds for one image, see the setting `image_seconds`."""

MAX_PIXELS = 200_000_000
"""Pixels of the largest image that is decoded."""
