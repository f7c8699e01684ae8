"""Both ends of the pipe to a decoding process, the only place where a file of the input is decoded.

Decoders are native code and their input may be hostile: a file that crashes one costs its own image and no other.

tasks.py      what is asked for and what comes back, as records
messages.py   requests and answers as they travel through the pipe; both ends import it
asking.py     the end in the process of the pipeline: asks, and asks again if a process ends
answering.py  the program of a decoding process
"""
