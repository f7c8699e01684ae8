"""Both ends of the pipe to a decoding process.

`asking` runs in the process of the pipeline; `answering` is the program of a decoding process. Decoders are native code
and their input is hostile, so nothing else decodes a file.
"""
