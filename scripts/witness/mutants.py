"""Captures damaged on purpose. The same seed and number give the same damage."""

import random
import struct
import subprocess
from collections import namedtuple
from pathlib import Path

from .container import Container

Mutant = namedtuple("Mutant", "number base kinds path")

def with_length(data, ip, length):
    """A packet whose IP header tells this length of the whole IP packet."""
    data = bytearray(data)
    if data[ip] >> 4 == 4:
        struct.pack_into(">H", data, ip + 2, length & 0xFFFF)
    else:
        struct.pack_into(">H", data, ip + 4, (length - 40) & 0xFFFF)
    return bytes(data)


def swapped(capture, chance):
    packets = capture.packets()
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(packets))
        other = min(len(packets) - 1, at + chance.choice([1, 1, 1, 2, 3, 8, 30]))
        a, b = packets[at], packets[other]
        capture.parts[a], capture.parts[b] = capture.parts[b], capture.parts[a]


def repeated(capture, chance):
    for _ in range(chance.randint(1, 6)):
        packets = capture.packets()
        at = chance.choice(packets)
        behind = min(len(capture.parts), at + chance.choice([1, 1, 2, 5, 20, 100]))
        capture.parts.insert(behind, capture.parts[at])


def dropped(capture, chance):
    for _ in range(chance.choice([1, 1, 1, 2, 3, 8])):
        packets = capture.packets()
        if len(packets) > 2:
            del capture.parts[chance.choice(packets)]


def overlapping(capture, chance, other_bytes=False):
    """A segment is followed by a second copy of a part of it, as a sender does that retransmits with other borders."""
    candidates = [index for index in capture.packets() if overlaps_possible(capture, index)]
    for index in sorted(chance.sample(candidates, min(len(candidates), chance.randint(1, 4))), reverse=True):
        ip, header, payload = capture.tcp(index)
        data = capture.payload(index)
        content = data[payload:]
        low = chance.randrange(len(content))
        high = chance.randrange(low + 1, len(content) + 1)
        piece = content[low:high]
        if other_bytes:
            piece = bytes(byte ^ 0xFF for byte in piece)
        head = bytearray(data[:payload])
        (sequence,) = struct.unpack_from(">I", head, header + 4)
        struct.pack_into(">I", head, header + 4, (sequence + low) & 0xFFFFFFFF)
        copy = with_length(bytes(head) + piece, ip, payload - ip + len(piece))
        where = chance.choice([index, index + 1, min(len(capture.parts), index + 5)])
        capture.parts.insert(where, capture.with_payload(index, copy))


def overlaps_possible(capture, index):
    place = capture.tcp(index)
    if place is None:
        return False
    length = len(capture.payload(index)) - place[2]
    return 2 <= length < 60_000


def split(capture, chance):
    """A segment arrives as two, the second perhaps before the first."""
    candidates = [index for index in capture.packets() if overlaps_possible(capture, index)]
    for index in sorted(chance.sample(candidates, min(len(candidates), chance.randint(1, 6))), reverse=True):
        ip, header, payload = capture.tcp(index)
        data = capture.payload(index)
        at = chance.randrange(1, len(data) - payload)
        one = with_length(data[: payload + at], ip, payload + at - ip)
        head = bytearray(data[:payload])
        (sequence,) = struct.unpack_from(">I", head, header + 4)
        struct.pack_into(">I", head, header + 4, (sequence + at) & 0xFFFFFFFF)
        two = with_length(bytes(head) + data[payload + at :], ip, len(data) - at - ip)
        pieces = [capture.with_payload(index, one), capture.with_payload(index, two)]
        if chance.random() < 0.4:
            pieces.reverse()
        capture.parts[index : index + 1] = pieces


def cut(path, chance):
    data = Path(path).read_bytes()
    Path(path).write_bytes(data[: chance.randrange(24, len(data))])


def scribbled(path, chance):
    """Bytes of the file itself, the container's headers among them."""
    data = bytearray(Path(path).read_bytes())
    for _ in range(chance.choice([1, 1, 2, 4, 16])):
        data[chance.randrange(len(data))] = chance.randrange(256)
    Path(path).write_bytes(data)


def editcap(path, *arguments):
    out = Path(str(path) + ".edited")
    done = subprocess.run(["editcap", *map(str, arguments), str(path), str(out)], capture_output=True, timeout=60)
    if done.returncode == 0 and out.exists():
        out.replace(path)
    else:
        out.unlink(missing_ok=True)


def bit_errors(path, chance, offset=None):
    probability = chance.choice([0.0002, 0.001, 0.01, 0.02, 0.05, 0.1])
    place = ["-o", offset] if offset else []
    editcap(path, "-E", probability, *place, "--seed", chance.randrange(1 << 31))


def snapped(path, chance):
    editcap(path, "-s", chance.choice([60, 90, 120, 160, 200, 260, 400, 900]))


IN_PACKETS = {
    "swap": swapped,
    "repeat": repeated,
    "drop": dropped,
    "overlap": overlapping,
    "overlap-other-bytes": lambda capture, chance: overlapping(capture, chance, True),
    "split": split,
}
IN_FILE = {
    "cut": cut,
    "scribble": scribbled,
    "bits": bit_errors,
    "bits-in-tcp-payload": lambda path, chance: bit_errors(path, chance, 66),
    "bits-in-smb-body": lambda path, chance: bit_errors(path, chance, 134),
    "snap": snapped,
}
# Kinds by how often they are taken.
KINDS = "swap swap repeat drop drop overlap overlap-other-bytes split split cut scribble bits bits-in-tcp-payload".split()
KINDS += "bits-in-smb-body snap swap+drop swap+repeat+drop split+swap drop+snap repeat+cut split+drop bits-in-smb-body+drop".split()


def make(number, seed, bases, folder):
    """Mutant number `number` of a seed."""
    chance = random.Random(f"{seed}/{number}")
    base = chance.choice(bases)
    kinds = chance.choice(KINDS)
    capture = Container(base)
    path = Path(folder) / f"{number:05}-{base.parent.name}-{base.name}"
    for kind in kinds.split("+"):
        if kind in IN_PACKETS:
            IN_PACKETS[kind](capture, chance)
    capture.write(path)
    for kind in kinds.split("+"):
        if kind in IN_FILE:
            IN_FILE[kind](path, chance)
    return Mutant(number, base, kinds, path)
