"""The rules of reassembly of docs/witness.md once more, in a few lines and over the whole capture at once, out of the segments that
tshark lists: what must be there when neither program is asked.

A direction's stream begins behind its SYN, or with the first segment seen. The first copy of a byte wins, what is in order before
what waits. Missing bytes are given up when PATIENCE packets of the conversation have gone by since the receiver acknowledged
them. Where bytes are missing the message is given up at its known end, or reading resumes at the next header of a session message with an SMB protocol id.
"""

from collections import defaultdict, namedtuple

Pdu = namedtuple("Pdu", "frame bytes whole")
PATIENCE = 64
PROTOCOLS = (b"\xfeSMB", b"\xfdSMB", b"\xfcSMB", b"\xffSMB")


class Direction:
    """One direction of a conversation."""

    def __init__(self):
        self.start = None
        # Position of the byte expected next, and the segments that wait beyond it: (payload, missing, frame) by position.
        self.next = 0
        self.waiting = {}
        # Contiguous pieces: position, bytes, and up to where they came with which frame.
        self.pieces = []
        # What is odd: (frame, what)
        self.odd = []
        # What the receiver acknowledged, as far as captured yet.
        self.acknowledged = None
        # Packets since the receiver acknowledged bytes that are missing.
        self.patience = None
        # The sequence number of the first segment without data, before any with data.
        self.heard = None

    def position(self, sequence):
        """The position nearest to what is expected next, as sequence numbers wrap around."""
        delta = (sequence - (self.start or 0) - self.next) & 0xFFFFFFFF
        return self.next + (delta if delta < 1 << 31 else delta - (1 << 32))

    def add(self, segment):
        if segment.syn and self.start is None:
            self.start = (segment.sequence + 1) & 0xFFFFFFFF
        if not segment.payload and not segment.missing:
            self.empty(segment)
            return
        sequence = (segment.sequence + segment.syn) & 0xFFFFFFFF
        if self.start is None:
            self.start = sequence
            if self.heard not in (None, sequence):
                self.odd.append((segment.frame, "the first segment with data does not follow on the empty ones before it"))
        at = self.position(sequence)
        end = at + len(segment.payload) + segment.missing
        if at > self.next:
            self.odd.append((segment.frame, "a segment stands beyond bytes that were not captured yet"))
        elif at < self.next:
            self.odd.append((segment.frame, "a segment is repeated" if end <= self.next else "a segment overlaps another"))
        elif self.acknowledged is not None and self.position(self.acknowledged) > at:
            self.odd.append((segment.frame, "a segment was acknowledged before it was captured"))
        if at == self.next and self.waiting:
            self.odd.append((segment.frame, "a segment comes late"))
        if segment.missing:
            self.odd.append((segment.frame, "a segment is cut by the snapshot length"))
        if at > self.next:
            if at not in self.waiting or len(self.waiting[at][0]) < len(segment.payload):
                self.waiting[at] = (segment.payload, segment.missing, segment.frame)
            return
        self.take(at, segment.payload, segment.missing, segment.frame)
        self.drain()

    def empty(self, segment):
        """A segment without data says where the stream is, and may be wrong."""
        if self.start is None:
            self.heard = segment.sequence if self.heard is None else self.heard
        elif not segment.syn and self.position(segment.sequence) > self.next:
            self.odd.append((segment.frame, "an empty segment stands beyond bytes that were not captured yet"))

    def went_by(self, acknowledgement=None):
        """A packet of the conversation went by, which acknowledged this."""
        if not self.waiting:
            return
        if self.patience is None:
            if acknowledgement is None or self.position(acknowledgement) <= self.next:
                return
            self.patience = 0
        self.patience += 1
        if self.patience > PATIENCE:
            self.next = min(self.waiting)
            self.drain()

    def drain(self, finish=False):
        self.patience = None
        while self.waiting and (finish or min(self.waiting) <= self.next):
            at = min(self.waiting)
            self.next = max(self.next, at)
            self.take(at, *self.waiting.pop(at))

    def take(self, at, payload, missing, frame):
        """Adds what of a segment is new."""
        data = payload[self.next - at :]
        if data:
            if not self.pieces or self.pieces[-1][0] + len(self.pieces[-1][1]) != self.next:
                self.pieces.append((self.next, bytearray(), []))
            self.pieces[-1][1].extend(data)
            self.pieces[-1][2].append((len(self.pieces[-1][1]), frame))
        self.next = max(self.next, at + len(payload) + missing)

    def messages(self):
        """Session messages: (frame, bytes, whole)."""
        skip_to = 0
        synchronised = True
        expected = 0
        self.drain(finish=True)
        for position, data, frames in self.pieces:
            if position > expected:
                synchronised = position <= skip_to
            at = max(0, skip_to - position) if synchronised else 0
            expected = position + len(data)
            while at < len(data):
                if not synchronised or not header_fits(data, at):
                    if synchronised:
                        frame = min((frame for _, frame in touching(frames, at, at + 1)), default=0)
                        self.odd.append((frame, "a session message has no readable header"))
                    found = next_header(data, at)
                    if found is None:
                        synchronised = False
                        break
                    at, synchronised = found, True
                    continue
                if at + 4 > len(data):
                    # A hole cuts the header.
                    break
                if data[at] != 0:
                    at += 4 + int.from_bytes(data[at + 1 : at + 4], "big")
                    continue
                length = int.from_bytes(data[at + 1 : at + 4], "big")
                if len(list(touching(frames, at, at + 4))) > 1:
                    frame = max(frame for _, frame in touching(frames, at, at + 4))
                    self.odd.append((frame, "a segment ends within the header of a session message"))
                if length == 0:
                    at += 4
                    continue
                if at + 8 > len(data):
                    break
                content = bytes(data[at + 4 : at + 4 + length])
                end = at + 4 + length
                last = max(frame for reach, frame in touching(frames, at, min(end, len(data))))
                yield last, content, end <= len(data)
                skip_to = position + end
                at = end
            else:
                skip_to = max(skip_to, position + at)


def touching(frames, low, high):
    start = 0
    for reach, frame in frames:
        if start < high and reach > low:
            yield reach, frame
        start = reach


def header_fits(data, at):
    head = data[at : at + 8]
    if len(head) < 4:
        return True
    length = int.from_bytes(head[1:4], "big")
    if 0x81 <= head[0] <= 0x85:
        return length < 0x10000
    if head[0] != 0:
        return False
    return length == 0 or (length >= 4 and (len(head) < 8 or bytes(head[4:8]) in PROTOCOLS))


def next_header(data, at):
    while True:
        found = data.find(b"SMB", at)
        if found < 0:
            return None
        start = found - 5
        plain = data[found - 1] == 0xFE
        sized = not plain or data[start + 8 : start + 10] in (b"\x40\x00", b"", b"\x40")
        if start >= at and data[start] == 0 and data[found - 1] in (0xFC, 0xFD, 0xFE) and sized:
            if int.from_bytes(data[start + 1 : start + 4], "big") >= 32:
                return start
        at = max(at, found - 4)
        at = found + 1 if start < at else at + 1


class Conversations:
    """Numbers conversations as Wireshark does, but for segments without a whole TCP header and lone fragments, which are none. `newer`:
    as 4.4 does, for which a SYN-ACK too begins a conversation, and any SYN behind the end of one, whatever its sequence number."""

    def __init__(self, newer=False):
        self.newer = newer
        self.known = {}
        self.ended = set()
        self.count = 0

    def number(self, segment):
        ends = frozenset((segment.source, segment.destination))
        bases = self.known.get(ends)
        first = (segment.sequence - (not segment.syn)) & 0xFFFFFFFF
        begins = segment.syn and (self.newer or segment.acknowledgement is None)
        over = self.newer and bases is not None and bases[None] in self.ended
        if bases is None or begins and (over or bases.get(segment.source, first) != first):
            bases = self.known[ends] = {None: self.count}
            self.count += 1
        bases.setdefault(segment.source, first)
        if segment.acknowledgement is not None:
            bases.setdefault(segment.destination, (segment.acknowledgement - 1) & 0xFFFFFFFF)
        if segment.ends:
            self.ended.add(bases[None])
        return bases[None]


class Streams:
    """Every direction of every conversation on the ports of SMB. A direction's key: number of the conversation, sender."""

    def __init__(self, segments, ports=()):
        ports = {445, 139, *ports}
        self.directions = defaultdict(Direction)
        # The direction of each frame, and the number of its conversation for newer versions of tshark.
        self.keys = {}
        self.newer = {}
        # Frames without a whole TCP header, or with a lone fragment.
        self.bogus = [segment.frame for segment in segments if not segment.sound]
        conversations, newer = Conversations(), Conversations(newer=True)
        # Between whom such packets went; tshark goes by their sequence numbers.
        misled = set()
        for segment in segments:
            if not segment.sound:
                misled.add((segment.source, segment.destination))
                continue
            number = conversations.number(segment)
            self.keys[segment.frame] = number, segment.source
            self.newer[segment.frame] = newer.number(segment)
            if not ports & {segment.source[1], segment.destination[1]}:
                continue
            there, back = self.directions[number, segment.source], self.directions[number, segment.destination]
            if (segment.source, segment.destination) in misled:
                there.odd.append((segment.frame, "a packet without a whole TCP header came before"))
            if segment.syn and segment.payload:
                for direction in (there, back):
                    direction.odd.append((segment.frame, "a segment with data has a SYN flag"))
            if segment.syn and there.next > 0:
                for direction in (there, back):
                    direction.odd.append((segment.frame, "a SYN comes after data"))
            if segment.stopped:
                there.odd.append((segment.frame, "a segment has a damaged TCP option"))
            there.add(segment)
            there.went_by()
            back.went_by(segment.acknowledgement)
            if segment.acknowledgement is not None:
                back.acknowledged = segment.acknowledgement

    def pdus(self):
        """Plain SMB2 PDUs by direction."""
        out = {}
        for key, direction in self.directions.items():
            pdus = []
            for frame, message, whole in direction.messages():
                if message[:4] == b"\xfeSMB":
                    pdus.extend(Pdu(frame, pdu, whole) for pdu in unchained(message))
            out[key] = pdus
        return out

    def oddity(self, key, frame):
        """What is odd about a direction up to a frame: the last of it."""
        odd = [entry for entry in self.directions[key].odd if entry[0] <= frame] or self.directions[key].odd
        return odd[-1] if odd else None


def unchained(message):
    while True:
        following = int.from_bytes(message[20:24], "little") if len(message) >= 24 else 0
        sound = following >= 64 and message[following : following + 4] == b"\xfeSMB"
        if not sound or len(message) - following < 64:
            yield message
            return
        yield message[:following]
        message = message[following:]
