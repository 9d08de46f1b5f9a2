"""Each column that has a field in Wireshark, held against tshark's value for one PDU.

A check yields (column, ours, theirs, reason). The reason is None when nothing explains the difference. The rules behind the reasons
stand in docs/witness.md under the same words.
"""

import re
import struct
import uuid

from .tshark import FILE_LABEL, all_of, file_handle, first, is_tree, plain_address, raw_text, utf16

INHERITED_SESSION = 2**64 - 1
INHERITED_TREE = 2**32 - 1
INHERITED_FILE = b"\xff" * 16
RESPONSE, ASYNC, RELATED, SIGNED, DFS = 1, 2, 4, 8, 0x10000000
PENDING = 0x103
LAST_TIME = 2**63 - 1
BEYOND = "a time beyond the year 2262 does not fit into nanoseconds of 64 bits and is the last that does"
COMMANDS = (
    "NEGOTIATE SESSION_SETUP LOGOFF TREE_CONNECT TREE_DISCONNECT CREATE CLOSE FLUSH READ WRITE LOCK IOCTL CANCEL ECHO "
    "QUERY_DIRECTORY CHANGE_NOTIFY QUERY_INFO SET_INFO OPLOCK_BREAK"
).split()


def number(text):
    if text is None or not isinstance(text, str):
        return None
    return int(text, 16) if text.startswith("0x") else int(text)


def unsigned(text, bits):
    value = number(text)
    return None if value is None else value % (1 << bits)


def file_id(tree):
    """A FileId stands in a subtree of its own, labelled with what tshark knows of its open."""
    key, text = file_handle(tree)
    label = key.split(FILE_LABEL, 1)[1] if key and FILE_LABEL in key else None
    return (uuid.UUID(text).bytes_le if text else None), label


def share_relative(name, dfs=False):
    parts = name.lstrip("\\").split("\\")
    return "\\".join(parts[2:] if dfs and len(parts) > 1 else parts)


def same_text(ours, theirs, exact):
    """Whether two texts agree; else the reason why they do not, or None. `exact` is what the field's bytes decode to."""
    if ours == theirs or (not ours and not theirs):
        return True, None
    if theirs is not None and exact is not None and ours == exact:
        if theirs == ours + "\ufffd":
            return False, "tshark prints half a UTF-16 unit at the end of a text"
        if "\0" in exact and exact.split("\0")[0] == theirs.split("\0")[0]:
            return False, "tshark ends a text at NUL"
        if "\ufffd" in exact:
            return False, "tshark prints an unpaired surrogate as something else"
        return False, "tshark escapes characters of a text"
    return False, None


def contexts(body):
    for element in chain(first(body, "smb2.create.extrainfo")):
        tag = first(element, "smb2.tag_raw")
        name = bytes.fromhex(tag[0]) if tag is not None and isinstance(tag[0], str) else b""
        data = first(element, "smb2.create.chain_data")
        yield name, data if is_tree(data) else []


def chain(node):
    """Contexts stand one within the other, or one behind the other, by version."""
    if not is_tree(node):
        return
    for key, value in node:
        if key.startswith("Chain Element") and is_tree(value):
            yield value
            yield from chain(value)


def tag_text(name):
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        return name.hex()
    return text if text and all("!" <= c <= "~" for c in text) else name.hex()


def sound_contexts(body):
    """The names of the create contexts up to the first that points outside of the list, and whether there is such a one."""
    raw = first(body, "smb2.create.extrainfo_raw")
    if raw is None or not isinstance(raw[0], str):
        return [], False
    blob, at, names = bytes.fromhex(raw[0]), 0, []
    while at + 16 <= len(blob):
        following, name_at, name_length, _, data_at, data_length = struct.unpack_from("<IHHHHI", blob, at)
        ends = [at + offset + length for offset, length in ((name_at, name_length), (data_at, data_length)) if length]
        if any(end > len(blob) for end in ends):
            return names, True
        names.append(blob[at + name_at : at + name_at + name_length])
        if following == 0:
            return names, False
        at += following
    return names, True


def context_reason(body, column, ours):
    names, ended = sound_contexts(body)
    agrees = ours is None and b"RqLs" not in names if column.startswith("lease") else (ours or []) == [tag_text(n) for n in names]
    return "a create context that points outside ends the list" if ended and agrees else None


def lease_state(body):
    for name, data in contexts(body):
        if name == b"RqLs":
            for key, value in data:
                if key.startswith("LEASE_V") and is_tree(value):
                    return number(first(value, "smb2.lease.lease_state"))
    return None


# By command and whether it is a response: the size of the fixed part of the body, [MS-SMB2] 2.2.3 to 2.2.39, and where offset
# and length of each part behind it stand, with their sizes.
BODIES = {
    (0, False): (36, ()),
    (1, False): (25, ((76, 2, 78, 2),)),
    (3, False): (9, ((68, 2, 70, 2),)),
    (5, False): (57, ((108, 2, 110, 2), (112, 4, 116, 4))),
    (6, False): (24, ()),
    (7, False): (24, ()),
    (8, False): (49, ()),
    (9, False): (49, ((66, 2, 68, 4),)),
    (10, False): (48, ()),
    (11, False): (57, ((88, 4, 92, 4), (100, 4, 104, 4))),
    (14, False): (33, ((88, 2, 90, 2),)),
    (15, False): (32, ()),
    (16, False): (41, ((72, 2, 76, 4),)),
    (17, False): (33, ((72, 2, 68, 4),)),
    (5, True): (89, ((144, 4, 148, 4),)),
    (6, True): (60, ()),
    (8, True): (17, ((66, 1, 68, 4),)),
    (9, True): (17, ()),
}
# [MS-SMB2] 3.3.4.4: warnings that come with the command's own body.
WITH_BODY = {(8, 0x80000005), (11, 0x80000005), (16, 0x80000005)}
VARIABLE = "path new_path share pattern create_contexts lease_state_requested lease_state_granted bytes length offset locks".split()


def unreadable(pdu, column):
    """Whether a column may be null by the PDU's own bytes: its status says that there is no such body, the body is of another size
    than the command's, or ends before its fixed part does, or, for a column about a part of variable length, that part is not
    within the PDU."""
    data = pdu.bytes
    number = lambda at, size: int.from_bytes(data[at : at + size], "little")
    command, response = pdu.row["command_code"], pdu.part != "request"
    if response and number(8, 4) >= 0x80000000 and (command, number(8, 4)) not in WITH_BODY:
        return True
    if command == 0x12:
        return number(64, 2) not in (24, 36, 44) or len(data) < 64 + number(64, 2)
    if (command, response) not in BODIES:
        return False
    size, parts = BODIES[command, response]
    if number(64, 2) != size or len(data) < 64 + size // 2 * 2:
        return True
    if column not in VARIABLE:
        return False
    if command == 17 and column == "new_path" and number(66, 1) == 1:
        # [MS-FSCC] 2.4.42: the name behind its length.
        if 20 + number(number(72, 2) + 16, 4) > number(68, 4):
            return True
    if command == 10:
        return 64 + 48 + 24 * (number(66, 2) - 1) > len(data)
    return any(number(b, y) > 0 and number(a, x) + number(b, y) > len(data) for a, x, b, y in parts)


def theirs_of_request(pdu, column):
    """Whether a column that a response is compared by was to come from its request, and cannot be read there."""
    request = pdu.row["request_pdu"]
    if pdu.part == "request" or request is None or column not in ("path", "share", "file_id"):
        return False
    return unreadable(pdu._replace(part="request", bytes=request), column)


def compare(pdu, theirs, context):
    """All differences of one PDU. `context` knows what the rest of the capture tells."""
    header = first(theirs.tree, "SMB2 Header")
    if header is None or first(header, "smb2.msg_id") is None:
        if len(pdu.bytes) >= 64:
            yield "header", f"{len(pdu.bytes)} bytes", None, "tshark stopped before the header's end" if theirs.cut else None
        return
    row, part = pdu.row, pdu.part
    if len(pdu.bytes) < 64:
        yield "header", f"{len(pdu.bytes)} bytes", None, "a PDU shorter than its header is kept as bytes and not decoded"
        return
    for column, ours, value, reason in [
        *of_packet(pdu, theirs, context),
        *of_header(row, part, header, context),
        *of_body(pdu, theirs, header, context),
    ]:
        if reason is None and ours is None:
            kind = "truncated" if "truncated" in (row["anomalies"] or []) else "malformed"
            if unreadable(pdu, column):
                reason = f"the PDU is {kind}: what cannot be read is null"
            elif theirs_of_request(pdu, column):
                reason = f"the request is {kind}: what cannot be read of it is null"
        if reason is None and part == "response" and number(first(header, "smb2.cmd")) != row["command_code"]:
            reason = "the response's command is another than the request's: it is decoded as the request's"
        if reason is None and theirs.malformed and is_part(value, ours):
            reason = "tshark stopped within the PDU, which is malformed or cut"
        yield column, ours, value, reason


def is_part(theirs, ours):
    """Whether a value lacks what stood behind the place where tshark stopped."""
    if isinstance(theirs, list) and theirs and not theirs[-1]:
        theirs = theirs[:-1]
    return not theirs or isinstance(ours, (list, str, bytes)) and isinstance(theirs, type(ours)) and ours[: len(theirs)] == theirs


def of_packet(pdu, theirs, context):
    row, part = pdu.row, pdu.part
    server = (plain_address(row["server_ip"]), row["server_port"])
    client = (plain_address(row["client_ip"]), row["client_port"])
    if row["tcp_stream"] != theirs.stream:
        yield "tcp_stream", row["tcp_stream"], theirs.stream, context.stream_reason(pdu, theirs.stream)
    ends = (theirs.source, theirs.destination)
    if ends not in ((server, client), (client, server)):
        yield "client, server", (client, server), ends, None
    if pdu.time is not None and pdu.time != theirs.time and pdu.frame == theirs.frame:
        last = theirs.time > LAST_TIME and pdu.time == LAST_TIME
        yield f"{part}_time", pdu.time, theirs.time, BEYOND if last else None
    if part == "request" and row["encrypted"] != theirs.sealed:
        yield "encrypted", row["encrypted"], theirs.sealed, None


def of_header(row, part, header, context):
    command = number(first(header, "smb2.cmd"))
    flags = number(first(header, "smb2.flags"))
    status = number(first(header, "smb2.nt_status"))
    field = lambda column, theirs: (column, row[column], theirs, None)
    checks = [field("message_id", unsigned(first(header, "smb2.msg_id"), 64))]
    mismatch = "command_mismatch" in (row["anomalies"] or [])
    if part == "request" or not mismatch:
        name = COMMANDS[command] if command < len(COMMANDS) else f"0x{command:04X}"
        checks += [field("command_code", command), field("command", name)]
    aid = first(header, "smb2.aid")
    if aid is not None:
        before = [pdu[32:40] for pdu in (row["request_pdu"], row["interim_pdu"]) if pdu and pdu[16] & ASYNC]
        first_told = before and row["async_id"] == int.from_bytes(before[0], "little")
        reason = "an operation has the async id that was told first" if part != "request" and first_told else None
        checks.append(("async_id", row["async_id"], unsigned(aid, 64), reason))
    if part == "request":
        checks += [
            field("channel_sequence", number(first(header, "smb2.channel_sequence"))),
            field("credit_charge", number(first(header, "smb2.credit.charge"))),
            field("credits_requested", number(first(header, "smb2.credits.requested"))),
            field("request_flags", flags),
            field("signed", bool(flags & SIGNED)),
            field("related", bool(flags & RELATED)),
        ]
    elif part == "response":
        checks += [
            field("status", status),
            field("credits_granted", number(first(header, "smb2.credits.granted"))),
            field("response_flags", flags),
        ]
    for check in checks:
        if check[1] != check[2]:
            yield check
    yield from of_session(row, unsigned(first(header, "smb2.sesid"), 64), part, command, context)
    yield from of_tree(row, header, part, command, flags, status, context)
    yield from of_pairing(row, header, part, status, context)


def of_session(row, theirs, part, command, context):
    if row["session_id"] == theirs:
        return
    reason = None
    if theirs == INHERITED_SESSION:
        reason = "a related PDU inherits the session from the one before it"
    elif theirs == 0 and command <= 1:
        reason = "sent before the session's id was known; belongs to the session that the connection set up"
    elif theirs == 0 and command == 0x12:
        reason = "a lease break names no session; belongs to the one that holds the lease"
    elif theirs == 0:
        reason = "a PDU without session id belongs to the session of its connection"
    elif part != "request" and row["request_pdu"] is not None:
        reason = "a response stands with its request, whatever session it names"
    elif command == 0x12 and part == "response" and context.holds(row):
        reason = "a break belongs to the session that holds the open that it breaks, whatever session it names"
    yield "session_id", row["session_id"], theirs, reason


def of_tree(row, header, part, command, flags, status, context):
    tid = first(header, "smb2.tid")
    theirs = number(tid)
    if theirs is not None and row["tree_id"] != theirs:
        reason = None
        if theirs == INHERITED_TREE:
            reason = "a related PDU inherits the tree from the one before it"
        elif command == 3:
            reason = "the tree of a TREE_CONNECT is the one granted"
        elif part != "request" and row["request_pdu"] is not None:
            reason = "the tree is that of the request"
        yield "tree_id", row["tree_id"], theirs, reason
    known = first(header, "smb2.tid_tree", "smb2.tree")
    if known is not None and row["share"] != known:
        other = part != "request" and (theirs or 0, unsigned(first(header, "smb2.sesid"), 64)) != (row["tree_id"], row["session_id"])
        reason = "a response stands with its request, whatever session and tree it names" if other else None
        if command == 3 and part == "request":
            reason = "a TREE_CONNECT is about the share that it names, not that of the tree id in its header"
        yield "share", row["share"], known, reason or context.share_reason(row, known)


def of_pairing(row, header, part, status, context):
    """tshark pairs as well: `smb2.response_to` is the frame of the request, `smb2.time` what passed since."""
    asked = number(first(header, "smb2.response_to"))
    if part != "response" or asked is None:
        return
    if row["request_frame"] != asked:
        yield "request_frame", row["request_frame"], asked, context.pairing_reason(row, asked)
        return
    seconds, fraction = first(header, "smb2.time").split(".")
    sign = -1 if seconds.startswith("-") else 1
    theirs = int(seconds) * 10**9 + sign * int(fraction.ljust(9, "0"))
    if row["latency_ns"] != theirs:
        reason = context.pairing_reason(row, asked) if id(row) in context.moved else None
        if LAST_TIME in (row["request_time"], row["response_time"]):
            reason = BEYOND
        yield "latency_ns", row["latency_ns"], theirs, reason


def body_of(tree, command, kind):
    for key, value in tree:
        if re.search(rf" {kind} \(0x{command:02x}\)$", key) and is_tree(value):
            return value
    return None


def of_body(pdu, theirs, header, context):
    row, part = pdu.row, pdu.part
    command = number(first(header, "smb2.cmd"))
    flags = number(first(header, "smb2.flags"))
    body = body_of(theirs.tree, command, "Response" if flags & RESPONSE else "Request")
    if body is None:
        body = next((value for key, value in theirs.tree if "(0x" in key and is_tree(value)), [])
    if part == "interim":
        return
    checks = REQUESTS if part == "request" else RESPONSES
    if part == "response" and first(body, "smb2.error.byte_count") is not None:
        return
    for column, theirs_value in checks.get(command, lambda body: ())(body):
        ours = row[column]
        if ours == theirs_value or ours == [] and theirs_value is None:
            continue
        reason = None
        if column == "create_contexts" or column.startswith("lease_state"):
            reason = context_reason(body, column, ours)
        yield column, ours, theirs_value, reason
    if part == "request":
        yield from of_names(row, command, flags, body, context)
    elif command == 5:
        theirs_id, _ = file_id(body)
        if theirs_id is not None and row["file_id"] != theirs_id:
            yield "file_id", row["file_id"].hex() if row["file_id"] else None, theirs_id.hex(), None


def of_names(row, command, flags, body, context):
    """Names, and the file that a request is about."""
    if command == 3:
        ok, reason = same_text(row["share"], first(body, "smb2.tree"), raw_text(body, "smb2.tree"))
        if not ok:
            yield "share", row["share"], first(body, "smb2.tree"), reason
    if command == 14:
        ok, reason = same_text(row["pattern"], first(body, "smb2.find.pattern") or "", raw_text(body, "smb2.find.pattern"))
        if not ok:
            yield "pattern", row["pattern"], first(body, "smb2.find.pattern"), reason
    if command == 5:
        yield from of_create_name(row, flags, body)
        return
    if command == 17:
        for key in ("smb2.file_rename_info", "smb2.file_link_info"):
            info = first(body, key)
            if is_tree(info) and first(info, "smb2.filename") is not None:
                theirs, exact = first(info, "smb2.filename"), raw_text(info, "smb2.filename")
                ok, reason = same_text(row["new_path"], share_relative(theirs), exact and share_relative(exact))
                if not ok:
                    yield "new_path", row["new_path"], theirs, reason
    theirs, label = file_id(body)
    if theirs is None:
        return
    if row["file_id"] != theirs:
        reason = None
        if command > 0x12:
            reason = "a command outside the specification is not decoded"
        if theirs == INHERITED_FILE:
            reason = "a related PDU inherits the file from the one before it"
        yield "file_id", row["file_id"].hex() if row["file_id"] else None, theirs.hex(), reason
    elif label is not None and row["path"] is not None and share_relative(label) != row["path"]:
        yield "path", row["path"], label, context.path_reason(row, label)


def of_create_name(row, flags, body):
    theirs, exact = first(body, "smb2.filename"), raw_text(body, "smb2.filename")
    options = number(first(body, "smb.create_options")) or 0
    if options & 0x2000:
        if row["path"] is not None:
            yield "path", row["path"], theirs, None
        return
    if theirs is None:
        return
    dfs = bool(flags & DFS)
    ok, reason = same_text(row["path"], share_relative(theirs, dfs), exact and share_relative(exact, dfs))
    if not ok:
        if row["path"] == "" and exact in (None, ""):
            return
        yield "path", row["path"], theirs, reason


def create_request(body):
    tags = [tag_text(name) for name, _ in contexts(body)]
    return (
        ("desired_access", number(first(body, "smb.access_mask"))),
        ("file_attributes", number(first(body, "smb2.file_attribute"))),
        ("share_access", number(first(body, "smb.share_access"))),
        ("create_disposition", number(first(body, "smb2.create.disposition"))),
        ("create_options", number(first(body, "smb.create_options"))),
        ("impersonation_level", number(first(body, "smb2.impersonation.level"))),
        ("requested_oplock", number(first(body, "smb2.create.oplock"))),
        ("create_contexts", tags or None),
        ("lease_state_requested", lease_state(body)),
    )


def truth(flags, bit):
    """Whether a bit of flags is set; None when there are none."""
    return None if flags is None else bool(number(flags) & bit)


def create_response(body):
    if first(body, "smb2.create.action") is None:
        return ()
    return (
        ("granted_oplock", number(first(body, "smb2.create.oplock"))),
        ("create_action", number(first(body, "smb2.create.action"))),
        ("end_of_file", number(first(body, "smb2.eof"))),
        ("directory", truth(first(body, "smb2.file_attribute"), 0x10)),
        ("lease_state_granted", lease_state(body)),
    )


def close_response(body):
    flags = number(first(body, "smb2.close.flags"))
    if flags is None:
        return ()
    return (("end_of_file", number(first(body, "smb2.eof")) if flags & 1 else None),)


def read_request(body):
    return (
        ("offset", unsigned(first(body, "smb2.file_offset"), 64)),
        ("length", number(first(body, "smb2.read_length"))),
    )


def read_response(body):
    length = first(body, "smb2.olb.length") or first(body, "smb2.read_length")
    return (("bytes", number(length)),) if length is not None else ()


def write_request(body):
    return (
        ("offset", unsigned(first(body, "smb2.file_offset"), 64)),
        ("length", number(first(body, "smb2.write_length"))),
    )


def write_response(body):
    count = first(body, "smb2.write.count")
    return (("bytes", number(count)),) if count is not None else ()


def lock_request(body):
    offsets = all_of(body, "smb2.file_offset")
    infos = all_of(body, "smb2.lock_info")
    lengths, flags = [], []
    locks = []
    for info in infos:
        if is_tree(info):
            offsets = offsets + all_of(info, "smb2.file_offset")
            lengths += all_of(info, "smb2.lock_length")
            flags += all_of(info, "smb2.lock_flags")
    for offset, length, flag in zip(offsets, lengths, flags):
        locks.append({"offset": unsigned(offset, 64), "length": unsigned(length, 64), "flags": number(flag)})
    return (
        ("locks", locks),
        ("offset", locks[0]["offset"] if locks else None),
        ("length", locks[0]["length"] if locks else None),
    )


def query_directory_request(body):
    return (("info_class", number(first(body, "smb2.find.infolevel"))),)


def info_request(body):
    info_type = number(first(body, "smb2.class"))
    levels = [value for key, value in body if key.endswith("infolevel") and isinstance(value, str)]
    return (("info_type", info_type), ("info_class", number(levels[0]) if levels else None))


def ioctl_request(body):
    return (("ctl_code", number(first(body, "smb2.ioctl.function"))),)


REQUESTS = {
    5: create_request,
    8: read_request,
    9: write_request,
    10: lock_request,
    11: ioctl_request,
    14: query_directory_request,
    16: info_request,
    17: info_request,
}
RESPONSES = {5: create_response, 6: close_response, 8: read_response, 9: write_response}
