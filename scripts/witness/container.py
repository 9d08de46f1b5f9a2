"""Capture files as records."""

import struct
from pathlib import Path

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
            if length < 12:
                break
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

    def without_options(self):
        """The same packets with nothing behind their bytes."""
        for index in self.packets():
            lengths = self.parts[index][1][20:28]
            is_packet, record, link = self.with_payload(index, self.payload(index))
            self.parts[index] = (is_packet, record[:20] + lengths + record[28:], link)
        return self

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
