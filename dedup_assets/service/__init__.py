"""The HTTP service: the answers of `api.index` for other programs, on this machine unless it is asked to go farther.

guard.py         whose requests are answered
uploads.py       bodies of requests within bounds, and the images in them
questions.py     the newest results, who may ask them at once, and when they are renewed
application.py   the addresses, and what each answers
measurements.py  counters and latencies, as Prometheus reads them
openapi.py       the description of all of it
running.py       the server: its port, how it starts and stops

What an answer says of an image belongs in `engine.query`, how it reads as JSON in `api.answer_records`.
"""
