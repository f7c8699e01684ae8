"""The parts of the decoding stage, one subject a module; nothing outside `engine/decoding.py` imports them.

jpeg.py     JPEG by libjpeg-turbo, scaled down while decoding, and what counts as a broken JPEG
pillow.py   every other format, recognised by content; from header to pixels
endings.py  whether a file was cut
colours.py  colour profiles and gamma, brought to sRGB
rgb.py      Pillow's pixel modes as a person sees them
opened.py   a header that was read, and how to get its pixels
segments.py what a JPEG carries besides its picture
exif.py     the orientation a camera wrote
damage.py   a decoder's exceptions and warnings, in the vocabulary of features.bad.csv
"""
