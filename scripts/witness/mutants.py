"""Captures damaged on purpose. The same seed and number give the same damage."""

import random
import struct
import subprocess
from collections import namedtuple
from pathlib import Path

Mutant = namedtuple("Mutant", "number base kinds path")

LINK_ETHERNET, LINK_NULL, LINK_SLL, LINK_SLL2 = 1, 0, 113, 276
LINK_RAW = (12, 14, 101, 228, 229)


class Container:
    """A capture file as what stands before the packets and between them, and the packets' records."""

    def __init__(self, path):
        self.name = Path(path).name
        data = Path(path).read_bytes()
        self.parts = []  # (is_packet, bytes, link type)
        if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d"):
            self.read_pcap(data)
        else:
            self.read_pcapng(data)

    def read_pcap(self, data):
        self.order = "<" if data[0] in (0xD4, 0x4D) else ">"
        self.head, self.data_at, self.pcapng = data[:24], 16, False
        (link,) = struct.unpack_from(self.order + "I", data, 20)
        at = 24
        while at + 16 <= len(data):
            (length,) = struct.unpack_from(self.order + "I", data, at + 8)
            self.parts.append((True, data[at : at + 16 + length], link))
            at += 16 + length

    def read_pcapng(self, data):
        self.order = "<" if data[8:12] == b"\x4d\x3c\x2b\x1a" else ">"
        self.head, self.data_at, self.pcapng = b"", 28, True
        links, at = [], 0
        while at + 12 <= len(data):
            kind, length = struct.unpack_from(self.order + "II", data, at)
            block = data[at : at + length]
            if kind == 1:
                links.append(struct.unpack_from(self.order + "H", block, 8)[0])
            interface = struct.unpack_from(self.order + "I", block, 8)[0] if kind == 6 else 0
            self.parts.append((kind == 6, block, links[interface] if kind == 6 else None))
            at += length

    def packets(self):
        return [index for index, (is_packet, _, _) in enumerate(self.parts) if is_packet]

    def payload(self, index):
        """The packet's bytes."""
        _, record, _ = self.parts[index]
        length_at = 20 if self.pcapng else 8
        (length,) = struct.unpack_from(self.order + "I", record, length_at)
        return record[self.data_at : self.data_at + length]

    def with_payload(self, index, payload):
        """The record of a packet with other bytes."""
        _, record, link = self.parts[index]
        if self.pcapng:
            padded = payload + bytes(-len(payload) % 4)
            total = 32 + len(padded)
            head = struct.pack(self.order + "II", 6, total) + record[8:20]
            sizes = struct.pack(self.order + "II", len(payload), len(payload))
            return (True, head + sizes + padded + struct.pack(self.order + "I", total), link)
        return (True, record[:8] + struct.pack(self.order + "II", len(payload), len(payload)) + payload, link)

    def write(self, path):
        Path(path).write_bytes(self.head + b"".join(record for _, record, _ in self.parts))

    def tcp(self, index):
        """Where a packet's TCP header and payload begin, and where the IP packet begins; None for anything else."""
        data, link = self.payload(index), self.parts[index][2]
        ip = {LINK_ETHERNET: 14, LINK_NULL: 4, LINK_SLL: 16, LINK_SLL2: 20}.get(link, 0 if link in LINK_RAW else None)
        if ip is None or len(data) < ip + 40:
            return None
        if link == LINK_ETHERNET and data[12:14] == b"\x81\x00":
            ip += 4
        version = data[ip] >> 4
        if version == 4 and data[ip + 9] == 6:
            header = ip + (data[ip] & 15) * 4
        elif version == 6 and data[ip + 6] == 6:
            header = ip + 40
        else:
            return None
        if len(data) < header + 20:
            return None
        return ip, header, header + (data[header + 12] >> 4) * 4


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
