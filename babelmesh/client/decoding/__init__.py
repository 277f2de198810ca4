"""Reading the sound of any file FFmpeg reads, in a process of its own, on the time of its container.

guarded.py    starts the process, goes on behind a place that ends it            (runs in the client)
__main__.py   the process: reads one file, writes sound and what it came upon
reading.py    all parts of a file, packet by packet, as blocks of equal length
parts.py      where the files begin that were joined into one
clock.py      the silence that a hole in the container's clock stands for
downmix.py    frames of any form, which may change on the way, in the form that is wanted
hearing.py    the first track that is not silent
findings.py   what was damaged, and how much of it is lost
wire.py       what the two processes say to each other
"""
