"""One capture: both lists of PDUs matched, then compared column by column."""

import functools
import re
import tempfile
from collections import Counter, defaultdict, namedtuple
from pathlib import Path

from . import columns, container, stream, tshark

# frame, column, ours, theirs: what differs; reason: None when it is unexplained
Difference = namedtuple("Difference", "frame column ours theirs reason")


class Context:
    """What explains a difference by the rest of the capture."""

    def __init__(self, ours, pairs, streams=None, only_theirs=()):
        self.rows = [pdu.row for pdu in ours]
        # Frames with a PDU that tshark alone has, which is explained on its own.
        self.displaced = {pdu.frame for pdu in only_theirs}
        # Gives the streams themselves.
        self.streams = streams
        # Rows whose request or response tshark shows with another frame.
        self.moved = {id(pdu.row) for pdu, witness in pairs if pdu.frame != witness.frame}
        self.files = defaultdict(set)
        for pdu in ours:
            self.files[pdu.row["session_id"]].add(pdu.row["file"])
        self.by_frame = defaultdict(list)
        self.renames = []
        self.disconnects = defaultdict(list)
        for pdu in ours:
            row = pdu.row
            self.by_frame[pdu.frame].append(row)
            done = pdu.part == "response" and row["status"] is not None and row["status"] < 0x80000000
            if done and row["new_path"] is not None and row["info_class"] == 10:
                self.renames.append((pdu.frame, row["file"], row["path"], row["new_path"]))
            if done and row["command"] in ("TREE_DISCONNECT", "LOGOFF"):
                self.disconnects[row["file"]].append((pdu.frame, row))

    def share_reason(self, row, known):
        """tshark goes on to name the share of a tree that was left, and takes equal session ids for one session."""
        if row["share"] is None and len(self.files[row["session_id"]]) > 1:
            return "the session id is in use at two addresses, and no NEGOTIATE tells that they are one server"
        frame = row["request_frame"] or row["response_frame"]
        for left, by in self.disconnects[row["file"]]:
            if row["share"] is None and left < frame:
                if by["command"] == "LOGOFF" or by["tree_id"] == row["tree_id"]:
                    return "the tree was disconnected before; tshark goes on to name its share"
        if cut_by_tshark(row["share"] or "", known):
            return "tshark cuts the names that it remembers, and ends them at NUL"
        connects = [r for r in self.rows if r["command"] == "TREE_CONNECT" and r["tree_id"] == row["tree_id"]]
        if row["share"] is None and not any(r["file"] == row["file"] for r in connects):
            return "the TREE_CONNECT of the tree stands in another session, by the ids in the damaged messages"
        if row["share"] is None and any("malformed" in (r["anomalies"] or []) for r in connects):
            return "the TREE_CONNECT of the tree is malformed"
        if row["share"] is None and self.waits(row):
            return "the TREE_CONNECT stands behind a hole on another connection of the session"
        return None

    def stream_reason(self, pdu, theirs):
        """tshark numbers a conversation for a packet whose TCP header is bogus as well, and newer versions for more SYNs."""
        streams = self.streams()
        if streams.keys.get(pdu.frame, (None,))[0] != pdu.row["tcp_stream"]:
            return None
        if streams.newer[pdu.frame] == theirs:
            return "tshark 4.4 begins a conversation with a SYN-ACK too, and with any SYN behind the end of one"
        if any(bogus < pdu.frame for bogus in streams.bogus):
            return "tshark counts packets with a damaged TCP header, and lone fragments, as conversations"
        return None

    def holds(self, row):
        """Whether the open of a row was granted in its session."""
        opens = (r for r in self.rows if r["file"] == row["file"] and r["command"] == "CREATE")
        return row["file_id"] is not None and any(r["file_id"] == row["file_id"] for r in opens)

    def late(self, frame):
        """Whether what came with a frame had to wait for bytes before it."""
        streams = self.streams()
        direction = streams.directions.get(streams.keys.get(frame))
        return direction is not None and any(at <= frame and "beyond bytes" in what for at, what in direction.odd)

    def waits(self, row):
        """Whether something of the session waits behind a hole on another connection."""
        streams = {r["tcp_stream"] for r in self.rows if r["file"] == row["file"]}
        odd = {key[0] for key, direction in self.streams().directions.items() if direction.odd}
        return bool(streams & odd)

    def path_reason(self, row, label):
        """tshark knows an open by the name that it was opened by, and keeps no more bytes of it than it has in UTF-16."""
        if label == "[unknown]":
            return "tshark does not know the open"
        known = columns.share_relative(label)
        creates = [r for r in self.rows if r["command"] == "CREATE" and granted(r) == row["file_id"]]
        opens = {r["path"] for r in creates if r["file_id"] == row["file_id"]}
        if len(opens) > 1 and any(path and (path == known or cut_by_tshark(path, known)) for path in opens):
            return "the FileId was granted more than once; tshark names it by another open"
        unread = [r for r in creates if r["file_id"] is None or r["path"] is None]
        names = [columns.utf16(requested(r)) for r in unread if "malformed" in (r["anomalies"] or [])]
        if any(cut_by_tshark(columns.share_relative(name), known) for name in names):
            return "tshark names it by a CREATE with the same FileId, whose body is of a wrong size and is not read"
        before = [row["path"]]
        asked = row["request_frame"] or 0
        # What came behind a hole is read when the hole is filled: what was answered until then is known.
        known_until = max(asked, row["response_frame"] or 0) if self.late(asked) else asked
        for frame, file, old, new in reversed(self.renames):
            if file != row["file"] or old is None or frame > known_until:
                continue
            for path in list(before):
                if path == new or path.startswith(new + "\\"):
                    before.append(old + path[len(new) :])
        label = columns.share_relative(label).rstrip("\ufffd")
        for path in before:
            if label == path:
                return "tshark goes on to name the file as it was named before the rename"
            if cut_by_tshark(path, label):
                return "tshark cuts the names that it remembers, and ends them at NUL"
        return None

    def pairing_reason(self, row, asked):
        """Who answers whom is told by the message id, which may come twice: CANCEL has that of the request it cancels."""
        if id(row) in self.moved:
            return "tshark shows the request or the response with another frame"
        if asked in self.displaced:
            return "tshark pairs with a PDU that it reads out of its place"
        for other in self.by_frame.get(asked, ()):
            same = other["message_id"] == row["message_id"] and other["tcp_stream"] == row["tcp_stream"]
            if same and other["command"] == "CANCEL":
                return "tshark takes the CANCEL, which has the same message id, for the request"
            if same and other["command_code"] != row["command_code"] and self.late(asked):
                return "the request came behind a hole, after the response, and is of another command: they are not paired"
            swallowed = other["request_pdu"] if other["request_frame"] == asked else None
            if swallowed and "broken_chain" in (other["anomalies"] or []) and message_id(row) in swallowed[64:]:
                return "tshark pairs with what it cuts from a chain that leads nowhere"
        ours = {r["message_id"] for r in self.rows if r["tcp_stream"] == row["tcp_stream"] and r["request_frame"]}
        if row["request_frame"] is None and any(number > row["message_id"] for number in ours):
            return "a request with a higher message id was captured before the response: its own is taken to be missing"
        return None


def granted(row):
    """The bytes in the place of the FileId in a CREATE response, whatever else stands there."""
    return row["response_pdu"][128:144] if row["response_pdu"] else row["file_id"]


def requested(row):
    """The bytes in the place of the name in a CREATE request."""
    data = row["request_pdu"] or b""
    at = int.from_bytes(data[108:110], "little")
    return data[at : at + int.from_bytes(data[110:112], "little")]


def message_id(row):
    return row["message_id"].to_bytes(8, "little")


def cut_by_tshark(name, known):
    """tshark keeps no more bytes of a name in UTF-8 than it has in UTF-16, with half a unit at its end or without, about 240 in a
    label, and none behind a NUL."""
    known = known.rstrip("\ufffd")
    until_nul = name.split("\0")[0]
    units = len(name.encode("utf-16-le"))
    cut, longer = (name.encode(errors="replace")[:most].decode(errors="ignore").split("\0")[0] for most in (units, units + 1))
    if known == longer:
        return True
    # Of an unpaired surrogate and what follows it tshark makes one character.
    if "\ufffd" in cut and printable(re.sub("\ufffd.", "\ufffd", cut).rstrip("\ufffd")) == printable(known):
        return True
    return known in (cut, until_nul, cut.rstrip("\ufffd")) or (len(known.encode()) > 150 and name.startswith(known)) or printable(known) == printable(cut)


def printable(text):
    return "".join(c if c.isprintable() and c != "\ufffd" else "?" for c in text)


def compare(capture, ours, ports=(), options=(), fields=True):
    """All differences between our PDUs and tshark's."""
    ports = tuple(ports)
    theirs = [pdu for pdu in tshark.dissection(capture, False, ports, options) if pdu.bytes[:4] == b"\xfeSMB"]
    pairs, only_ours, only_theirs = match(ours, theirs)
    if only_ours and "option" in tshark.DAMAGE.get(str(capture), ""):
        with tempfile.TemporaryDirectory(prefix="witness-") as folder:
            plain = Path(folder) / Path(capture).name
            container.Container(capture).without_options().write(plain)
            yield Difference(0, "capture", None, None, "tshark stops at a damaged option of a packet, and is given the capture without options")
            yield from compare(plain, ours, ports, options, fields)
        return
    if only_ours or only_theirs:
        again = [p for p in tshark.dissection(capture, True, ports, options) if p.bytes[:4] == b"\xfeSMB"]
        other = match(ours, again)
        if len(other[1]) + len(other[2]) < len(only_ours) + len(only_theirs):
            defaults, theirs = theirs, again
            pairs, only_ours, only_theirs = other
            for pdu in beyond(again, defaults):
                yield Difference(
                    pdu.frame, "pdu", len(pdu.bytes), None, "tshark with its defaults loses segments out of order; it finds the PDU when told to wait for them"
                )
            more, only_ours, _ = match(only_ours, beyond(defaults, [pdu for _, pdu in pairs]))
            for pdu, _ in more:
                yield Difference(
                    pdu.frame, "pdu", len(pdu.bytes), None, "tshark loses the PDU when told to wait for segments out of order; it finds it with its defaults"
                )
            pairs = pairs + more
    if only_ours or only_theirs or any(ours.frame != theirs.frame for ours, theirs in pairs):
        yield from explain_pdus(capture, ports, pairs, only_ours, only_theirs, theirs)
    if not fields:
        return
    context = Context(ours, pairs, lambda: streams_of(capture, ports), only_theirs)
    yield from compare_columns(pairs, context)


def compare_columns(pairs, context):
    for pdu, witness in pairs:
        for column, value, theirs_value, reason in columns.compare(pdu, witness, context):
            yield Difference(pdu.frame, f"{pdu.part} {pdu.row['command']} {column}", value, theirs_value, reason)


def unnoticed(capture, ours, ports=(), options=()):
    """Columns in which a wrong value would not be found: each is changed in every row, one after the other."""
    theirs = [pdu for pdu in tshark.dissection(capture, False, ports, options) if pdu.bytes[:4] == b"\xfeSMB"]
    pairs, _, _ = match(ours, theirs)
    context = Context(ours, pairs, lambda: streams_of(capture, tuple(ports)))
    for name in sorted(ours[0].row):
        values = {type(pdu.row[name]) for pdu in ours} - {type(None)}
        if not values:
            continue
        changed = [(pdu._replace(row=changed_row(pdu.row, name)), witness) for pdu, witness in pairs]
        if not any(not difference.reason for difference in compare_columns(changed, context)):
            yield name


def changed_row(row, name):
    value = row[name]
    if isinstance(value, bool):
        other = not value
    elif isinstance(value, int):
        other = value ^ 1
    elif isinstance(value, str):
        other = value + "x"
    elif isinstance(value, bytes):
        other = bytes([value[0] ^ 1]) + value[1:] if value else b"x"
    elif isinstance(value, list):
        other = [*value, "x"]
    else:
        other = value
    return {**row, name: other}


def match(ours, theirs):
    """Pairs of equal bytes, those of the same frame first; what is left over of either."""
    pairs = []
    for key in (lambda p: (p.frame, p.bytes), lambda p: p.bytes):
        waiting = defaultdict(list)
        for pdu in theirs:
            waiting[key(pdu)].append(pdu)
        for queue in waiting.values():
            queue.reverse()
        rest = []
        for pdu in ours:
            queue = waiting.get(key(pdu))
            if queue:
                pairs.append((pdu, queue.pop()))
            else:
                rest.append(pdu)
        ours, theirs = rest, [pdu for queue in waiting.values() for pdu in reversed(queue)]
    return pairs, ours, theirs


def beyond(pdus, others):
    """PDUs whose bytes are not among the others, or not as often."""
    count = Counter(pdu.bytes for pdu in others)
    out = []
    for pdu in pdus:
        count[pdu.bytes] -= 1
        if count[pdu.bytes] < 0:
            out.append(pdu)
    return out


@functools.lru_cache(maxsize=8)
def streams_of(capture, ports):
    return stream.Streams(tshark.segments(capture), ports)


def explain_pdus(capture, ports, pairs, only_ours, only_theirs, theirs):
    """PDUs of one side alone: the streams themselves are asked who is right, and what tshark stumbles over."""
    streams = streams_of(capture, ports)
    in_stream = Counter()
    sides = defaultdict(Counter)
    for key, pdus in streams.pdus().items():
        for pdu in pdus:
            in_stream[pdu.bytes] += 1
            sides[pdu.bytes][key] += 1
    malformed = {pdu.frame for pdu in theirs if pdu.malformed}
    unfinished = {pdu.bytes for pdus in streams.pdus().values() for pdu in pdus if not pdu.whole}
    broken = defaultdict(list)
    kind = tshark.variant(capture) if only_ours else None
    read = tshark.packets(capture) if only_ours and str(capture) in tshark.DAMAGE else None
    accounted = Counter(pdu.bytes for pdu, _ in pairs if not pdu.row["encrypted"])
    for pdu in only_ours:
        accounted[pdu.bytes] += 1
        odd = oddity_of(streams, sides[pdu.bytes], pdu.frame)
        reason = None
        if read is not None and pdu.frame > read:
            reason = "tshark stops where the file is damaged; our reader goes on behind it"
        elif kind:
            reason = f"tshark takes the damaged file for one of kind {kind}, whose records have longer headers"
        elif pdu.row["encrypted"] or accounted[pdu.bytes] > in_stream[pdu.bytes]:
            pass
        elif "broken_chain" in (pdu.row["anomalies"] or []):
            broken[pdu.frame].append(pdu.bytes)
            reason = "a chain leads nowhere: the rest stays with its PDU, tshark cuts it"
        elif pdu.bytes in unfinished:
            reason = "the message has no end in the capture: what there is of it is kept, tshark shows nothing"
        elif odd:
            reason = f"tshark loses it: frame {odd[0]}, {odd[1]}"
        elif pdu.frame in malformed:
            reason = "tshark stops at a malformed PDU before it in the frame"
        elif other := tshark.other_protocol(capture, pdu.frame):
            reason = f"tshark takes the segment for {other}, by its other port"
        yield Difference(pdu.frame, "pdu", describe(pdu), None, reason)
    shown = {pdu.bytes for pdu in only_theirs}
    for pdu in only_theirs:
        odd = streams.oddity(streams.keys[pdu.frame], pdu.frame) if pdu.frame in streams.keys else None
        reason = None
        if any(pdu.bytes in whole for whole in broken[pdu.frame]):
            reason = "a chain leads nowhere: the rest stays with its PDU, tshark cuts it"
        elif any(pdu.bytes.startswith(whole) for whole in broken[pdu.frame]):
            reason = "a chain leads nowhere: tshark reads on behind the end of the message"
        elif pdu.frame in streams.bogus:
            reason = "tshark reads on in a packet without a whole TCP header, or in a first IP fragment whose others are missing"
        elif accounted[pdu.bytes] >= in_stream[pdu.bytes] and odd:
            reason = f"not in the stream, tshark reads it out of its place: frame {odd[0]}, {odd[1]}"
        yield Difference(pdu.frame, "pdu", None, describe(pdu), reason)
    frames = defaultdict(set)
    for pdus in streams.pdus().values():
        for pdu in pdus:
            frames[pdu.bytes].add(pdu.frame)
            # What both programs lose is lost all the same.
            accounted[pdu.bytes] -= 1
            if accounted[pdu.bytes] < 0 and pdu.bytes not in shown:
                yield Difference(pdu.frame, "pdu in the stream", None, describe(pdu), None)
    for pdu, witness in pairs:
        if pdu.frame != witness.frame:
            odd = oddity_of(streams, sides[pdu.bytes], max(pdu.frame, witness.frame))
            right = pdu.frame in frames[pdu.bytes]
            reason = f"tshark shows it with another frame: frame {odd[0]}, {odd[1]}" if right and odd else None
            yield Difference(pdu.frame, "frame", pdu.frame, witness.frame, reason)


def oddity_of(streams, sides, frame):
    found = [streams.oddity(key, frame) for key in sides]
    found = [odd for odd in found if odd]
    return max(found) if found else None


def describe(pdu):
    code = int.from_bytes(pdu.bytes[12:14], "little")
    name = columns.COMMANDS[code] if code < len(columns.COMMANDS) else f"command {code}"
    return f"{name} of {len(pdu.bytes)} bytes, message id {int.from_bytes(pdu.bytes[24:32], 'little')}"
