#!/usr/bin/env python3
"""Writes a synthetic capture of SMB2 traffic, for benchmarks: valid, the same for the same arguments, of any size.

Kinds:
  small-ops      one client, many small operations: compounds, opens, listings, small reads and writes (270 bytes a PDU)
  large          one client, READs and WRITEs of 1 MiB, in 1,460-byte segments
  many-sessions  small-ops on many connections at once (--sessions)
  mixed          small-ops, and three times as much traffic that is not SMB
  non-smb        no SMB at all

Prints what it wrote as one line of JSON: bytes, packets, SMB2 PDUs, operations, sessions.
"""

import argparse
import json
import random
import struct
import sys

SEGMENT = 1460
EPOCH_NS = 1_700_000_000 * 10**9
SERVER_IP = bytes([10, 0, 0, 1])
NEGOTIATE, SESSION_SETUP, LOGOFF, TREE_CONNECT, TREE_DISCONNECT, CREATE, CLOSE = range(7)
READ, WRITE, QUERY_DIRECTORY, QUERY_INFO = 8, 9, 14, 16
MORE_PROCESSING, NO_MORE_FILES, NOT_FOUND = 0xC0000016, 0x80000006, 0xC0000034
RESPONSE, RELATED = 1, 4
ALL_ONES = (1 << 64) - 1
SAME_FILE = b"\xff" * 16
FILETIME = 133_444_736_000_000_000

HEADER = struct.Struct("<4sHHIHHIIQIIQ16s")
RECORD = struct.Struct("<IIII")
PACKET = struct.Struct(">14sBBHHHBBH4s4sHHIIBBHHH")
UDP_PACKET = struct.Struct(">14sBBHHHBBH4s4sHHHH")
CREATE_REQUEST = struct.Struct("<HBBIQQIIIIIHHII")
CREATE_RESPONSE = struct.Struct("<HBBIQQQQQQII16sII")
CLOSE_RESPONSE = struct.Struct("<HHIQQQQQQI")
FIN, SYN, PSH, ACK = 1, 2, 8, 16


class Capture:
    """A pcap file with nanosecond times, written in chunks; memory does not grow with the file."""

    CHUNK = 1 << 20

    def __init__(self, path):
        self.file = open(path, "wb", buffering=0)
        self.pending = bytearray(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
        self.bytes = len(self.pending)
        self.packets = self.pdus = self.operations = self.sessions = 0
        self.now = EPOCH_NS
        self.checksums = {}

    def add(self, headers, payload, gap_ns):
        self.now += gap_ns
        seconds, nanos = divmod(self.now, 10**9)
        length = len(headers) + len(payload)
        pending = self.pending
        pending += RECORD.pack(seconds, nanos, length, length)
        pending += headers
        pending += payload
        self.packets += 1
        self.bytes += 16 + length
        if len(pending) >= self.CHUNK:
            self.flush()

    def flush(self):
        self.file.write(self.pending)
        self.pending.clear()

    def ip_checksum(self, source, target, total, protocol):
        key = (source, target, total, protocol)
        known = self.checksums.get(key)
        if known is None:
            header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, total, 0, 0x4000, 64, protocol, 0, source, target)
            value = sum(struct.unpack(">10H", header))
            value = (value & 0xFFFF) + (value >> 16)
            known = self.checksums[key] = ~((value & 0xFFFF) + (value >> 16)) & 0xFFFF
            if len(self.checksums) > 100_000:
                self.checksums.clear()
        return known


def ethernet(source, target):
    return b"\x02\0" + target + b"\x02\0" + source + b"\x08\0"


class Flow:
    """A TCP connection: sequence numbers, segments, acknowledgements."""

    def __init__(self, out, client_ip, client_port, server_ip=SERVER_IP, server_port=445):
        self.out = out
        up = (ethernet(client_ip, server_ip), client_ip, server_ip, client_port, server_port)
        down = (ethernet(server_ip, client_ip), server_ip, client_ip, server_port, client_port)
        self.ends = (up, down)
        self.sequence = [0x1000, 0x8000]
        self.packet(0, SYN)
        self.packet(1, SYN | ACK)
        self.packet(0, ACK)

    def packet(self, side, flags, payload=b"", gap_ns=2_000):
        mac, source, target, source_port, target_port = self.ends[side]
        total = 40 + len(payload)
        checksum = self.out.ip_checksum(source, target, total, 6)
        sequence = self.sequence[side]
        acknowledged = self.sequence[1 - side] if flags & ACK else 0
        headers = PACKET.pack(
            mac, 0x45, 0, total, 0, 0x4000, 64, 6, checksum, source, target,
            source_port, target_port, sequence, acknowledged, 0x50, flags, 65535, 0, 0,
        )  # fmt: skip
        self.out.add(headers, payload, gap_ns)
        self.sequence[side] = (sequence + len(payload) + (1 if flags & (SYN | FIN) else 0)) & 0xFFFFFFFF

    def send(self, side, data):
        """One message; side 0 is the client. The other side acknowledges every 32 segments of a long one."""
        if len(data) <= SEGMENT:
            self.packet(side, PSH | ACK, data, 40_000)
            return
        view = memoryview(data)
        last = len(view) - SEGMENT
        for count, start in enumerate(range(0, len(view), SEGMENT), 1):
            self.packet(side, PSH | ACK if start >= last else ACK, view[start : start + SEGMENT], 1_200)
            if count % 32 == 0:
                self.packet(1 - side, ACK)

    def close(self):
        self.packet(0, FIN | ACK)
        self.packet(1, FIN | ACK)
        self.packet(0, ACK)


class Client:
    """An SMB2 client with one session and one tree: each method writes a request and its response."""

    def __init__(self, out, random_numbers, number):
        self.out = out
        self.rng = random_numbers
        self.flow = Flow(out, bytes([10, 0, 1 + number // 250, 1 + number % 250]), 49152 + number % 16000)
        self.pool = random_numbers.randbytes((1 << 20) + 65536) if number == 0 else Client.shared_pool
        Client.shared_pool = self.pool
        self.message_id = 0
        self.session_id = 0
        self.tree_id = 0
        self.files = number << 40
        self.number = number
        self.log_in()

    def header(self, command, message_id, flags, status=0, next_command=0, charge=1, session_id=None, tree_id=None):
        return HEADER.pack(
            b"\xfeSMB", 64, charge, status, command, 32, flags, next_command, message_id, 0xFEFF,
            self.tree_id if tree_id is None else tree_id, self.session_id if session_id is None else session_id, bytes(16),
        )  # fmt: skip

    def exchange(self, chain, gap_ns=100_000):
        """chain: (command, request body, status, response body, credit charge) each; more than one is a related compound."""
        last = len(chain) - 1
        requests, responses = [], []
        for place, (command, asked, status, answered, charge) in enumerate(chain):
            related = RELATED if place else 0
            inherit = ALL_ONES if place else None
            ask_next = answer_next = 0
            if place < last:
                asked += bytes(-len(asked) % 8)
                answered += bytes(-len(answered) % 8)
                ask_next, answer_next = 64 + len(asked), 64 + len(answered)
            requests.append(
                self.header(command, self.message_id, related, 0, ask_next, charge, inherit, inherit and 0xFFFFFFFF)
            )
            requests.append(asked)
            responses.append(self.header(command, self.message_id, RESPONSE | related, status, answer_next, charge))
            responses.append(answered)
            self.message_id += charge
        self.flow.send(0, framed(requests))
        self.out.now += gap_ns
        self.flow.send(1, framed(responses))
        self.out.pdus += 2 * len(chain)
        self.out.operations += len(chain)

    def one(self, command, asked, answered, status=0, charge=1):
        self.exchange([(command, asked, status, answered, charge)])

    def log_in(self):
        dialects = struct.pack("<4H", 0x0202, 0x0210, 0x0300, 0x0302)
        asked = struct.pack("<HHHHI16sQ", 36, 4, 1, 0, 0x7F, self.rng.randbytes(16), 0) + dialects
        answered = struct.pack("<HHHH16sIIIIQQHHI", 65, 1, 0x0302, 0, b"smbreplay-server", 7, 1 << 23, 1 << 23, 1 << 23, FILETIME, 0, 128, 0, 0)
        self.one(NEGOTIATE, asked, answered)
        hello = b"NTLMSSP\0" + struct.pack("<II", 1, 0xE2088297) + bytes(16)
        # The server gives the session its id with the first answer.
        asking = struct.pack("<HBBIIHHQ", 25, 0, 1, 1, 0, 88, len(hello), 0) + hello
        challenge = ntlm_challenge(self.rng)
        answering = struct.pack("<HHHH", 9, 0, 72, len(challenge)) + challenge
        request = self.header(SESSION_SETUP, self.message_id, 0)
        self.session_id = 0x0000_4000_0000_0001 + (self.number << 8)
        self.flow.send(0, framed([request, asking]))
        response = self.header(SESSION_SETUP, self.message_id, RESPONSE, MORE_PROCESSING)
        self.flow.send(1, framed([response, answering]))
        self.message_id += 1
        self.out.pdus += 2
        self.out.operations += 1
        token = ntlm_authenticate(self.rng, f"user{self.number}")
        asked = struct.pack("<HBBIIHHQ", 25, 0, 1, 1, 0, 88, len(token), 0) + token
        self.one(SESSION_SETUP, asked, struct.pack("<HHHH", 9, 0, 72, 0))
        path = "\\\\10.0.0.1\\bench".encode("utf-16-le")
        # The tree's id is in the answer's header, not in the request's.
        asked = struct.pack("<HHHH", 9, 0, 72, len(path)) + path
        request = self.header(TREE_CONNECT, self.message_id, 0)
        self.tree_id = 5
        response = self.header(TREE_CONNECT, self.message_id, RESPONSE)
        self.flow.send(0, framed([request, asked]))
        self.flow.send(1, framed([response, struct.pack("<HBBIII", 16, 1, 0, 0x30, 0, 0x001F01FF)]))
        self.message_id += 1
        self.out.pdus += 2
        self.out.operations += 1
        self.out.sessions += 1

    def log_out(self):
        self.one(TREE_DISCONNECT, b"\4\0\0\0", b"\4\0\0\0")
        self.one(LOGOFF, b"\4\0\0\0", b"\4\0\0\0")
        self.flow.close()

    def new_file_id(self):
        self.files += 1
        return struct.pack("<QQ", self.files, self.files ^ 0x5A5A5A5A)

    def name(self):
        number = self.files % 5000
        return f"projects\\part{number % 40:02}\\file{number:04}.dat".encode("utf-16-le")

    def create(self, file_id, name, size=4096, status=0, access=0x0012019F, disposition=1):
        asked = CREATE_REQUEST.pack(57, 0, 0, 2, 0, 0, access, 0, 7, disposition, 0, 120, len(name), 0, 0) + name
        if status:
            return (CREATE, asked, status, struct.pack("<HBBIB", 9, 0, 0, 0, 0), 1)
        times = FILETIME + self.files * 1000
        answered = CREATE_RESPONSE.pack(89, 0, 0, 1, times, times, times, times, (size + 4095) & ~4095, size, 0x20, 0, file_id, 0, 0)
        return (CREATE, asked, 0, answered, 1)

    def close(self, file_id):
        asked = struct.pack("<HHI16s", 24, 0, 0, file_id)
        return (CLOSE, asked, 0, CLOSE_RESPONSE.pack(60, 0, 0, 0, 0, 0, 0, 0, 0, 0), 1)

    def query(self, file_id):
        asked = struct.pack("<HBBIHHIII16sB", 41, 1, 5, 24, 0, 0, 0, 0, 0, file_id, 0)
        return (QUERY_INFO, asked, 0, struct.pack("<HHIQQIBBH", 9, 72, 24, 4096, 4096, 1, 0, 0, 0), 1)

    def read(self, file_id, offset, length, charge=1):
        start = self.rng.randrange(65536)
        data = memoryview(self.pool)[start : start + length]
        asked = struct.pack("<HBBIQ16sIIIIHHB", 49, 80, 0, length, offset, file_id, 1, 0, 0, 0, 0, 0, 0)
        self.one(READ, asked, b"".join((struct.pack("<HBBIII", 17, 80, 0, length, 0, 0), data)), charge=charge)

    def write(self, file_id, offset, length, charge=1):
        start = self.rng.randrange(65536)
        data = memoryview(self.pool)[start : start + length]
        asked = struct.pack("<HHIQ16sIIHHI", 49, 112, length, offset, file_id, 0, 0, 0, 0, 0)
        self.one(WRITE, b"".join((asked, data)), struct.pack("<HHIIHH", 17, 0, length, 0, 0, 0), charge=charge)

    def list_folder(self, file_id, entries):
        pattern = "*".encode("utf-16-le")
        asked = struct.pack("<HBBI16sHHI", 33, 37, 0, 0, file_id, 96, len(pattern), 65536) + pattern
        found = []
        for number in range(entries):
            name = f"file{number:04}.dat".encode("utf-16-le")
            size = 104 + len(name)
            padding = -size % 8 if number < entries - 1 else 0
            following = size + padding if number < entries - 1 else 0
            times = FILETIME + number
            found.append(struct.pack("<IIQQQQQQIIIBB24sHQ", following, 0, times, times, times, times, 4096, 4096, 0x20, len(name), 0, 0, 0, b"", 0, number))
            found.append(name + bytes(padding))
        buffer = b"".join(found)
        self.one(QUERY_DIRECTORY, asked, struct.pack("<HHI", 9, 72, len(buffer)) + buffer)
        self.one(QUERY_DIRECTORY, asked, struct.pack("<HBBIB", 9, 0, 0, 0, 0), NO_MORE_FILES)

    def visit(self):
        """What an office client does with a few files: some 15 PDUs."""
        rng = self.rng
        # A compound in every other visit: tshark's time grows with the square of their number, since the FF…FF ids share one bucket of
        # a hash table; more of them would make it look slower than it is on most captures.
        if rng.random() < 0.5:
            file_id, name = self.new_file_id(), self.name()
            self.exchange([self.create(file_id, name), self.query(SAME_FILE), self.close(SAME_FILE)])
        file_id, name = self.new_file_id(), self.name()
        self.exchange([self.create(file_id, name)])
        for turn in range(rng.randrange(1, 4)):
            self.read(file_id, turn * 4096, rng.choice((64, 64, 64, 128, 128, 128, 256, 256, 512, 512, 512, 4096)))
        for turn in range(rng.randrange(1, 3)):
            self.write(file_id, turn * 4096, rng.choice((64, 64, 64, 128, 128, 128, 256, 256, 256, 2048)))
        self.exchange([self.query(file_id)])
        self.exchange([self.close(file_id)])
        if rng.random() < 0.15:
            file_id = self.new_file_id()
            self.exchange([self.create(file_id, "projects".encode("utf-16-le"), 0)])
            self.list_folder(file_id, rng.randrange(2, 12))
            self.exchange([self.close(file_id)])
        if rng.random() < 0.2:
            self.exchange([self.create(b"", self.name() + b"x\0", status=NOT_FOUND)])

    def transfer(self):
        """A file of 8 MiB written and read back, a mebibyte at a time (16 credits each)."""
        file_id = self.new_file_id()
        self.exchange([self.create(file_id, self.name(), 0, disposition=5)])
        for turn in range(8):
            self.write(file_id, turn << 20, 1 << 20, 16)
            yield
        for turn in range(8):
            self.read(file_id, turn << 20, 1 << 20, 16)
            yield
        self.exchange([self.close(file_id)])


def framed(parts):
    message = b"".join(parts)
    return b"".join((struct.pack(">I", len(message)), message))


def ntlm_challenge(rng):
    target = "SERVER".encode("utf-16-le")
    info = struct.pack("<HH", 2, len(target)) + target + struct.pack("<HH", 0, 0)
    where = 56
    fixed = b"NTLMSSP\0" + struct.pack("<IHHII", 2, len(target), len(target), where, 0xE2898215) + rng.randbytes(8) + bytes(8)
    fixed += struct.pack("<HHI", len(info), len(info), where + len(target)) + struct.pack("<BBHBBBB", 10, 0, 17763, 0, 0, 0, 15)
    return fixed + target + info


def ntlm_authenticate(rng, user):
    fields = [rng.randbytes(24), rng.randbytes(24)] + [text.encode("utf-16-le") for text in ("BENCH", user, "CLIENT")] + [rng.randbytes(16)]
    where, pointers = 72, []
    order = [2, 3, 4, 0, 1, 5]  # the payloads' order is free; names first, as clients have it
    offsets = {}
    for index in order:
        offsets[index] = where
        where += len(fields[index])
    for index in range(6):
        pointers.append(struct.pack("<HHI", len(fields[index]), len(fields[index]), offsets[index]))
    fixed = b"NTLMSSP\0" + struct.pack("<I", 3) + b"".join(pointers) + struct.pack("<I", 0xE2888215) + struct.pack("<BBHBBBB", 10, 0, 17763, 0, 0, 0, 15)
    return fixed + b"".join(fields[index] for index in order)


class Noise:
    """Traffic that is not SMB: a TCP conversation and UDP datagrams, of readable text on ports that belong to nobody."""

    TEXT = b"The quick brown fox jumps over the lazy dog. " * 100

    def __init__(self, out, random_numbers):
        self.out, self.rng = out, random_numbers
        self.ips = bytes([10, 0, 9, 1]), bytes([10, 0, 9, 2])
        self.flow = Flow(out, self.ips[0], 50001, self.ips[1], 50002)

    def some(self, size):
        sent = 0
        while sent < size:
            length = self.rng.randrange(40, SEGMENT)
            if self.rng.random() < 0.5:
                self.flow.packet(self.rng.randrange(2), PSH | ACK, self.TEXT[:length], 20_000)
            else:
                source, target = self.ips
                checksum = self.out.ip_checksum(source, target, 28 + length, 17)
                headers = UDP_PACKET.pack(
                    ethernet(source, target), 0x45, 0, 28 + length, 0, 0x4000, 64, 17, checksum, source, target,
                    50003, 50004, 8 + length, 0,
                )  # fmt: skip
                self.out.add(headers, self.TEXT[:length], 20_000)
            sent += length + 70


def write(kind, out, size, rng, sessions):
    clients = [] if kind == "non-smb" else [Client(out, rng, number) for number in range(sessions if kind == "many-sessions" else 1)]
    noise = Noise(out, rng) if kind in ("mixed", "non-smb") else None
    while out.bytes < size:
        if kind == "large":
            for _ in clients[0].transfer():
                if out.bytes >= size:
                    break
        elif kind == "non-smb":
            noise.some(20_000)
        else:
            before = out.bytes
            rng.choice(clients).visit()
            if noise:
                noise.some(3 * (out.bytes - before))
    for client in clients:
        client.log_out()
    if noise:
        noise.flow.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["small-ops", "large", "many-sessions", "mixed", "non-smb"])
    parser.add_argument("out", help="the pcap file to write")
    parser.add_argument("--size", type=float, default=50, metavar="MB", help="about this many megabytes (default 50)")
    parser.add_argument("--seed", type=int, default=1, help="another seed, another capture (default 1)")
    parser.add_argument("--sessions", type=int, default=50, help="for many-sessions (default 50)")
    given = parser.parse_args()
    if not 1 <= given.sessions <= 10_000:
        parser.error("--sessions must be from 1 to 10000")
    out = Capture(given.out)
    write(given.kind, out, given.size * 1e6, random.Random(given.seed), given.sessions)
    out.flush()
    out.file.close()
    json.dump({key: getattr(out, key) for key in ("bytes", "packets", "pdus", "operations", "sessions")}, sys.stdout)
    print()


main()
