"""What tshark says of a capture, one entry per PDU."""

import ipaddress
import json
import os
import re
import subprocess
import tempfile
from collections import namedtuple
from pathlib import Path

TSHARK = os.environ.get("SMBREPLAY_TSHARK", "tshark")
# A configuration folder of our own: the user's preferences change nothing, and keys do not stand in arguments.
PROFILE = tempfile.TemporaryDirectory(prefix="witness-tshark-")

# tree: the dissection as pairs (key, value), a value being text or such a list; sealed: whether it was decrypted
Pdu = namedtuple("Pdu", "frame time bytes tree sealed cut malformed stream source destination")
# sound: whether it has a whole TCP header and is no fragment; stopped: whether tshark stopped at a damaged TCP option; ends: FIN or RST
Segment = namedtuple("Segment", "frame source destination sequence syn payload missing acknowledgement sound stopped ends")

# Why tshark stopped within a capture, by its path.
DAMAGE = {}

RECORD = re.compile(r"^  \{$", re.MULTILINE)
# tshark 4.0 writes memory garbage into times that are out of range.
GARBAGE_TIME = re.compile(r'(time": ")([^\n]{0,20}?)[^"\n]*?(Z"|UTC"|\(0\)")', re.DOTALL)
# How the subtree of a FileId tells what its open is called.
FILE_LABEL = "File: "
ESCAPES = dict(zip("\a\b\t\n\v\f\r", "abtnvfr"))
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


class TsharkFailed(Exception):
    pass


def use_keys(nt_password_file=None, session_key_file=None):
    """Opens sealed PDUs from here on."""
    folder = Path(PROFILE.name)
    if nt_password_file:
        password = Path(nt_password_file).read_text().splitlines()[0]
        (folder / "preferences").write_text(f"ntlmssp.nt_password: {password}\n")
    if session_key_file:
        lines = [line for line in Path(session_key_file).read_text().splitlines() if line and line[0] != "#"]
        (folder / "smb2_seskey_list").write_text("".join(f'{line},"",""\n' for line in lines))


def run(arguments, timeout=300):
    environment = dict(os.environ, WIRESHARK_CONFIG_DIR=PROFILE.name)
    done = subprocess.run([TSHARK, "-n", *arguments], capture_output=True, timeout=timeout, env=environment)
    # 2: damaged further on, the rows before are good.
    if done.returncode == 2 and arguments[0] == "-r":
        DAMAGE[arguments[1]] = done.stderr.decode(errors="replace")
    if done.returncode not in (0, 2):
        raise TsharkFailed(f"tshark {' '.join(arguments)}: {done.returncode} {done.stderr.decode(errors='replace')}")
    return done.stdout.decode("utf-8", errors="replace")


def dissection(capture, out_of_order=False, ports=(), options=()):
    """The PDUs of a capture, in tshark's order."""
    preferences = ["-o", f"tcp.reassemble_out_of_order:{'TRUE' if out_of_order else 'FALSE'}"]
    for port in ports:
        preferences += ["-d", f"tcp.port=={port},nbss"]
    layers = ["-T", "json", "-x", "-J", "frame ip ipv6 tcp smb2 _ws.malformed _ws.short"]
    text = run(["-r", str(capture), *preferences, *options, "-Y", "smb2", *layers])
    starts = [match.start() for match in RECORD.finditer(text)]
    pdus = []
    for start, end in zip(starts, [*starts[1:], len(text)]):
        record = text[start:end].rstrip().rstrip("],").rstrip()
        pdus.extend(of_record(parse(record), "_ws.malformed" in record or "_ws.short" in record))
    return with_plain_labels(pdus)


def parse(record):
    pairs = lambda items: items
    try:
        return json.loads(record, object_pairs_hook=pairs, strict=False)
    except json.JSONDecodeError:
        record = CONTROL.sub("?", GARBAGE_TIME.sub(lambda m: m[1] + re.sub(r'["\\]', "?", m[2]) + m[3], record))
        return json.loads(record, object_pairs_hook=pairs, strict=False)


def all_of(tree, key):
    """The values of a key directly below."""
    return [value for name, value in tree if name == key]


def first(tree, *path):
    """The first value at a path of keys."""
    for key in path:
        values = all_of(tree, key) if isinstance(tree, list) else []
        if not values:
            return None
        tree = values[0]
    return tree


def is_tree(value):
    return isinstance(value, list) and (not value or isinstance(value[0], tuple))


def of_record(record, malformed):
    layers = first(record, "_source", "layers")
    frame = first(layers, "frame")
    seconds, fraction = first(frame, "frame.time_epoch").split(".")
    number = int(first(frame, "frame.number"))
    time = int(seconds) * 10**9 + int(fraction.ljust(9, "0"))
    cut = int(first(frame, "frame.cap_len")) < int(first(frame, "frame.len"))
    v4, v6 = last(layers, "ip") or [], last(layers, "ipv6") or []
    address = lambda end: plain_address((all_of(v4, f"ip.{end}") or all_of(v6, f"ipv6.{end}") or [None])[0])
    tcp = last(layers, "tcp") or []
    port = lambda end: int(first(tcp, f"tcp.{end}") or 0)
    stream = first(tcp, "tcp.stream")
    place = dict(
        frame=number,
        time=time,
        cut=cut,
        malformed=malformed,
        stream=int(stream) if stream is not None else None,
        source=(address("src"), port("srcport")),
        destination=(address("dst"), port("dstport")),
    )
    return list(messages(layers, place, False))


def utf16(data):
    """[MS-SMB2] 2.2: text is of whole UTF-16 units; half a unit behind them is none."""
    return data[: len(data) // 2 * 2].decode("utf-16-le", errors="replace")


def raw_text(tree, key):
    """The text of a field out of the bytes that tshark marks as the field."""
    raw = first(tree, f"{key}_raw")
    if raw is None or not isinstance(raw[0], str):
        return None
    return utf16(bytes.fromhex(raw[0]))


def file_handle(tree):
    """The subtree of a FileId: its key, and the id."""
    for key, value in tree:
        if key.startswith("GUID handle") and is_tree(value):
            return key, first(value, "smb2.fid")
    return None, None


def with_plain_labels(pdus):
    """tshark 4.4 writes control characters in the labels of opens as escapes, and a backslash as it is: `a\\tb` may be a file
    in a folder, or have a tab in its name. The bytes of the names stand in the CREATE requests."""
    asked, names = {}, {}
    for pdu in pdus:
        header = first(pdu.tree, "SMB2 Header")
        for key, body in pdu.tree:
            if not is_tree(body) or "(0x05)" not in key:
                continue
            name, (_, fid) = raw_text(body, "smb2.filename"), file_handle(body)
            number = (pdu.stream, first(header, "smb2.msg_id"))
            if name is not None:
                asked[number] = name
            elif fid is not None and number in asked:
                names.setdefault(fid, []).append(asked[number])
    return [pdu._replace(tree=[(key, plain_label(value, names)) for key, value in pdu.tree]) for pdu in pdus]


def plain_label(body, names):
    """The body of a PDU, its FileId labelled with the name itself."""
    key, fid = file_handle(body) if is_tree(body) else (None, None)
    if key is None or FILE_LABEL not in key or fid not in names:
        return body
    head, label = key.split(FILE_LABEL, 1)
    plain = [text for text in (unescaped(label, name) for name in names[fid]) if text is not None]
    if not plain:
        return body
    return [(head + FILE_LABEL + plain[-1] if name == key else name, value) for name, value in body]


def unescaped(label, name):
    """The beginning of a name that a label shows, with escapes or without; None when it shows another name. A cut label may end
    within an escape."""
    at = 0
    for number, character in enumerate(name):
        if at == len(label):
            return name[:number]
        if label.startswith(character, at):
            at += 1
            continue
        spelt = escaped(character)
        if spelt is None or not spelt.startswith(label[at : at + len(spelt)]):
            return None
        at += len(spelt)
    return name if at >= len(label) else None


def escaped(character):
    code = ord(character)
    if character in ESCAPES:
        return "\\" + ESCAPES[character]
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if 0x80 <= code < 0xA0 else None


def plain_address(text):
    """An address spelt as everywhere else: tshark writes ::245.0.0.1 for ::f500:1."""
    return text and str(ipaddress.ip_address(text))


def last(tree, key):
    values = [value for value in all_of(tree, key) if is_tree(value)]
    return values[-1] if values else None


def messages(tree, place, sealed):
    """The SMB2 messages below a node: each `smb2_raw` stands before its `smb2`. What is decrypted stands in its sealed one."""
    raw = None
    for key, value in tree:
        if key == "smb2_raw":
            raw = bytes.fromhex(value[0])
        elif key == "smb2" and is_tree(value):
            plain = (raw or b"")[:4] == b"\xfeSMB"
            inner = [] if plain else list(messages(value, place, sealed or (raw or b"")[:4] == b"\xfdSMB"))
            if inner:
                yield from inner
            else:
                yield Pdu(bytes=chained(raw or b""), tree=value, sealed=sealed, **place)
            raw = None
        elif is_tree(value):
            yield from messages(value, place, sealed)


def chained(message):
    """A PDU of a chain ends where the next begins."""
    following = int.from_bytes(message[20:24], "little") if message[:4] == b"\xfeSMB" else 0
    return message[:following] if 64 <= following < len(message) else message


def variant(capture):
    """The kind of file that a pcap is taken for by what stands in its records, whose headers have more fields in some kinds."""
    done = subprocess.run(["capinfos", "-t", "-T", "-r", "-m", str(capture)], capture_output=True, text=True, timeout=300)
    kind = done.stdout.strip().rpartition(",")[2]
    return None if kind in ("", "pcap", "pcapng", "nsecpcap") else kind


def packets(capture):
    """How many packets of a damaged capture are read."""
    return len(run(["-r", str(capture), "-T", "fields", "-e", "frame.number"]).split())


def other_protocol(capture, frame):
    """What tshark takes the payload of a segment for, when not for a NetBIOS session."""
    text = run(["-r", str(capture), "-Y", f"frame.number=={frame}", "-T", "fields", "-e", "frame.protocols"])
    above = text.strip().partition(":tcp:")[2].split(":")[0]
    return above if above not in ("", "nbss") else None


FIELDS = """frame.number tcp.stream ip.src ip.dst ipv6.src ipv6.dst tcp.srcport tcp.dstport tcp.seq_raw tcp.len tcp.flags.syn
tcp.payload tcp.ack_raw tcp.flags.ack tcp.flags.reset tcp.flags.fin tcp.hdr_len ip.len ip.hdr_len ip.flags.mf _ws.malformed _ws.short""".split()


def segments(capture):
    """The TCP segments of a capture, in its order."""
    options = ["-o", "tcp.desegment_tcp_streams:FALSE", "--disable-protocol", "nbss"]
    columns = [part for field in FIELDS for part in ("-e", field)]
    text = run(["-r", str(capture), *options, "-Y", "tcp", "-T", "fields", "-E", "occurrence=l", *columns])
    rows = [dict(zip(FIELDS, line.split("\t"))) for line in text.splitlines()]
    rows = [row for row in rows if row["tcp.stream"] and row["tcp.srcport"] and row["tcp.dstport"]]
    hurt = [row["frame.number"] for row in rows if row["_ws.malformed"] or row["_ws.short"]]
    there = packets_from_tcp(capture, options, hurt) if hurt else {}
    return [segment(row, there.get(int(row["frame.number"]))) for row in rows]


def segment(row, there):
    """`there`: the packet's bytes from the TCP header on, when tshark stopped in it."""
    yes = lambda name: row[name] in ("1", "True")
    number = lambda name: int(row[name] or 0)
    end = lambda side: (plain_address(row[f"ip.{side}"] or row[f"ipv6.{side}"]), int(row[f"tcp.{side}port"]))
    frame = number("frame.number")
    payload = bytes.fromhex(row["tcp.payload"].replace(":", ""))
    room = number("ip.len") - number("ip.hdr_len")
    header = number("tcp.hdr_len")
    sound = bool(row["tcp.seq_raw"]) and header >= 20 and not 0 < room < header
    # A first fragment that cannot be put together with the others, as its length is damaged.
    sound &= not yes("ip.flags.mf")
    stopped = False
    if there is not None:
        sound &= header <= len(there)
        stopped = sound and not payload and header < len(there)
        payload = payload or there[header : header + number("tcp.len")]
    return Segment(
        frame=frame,
        source=end("src"),
        destination=end("dst"),
        sequence=number("tcp.seq_raw"),
        syn=yes("tcp.flags.syn"),
        payload=payload,
        missing=0 if yes("tcp.flags.reset") else max(0, number("tcp.len") - len(payload)),
        acknowledgement=number("tcp.ack_raw") if yes("tcp.flags.ack") and row["tcp.ack_raw"] else None,
        sound=sound,
        stopped=stopped,
        ends=yes("tcp.flags.reset") or yes("tcp.flags.fin"),
    )


def packets_from_tcp(capture, options, frames):
    """The bytes of packets from their TCP header on."""
    found = {}
    for at in range(0, len(frames), 500):
        wanted = f"frame.number in {{{','.join(frames[at : at + 500])}}}"
        text = run(["-r", str(capture), *options, "-Y", wanted, "-T", "json", "-x", "-J", "frame tcp"])
        starts = [match.start() for match in RECORD.finditer(text)]
        for start, end in zip(starts, [*starts[1:], len(text)]):
            layers = first(parse(text[start:end].rstrip().rstrip("],").rstrip()), "_source", "layers")
            raw, header = first(layers, "frame_raw"), all_of(layers, "tcp_raw")
            if raw is not None and header:
                found[int(first(layers, "frame", "frame.number"))] = bytes.fromhex(raw[0])[int(header[-1][1]) :]
    return found
