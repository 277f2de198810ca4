"""The wires between network namespaces: a process that carries every packet, late, or not at all.

    python -m bench.chaos.relay SEED HOST HOST...

Each host gets a TUN device: the first in the namespace this is started in, every other in a new one. One line of JSON
on stdout tells each host's address and how to enter its namespace, or why this machine does not allow it. From then on
a line of JSON on stdin sets the link from one host to another and is answered by what that link did so far.

Nothing is left behind, however it ends: the devices and the nameless namespaces are this process's open files, and the
end of its stdin ends it. Only the standard library is imported, so that it starts at once.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import json
import os
import random
import selectors
import struct
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

CLONE_NEWNET = 0x40000000  # linux/sched.h
TUNSETIFF = 0x400454CA  # linux/if_tun.h
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
OWN_NAMESPACE = "/proc/self/ns/net"
PACKET_BYTES = 65_536
AT_ONCE = 64  # packets of one host before the others get their turn
QUEUE_PACKETS = 10_000  # what the kernel holds for us, so that a busy machine loses nothing by itself

Direction: TypeAlias = tuple[int, int]  # numbers of the hosts, from and to


@dataclass(frozen=True, slots=True)
class Link:
    """What one direction does to packets. With jitter they may overtake each other, as on a real network."""

    delay_ms: float = 0.0
    jitter_ms: float = 0.0  # at most so much more or less, evenly
    loss: float = 0.0  # share of packets, 0 to 1
    black_hole: bool = False  # nothing arrives, and nobody is told

    def delay_seconds(self, dice: random.Random) -> float | None:
        """How late the next packet arrives; None when it does not."""
        if self.black_hole or (self.loss and dice.random() < self.loss):
            return None
        return max(0.0, self.delay_ms + self.jitter_ms * dice.uniform(-1, 1)) / 1000


@dataclass(slots=True)
class Count:
    """What happened to the packets of one direction."""

    delivered: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Host:
    """A host's wire."""

    device: int  # file descriptor; packets are read and written whole
    address: str
    namespace: int | None  # file descriptor; None for the namespace we are in


class Refused(Exception):
    """This machine does not allow it; str() is the reason, in one line."""


@dataclass(slots=True)
class Wires:
    """Every direction's link, and the packets on their way."""

    hosts: Sequence[Host]
    dice: random.Random
    links: defaultdict[Direction, Link] = field(default_factory=lambda: defaultdict(Link))
    counts: defaultdict[Direction, Count] = field(default_factory=lambda: defaultdict(Count))
    _flying: list[tuple[float, int, int, bytes]] = field(default_factory=list)  # due, number, to, packet
    _number: int = 0

    def carry(self, host: int) -> None:
        """Takes what a host has sent."""
        for _ in range(AT_ONCE):
            try:
                packet = os.read(self.hosts[host].device, PACKET_BYTES)
            except BlockingIOError:
                return
            to = packet[19] - 1  # last byte of an IPv4 destination
            if packet[0] >> 4 == 4 and to < len(self.hosts):
                self._send((host, to), packet)

    def _send(self, direction: Direction, packet: bytes) -> None:
        late = self.links[direction].delay_seconds(self.dice)
        if late is None:
            self.counts[direction].dropped += 1
            return
        self.counts[direction].delivered += 1
        if not late:
            os.write(self.hosts[direction[1]].device, packet)
            return
        self._number += 1
        heapq.heappush(self._flying, (time.monotonic() + late, self._number, direction[1], packet))

    def deliver(self) -> float | None:
        """Hands over what is due; seconds until the next packet is, None when there is none."""
        now = time.monotonic()
        while self._flying and self._flying[0][0] <= now:
            _, _, to, packet = heapq.heappop(self._flying)
            os.write(self.hosts[to].device, packet)
        return self._flying[0][0] - now if self._flying else None


def main() -> None:
    """Carries packets until stdin ends."""
    names = sys.argv[2:]
    try:
        hosts = _plugged(len(names))
    except Refused as refused:
        _tell({"refused": str(refused)})
        return
    _tell({name: {"address": host.address, "enter": _enter(host)} for name, host in zip(names, hosts, strict=True)})
    _relay(Wires(hosts, random.Random(sys.argv[1])), names)


def _relay(wires: Wires, names: Sequence[str]) -> None:
    os.set_blocking(sys.stdin.fileno(), False)
    lines = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        for number, host in enumerate(wires.hosts):
            selector.register(host.device, selectors.EVENT_READ, number)
        while True:
            for key, _ in selector.select(wires.deliver()):
                if key.data is not None:
                    wires.carry(key.data)
                    continue
                if not (read := os.read(key.fd, PACKET_BYTES)):
                    return
                lines += read
                while b"\n" in lines:
                    line, _, lines = lines.partition(b"\n")
                    _set(wires, names, json.loads(line))


def _set(wires: Wires, names: Sequence[str], told: dict[str, Any]) -> None:
    direction = (names.index(told["from"]), names.index(told["to"]))
    wires.links[direction] = Link(**told["link"])
    _tell(asdict(wires.counts[direction]))


def _tell(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _plugged(count: int) -> list[Host]:
    """The hosts, each with its device up. Raises Refused."""
    subnet = f"198.18.{os.getpid() % 256}"  # of the range for benchmarks, RFC 2544
    try:
        own = os.open(OWN_NAMESPACE, os.O_RDONLY)
        hosts = [_host(f"chaos{os.getpid()}", f"{subnet}.1", None)]
        for number in range(2, count + 1):
            _namespace("unshare", CLONE_NEWNET)
            hosts.append(_host("tun0", f"{subnet}.{number}", os.open(OWN_NAMESPACE, os.O_RDONLY)))
            _namespace("setns", own, CLONE_NEWNET)
    except FileNotFoundError as error:
        raise Refused(f"network namespaces joined by TUN devices need {error.filename}") from None
    except OSError as error:
        raise Refused(f"network namespaces joined by TUN devices cannot be made here: {error.strerror}") from None
    return hosts


def _host(device: str, address: str, namespace: int | None) -> Host:
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TUN | IFF_NO_PI))
    _ip("link", "set", "lo", "up")
    _ip("address", "add", f"{address}/24", "dev", device)
    _ip("link", "set", device, "txqueuelen", str(QUEUE_PACKETS), "up")
    return Host(tun, address, namespace)


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(f"`ip {' '.join(arguments)}`: {done.stderr.strip()}")


def _namespace(call: str, *arguments: int) -> None:
    """`unshare` or `setns`, which Python has from 3.12 on."""
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, call)(*arguments):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _enter(host: Host) -> list[str]:
    if host.namespace is None:
        return []
    return ["nsenter", f"--net=/proc/{os.getpid()}/fd/{host.namespace}", "--"]


if __name__ == "__main__":
    main()
