"""The process that decodes one clip: a file on stdin, mono samples of 16 bits at 16 kHz on stdout.

Whatever a damaged file does to a decoder, it does it here: `python -m services.edge.rest.decoder SECONDS`.
"""

from __future__ import annotations

import io
import resource
import sys

import av

RATE = 16_000
CPU_SECONDS = 30
MEMORY_BYTES = 1 << 30
UNREADABLE, TOO_LONG = 3, 4  # exit codes


def main(seconds: int) -> int:
    """Decode stdin to stdout, and return the exit code."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold what was said
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    left = seconds * RATE * 2
    try:
        with av.open(io.BytesIO(sys.stdin.buffer.read()), "r") as container:
            resampler = av.AudioResampler("s16", "mono", RATE)
            for frame in container.decode(audio=0):
                for each in resampler.resample(frame):
                    data = each.to_ndarray().tobytes()
                    if len(data) > left:
                        return TOO_LONG
                    sys.stdout.buffer.write(data)
                    left -= len(data)
            for each in resampler.resample(None):
                sys.stdout.buffer.write(each.to_ndarray().tobytes())
    except (av.FFmpegError, IndexError, ValueError):
        return UNREADABLE if left == seconds * RATE * 2 else 0  # a damaged end leaves what came before it
    return 0 if left < seconds * RATE * 2 else UNREADABLE


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
