"""Defaults of settings that others need, too, which do not import the settings: decoding processes and commands."""

IMAGE_SECONDS = 60.0
"""Seconds for one image, see the setting `image_seconds`."""

MAX_PIXELS = 200_000_000
"""Pixels of the largest image that is decoded."""

MAX_REMOVED_SHARE = 0.5
"""The most images that a plan removes, of all and of each input, unless a person allows more."""
