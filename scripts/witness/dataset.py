"""What smbreplay wrote of a capture, one entry per PDU."""

import json
import os
import subprocess
from collections import namedtuple
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

# part: request, interim or response; row: the operation's columns by name
Pdu = namedtuple("Pdu", "frame time part bytes row")


class IngestFailed(Exception):
    """smbreplay came to no dataset: exit status and what it said."""

    def __init__(self, status, message):
        super().__init__(f"exit status {status}: {message}")
        self.status = status
        self.message = message


def ingest(capture, folder, arguments=(), timeout=120):
    """Runs the ingest; gives the folder of the sessions and the exit status (0, or 3 for a part of the capture)."""
    command = [os.environ["SMBREPLAY"], "ingest", str(capture), "--output", str(folder), "--force", *arguments]
    environment = dict(os.environ, HOME=str(folder), XDG_CONFIG_HOME=str(folder))
    done = subprocess.run(command, capture_output=True, timeout=timeout, env=environment)
    sessions = Path(folder) / ".tracer" / Path(capture).name / "sessions"
    message = done.stderr.decode(errors="replace").strip()
    if done.returncode not in (0, 3) or "panicked" in message:
        raise IngestFailed(done.returncode, message)
    if not sessions.is_dir():
        raise IngestFailed(done.returncode, message)
    return sessions, done.returncode


def metadata(sessions):
    return json.loads((sessions / "session_metadata.json").read_text())


def rows(sessions):
    """The operations of all sessions, in the order of the metadata. Times are integers of nanoseconds."""
    out = []
    for session in metadata(sessions)["sessions"]:
        table = pq.read_table(sessions / session["file"])
        columns = {}
        for name in table.column_names:
            column = table.column(name)
            if pa.types.is_timestamp(column.type):
                column = column.cast("int64")
            columns[name] = column.to_pylist()
        for values in zip(*columns.values()):
            out.append(dict(zip(columns, values), file=session["file"]))
    return out


def pdus(operations):
    """Each PDU of the operations."""
    out = []
    for row in operations:
        for part in ("request", "interim", "response"):
            if row[f"{part}_pdu"] is not None:
                out.append(Pdu(row[f"{part}_frame"], row[f"{part}_time"], part, row[f"{part}_pdu"], row))
    return out
