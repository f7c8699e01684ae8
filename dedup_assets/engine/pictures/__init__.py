"""Bytes to RGB: codecs, decoding as a person sees a picture, and resizing to the size of a model."""
