"""The HTTP services: the answers of `api.index` for other programs, and pairs for a person who decides.

Both stay on this machine; only the answers go farther, if asked to.

guard.py         whose requests are answered
parameters.py    those of an address, each once
uploads.py       bodies of requests within bounds, and the images in them
questions.py     the newest results, who may ask them at once, and when they are renewed
application.py   the addresses, and what each answers
measurements.py  counters and latencies, as Prometheus reads them
openapi.py       the description of all of it
listening.py     the port
running.py       the server: its port, how it starts and stops
review           pairs side by side in a browser, and decisions

What an answer says of an image belongs in `engine.query`, how it reads as JSON in `api.answer_records`.
"""
