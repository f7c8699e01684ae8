"""The formats of picture files, one module per subject; only `engine/pictures/decoding.py` imports them.

From bytes to an opened picture:
recognition.py  which codec reads a file, by its content
jpeg.py         JPEG by libjpeg-turbo, scaled down while decoding, and what counts as a broken JPEG
pillow.py       every other format that Pillow reads
tiff.py         TIFF that Pillow does not read, by tifffile
heif.py         HEIC by libheif
jpegxl.py       JPEG XL by libjxl, if installed
raw.py          the preview in a raw file, by LibRaw, if installed
extras.py       what to install for the last two
opened.py       a header that was read, and how to get its pixels

Parts of files:
segments.py     segments of JPEG: EXIF block, colour profile, scans
png.py          chunks of PNG: checksums, notes
isobmff.py      boxes of AVIF and HEIF
notes.py        captions, keywords and ratings that people gave a picture
exif.py         the orientation that a camera wrote
endings.py      whether a file was cut
holes.py        whether a part of a file is lost
gif.py          blocks of GIF
damage.py       a decoder's exceptions and warnings, in the vocabulary of features.bad.csv
second_opinion.py  whether another decoder reads a file that ours refuses

Pixels as a person sees them:
rgb.py          Pillow's pixel modes
depth.py        more than 8 bits
backdrop.py     what lies behind transparent pixels
colours.py      colour profiles and gamma, brought to sRGB
"""
