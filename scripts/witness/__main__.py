"""See scripts/witness.sh."""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from . import comparison, dataset, tshark


def main():
    parser = argparse.ArgumentParser(prog="witness.sh")
    parser.add_argument("captures", nargs="+", type=Path, metavar="CAPTURE")
    parser.add_argument("--port", type=int, action="append", default=[], help="a server port beside 445 and 139")
    parser.add_argument("--nt-password-file", help="opens sealed PDUs, as in smbreplay ingest")
    parser.add_argument("--session-key-file", help="opens sealed PDUs, as in smbreplay ingest")
    parser.add_argument("--explained", action="store_true", help="list each explained difference, not only their number")
    parser.add_argument("--blind-spots", action="store_true", help="list the columns in which nothing wrong would be found")
    arguments = parser.parse_args()
    tshark.use_keys(arguments.nt_password_file, arguments.session_key_file)
    status = 0
    for capture in arguments.captures:
        try:
            unexplained = one(capture, arguments)
        except (dataset.IngestFailed, tshark.TsharkFailed) as error:
            print(f"{capture}: {error}")
            unexplained = 1
        status |= unexplained > 0
    return status


def one(capture, arguments):
    options = [part for port in arguments.port for part in ("--port", str(port))]
    for name in ("nt_password_file", "session_key_file"):
        if value := getattr(arguments, name):
            options += [f"--{name.replace('_', '-')}", str(Path(value).absolute())]
    with tempfile.TemporaryDirectory(prefix="witness-") as folder:
        try:
            sessions, _ = dataset.ingest(capture.absolute(), folder, options)
        except dataset.IngestFailed as error:
            if "no SMB2 traffic" not in error.message:
                raise
            ours = []
        else:
            ours = dataset.pdus(dataset.rows(sessions))
    if arguments.blind_spots and ours:
        print(f"{capture}: not compared: {' '.join(comparison.unnoticed(capture, ours, arguments.port))}")
    differences = list(comparison.compare(capture, ours, arguments.port))
    explained = [difference for difference in differences if difference.reason]
    unexplained = [difference for difference in differences if not difference.reason]
    print(f"{capture}: {len(ours)} PDUs, {len(unexplained)} differences, {len(explained)} explained")
    for frame, column, ours_value, theirs_value, _ in sorted(unexplained, key=lambda d: d.frame):
        print(f"  frame {frame}: {column}: ours {ours_value!r}, tshark's {theirs_value!r}")
    if arguments.explained:
        for frame, column, ours_value, theirs_value, reason in sorted(explained, key=lambda d: d.frame):
            print(f"  explained: frame {frame}: {column}: ours {ours_value!r}, tshark's {theirs_value!r}: {reason}")
    else:
        for reason, count in sorted(Counter(difference.reason for difference in explained).items()):
            print(f"  explained: {count} x {reason}")
    return len(unexplained)


if __name__ == "__main__":
    sys.exit(main())
