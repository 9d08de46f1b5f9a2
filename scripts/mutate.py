#!/usr/bin/env python3
"""Damages captures in every way and holds what smbreplay makes of them against tshark. Started by scripts/witness.sh --mutants.

For each mutant: the ingest ends by itself, in time, with status 0 or 3; its PDUs are those of tshark; the columns are tshark's; and the
dataset of --extractor tshark is the same. What differs is explained by a rule of docs/witness.md, or printed.
"""

import argparse
import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from witness import comparison, dataset, mutants, tshark

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 60

# The extractor's dataset needs one run of tshark; its version and the logins, which are no rows, are left out for speed.
WRAPPER = """#!/bin/sh
case " $* " in
    *" --version "* | *" -v "*) echo "{version}" ;;
    *" -r - "* | *" -i - "*) cat >/dev/null ;;
    *) exec "{tshark}" "$@" ;;
esac
"""


def bases(most_bytes, fixtures_only=False):
    found = sorted((ROOT / "fixtures").glob("*/capture.pcapng"))
    if fixtures_only:
        return [path for path in found if path.stat().st_size <= most_bytes]
    found += sorted((ROOT.parent / "shared" / "captures").glob("*.pcap*"))
    found += sorted(Path("/work/shared/captures").glob("*.pcap*")) if not (ROOT.parent / "shared").exists() else []
    return [path for path in found if path.stat().st_size <= most_bytes]


def ingest(path, folder, *arguments):
    """The operations; None when there is no SMB2 in it or it is no capture any more, which has to be said with status 3."""
    try:
        sessions, _ = dataset.ingest(path, folder, arguments, LIMIT)
    except dataset.IngestFailed as error:
        if error.status != 3 or "defect of smbreplay" in error.message or "panicked" in error.message:
            raise
        return None
    return dataset.rows(sessions)


def examine(mutant, folder, wrapper, fields, every=1):
    """Differences of one mutant, explained or not."""
    native = ingest(mutant.path, folder / "native", "--no-tshark", "--jobs", "1")
    ours = dataset.pdus(native or [])
    try:
        yield from comparison.compare(mutant.path, ours, fields=fields)
    except tshark.TsharkFailed as error:
        reads = "isn't a capture file" not in str(error) and "damaged or corrupt" not in str(error)
        reason = None if reads else "tshark does not read the file, whose head is damaged"
        yield comparison.Difference(0, "capture", f"{len(ours)} PDUs", str(error)[-200:], reason)
        return
    if mutant.number % every:
        return
    witness = ingest(mutant.path, folder / "tshark", "--extractor", "tshark", "--tshark", wrapper, "--jobs", "1")
    if equal_pdus(ours, dataset.pdus(witness or [])):
        differences = list(rows_differ(native or [], witness or [], gaps(folder / "native", mutant)))
        if any(not difference.reason for difference in differences) and begun_anew(mutant.path, witness or []):
            reason = "extractors: tshark 4.4 begins a conversation with a SYN-ACK too, and with any SYN behind the end of one"
            differences = [difference._replace(reason=difference.reason or reason) for difference in differences]
        yield from differences
    else:
        yield comparison.Difference(0, "dataset", len(native or []), len(witness or []), "its PDUs differ, see there")


def equal_pdus(ours, theirs):
    key = lambda pdu: (pdu.frame, pdu.bytes, pdu.row["encrypted"])
    return Counter(map(key, ours)) == Counter(map(key, theirs))


def gaps(folder, mutant):
    """Whether our reader waited at a hole."""
    sessions = folder / ".tracer" / mutant.path.name / "sessions"
    return sessions.is_dir() and dataset.metadata(sessions)["quality"]["gaps"] > 0


def begun_anew(capture, witness):
    """Whether this tshark takes for several conversations what is one for our reader."""
    frames = {row["request_frame"] or row["response_frame"] or row["interim_frame"]: row["tcp_stream"] for row in witness}
    streams = comparison.streams_of(capture, ())
    return any(stream == streams.newer.get(frame) != streams.keys[frame][0] for frame, stream in frames.items() if frame in streams.keys)


def rows_differ(native, witness, gaps):
    """With equal PDUs everything else is equal too; but for what was learnt while one direction waited at a hole."""
    names = ("share", "path", "directory", "file_id", "new_path")
    key = lambda row: [row[c] or 0 for c in ("request_frame", "interim_frame", "response_frame", "compound_index", "message_id")]
    if gaps:
        native, witness = sorted(native, key=key), sorted(witness, key=key)
        names += ("session_id", "tree_id", "file", "op_index")
    if len(native) != len(witness):
        reason = "extractors: a name or a session that was learnt or changed while the reader waited at a hole" if gaps else None
        yield comparison.Difference(0, "rows", len(native), len(witness), reason)
        return
    for ours, theirs in zip(native, witness):
        for column, value in ours.items():
            if theirs[column] != value and not column.endswith("_pdu"):
                frame = ours["request_frame"] or ours["response_frame"] or ours["interim_frame"]
                reason = None
                if gaps and column in names:
                    reason = "extractors: a name or a session that was learnt or changed while the reader waited at a hole"
                elif column == "anomalies" and set(value or []) ^ set(theirs[column] or []) == {"truncated"}:
                    reason = "extractors: tshark goes by the recorded length of the frame, our reader by the length in the IP header"
                yield comparison.Difference(frame, f"extractors: {ours['command']} {column}", value, theirs[column], reason)


def run(number, arguments, wrapper, work):
    folder = Path(tempfile.mkdtemp(prefix=f"mutant-{number}-", dir=work))
    mutant = mutants.make(number, arguments.seed, arguments.bases, folder)
    started = time.monotonic()
    try:
        differences = list(examine(mutant, folder, wrapper, arguments.fields, arguments.extractor_every))
    except (dataset.IngestFailed, subprocess.TimeoutExpired) as error:
        differences = [comparison.Difference(0, "ingest", str(error)[:300], None, None)]
    except Exception as error:
        differences = [comparison.Difference(0, "harness", f"{type(error).__name__}: {error}"[:300], None, None)]
    bad = [difference for difference in differences if not difference.reason]
    if bad and arguments.keep:
        shutil.copy(mutant.path, Path(arguments.keep) / mutant.path.name)
    shutil.rmtree(folder, ignore_errors=True)
    gc.collect()
    return mutant, differences, time.monotonic() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=50, help="how many mutants (50)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first (0)")
    parser.add_argument("--seed", type=int, default=1, help="another seed makes other mutants (1)")
    parser.add_argument("--jobs", type=int, default=1, help="how many at once (1)")
    parser.add_argument("--largest", type=int, default=300_000, help="bytes of the largest capture that is mutated (300000)")
    parser.add_argument("--extractor-every", type=int, default=1, metavar="N", help="compare the dataset of --extractor tshark for every Nth (1)")
    parser.add_argument("--fixtures-only", action="store_true", help="mutate fixtures, not the captures of others")
    parser.add_argument("--no-columns", dest="fields", action="store_false", help="compare PDUs, not their columns")
    parser.add_argument("--keep", help="keep mutants with unexplained differences in this folder")
    parser.add_argument("--json", help="append the results to this file, a line a mutant")
    arguments = parser.parse_args()
    arguments.bases = bases(arguments.largest, arguments.fixtures_only)
    # Dissections are large trees without cycles: looking for cycles in them costs more than all else.
    gc.disable()
    if arguments.keep:
        os.makedirs(arguments.keep, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mutate-") as work:
        program = shutil.which(tshark.TSHARK)
        version = subprocess.run([program, "--version"], capture_output=True, text=True).stdout.splitlines()[0]
        wrapper = Path(work) / "tshark"
        wrapper.write_text(WRAPPER.format(version=version, tshark=program))
        wrapper.chmod(0o755)
        return everything(arguments, str(wrapper), work)


def everything(arguments, wrapper, work):
    reasons, kinds, bad_mutants, slowest = Counter(), Counter(), 0, 0.0
    numbers = range(arguments.first, arguments.first + arguments.count)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for mutant, differences, seconds in pool.map(lambda n: run(n, arguments, wrapper, work), numbers):
            bad = [difference for difference in differences if not difference.reason]
            kinds[mutant.kinds] += 1
            reasons.update({rule(difference.reason) for difference in differences if difference.reason})
            bad_mutants += bool(bad)
            slowest = max(slowest, seconds)
            if arguments.json:
                with open(arguments.json, "a") as out:
                    record = {"number": mutant.number, "kinds": mutant.kinds, "base": str(mutant.base), "seconds": round(seconds, 2)}
                    record["unexplained"] = [list(map(str, difference)) for difference in bad]
                    record["explained"] = Counter(rule(d.reason) for d in differences if d.reason)
                    out.write(json.dumps(record) + "\n")
            for frame, column, ours, theirs, _ in bad[:8]:
                print(f"mutant {mutant.number} ({mutant.kinds} of {mutant.path.name}): frame {frame}: {column}: "
                      f"ours {str(ours)[:100]}, tshark's {str(theirs)[:100]}")
            if len(bad) > 8:
                print(f"mutant {mutant.number}: {len(bad) - 8} more")
            sys.stdout.flush()
    print(f"{sum(kinds.values())} mutants, {bad_mutants} with unexplained differences, slowest {slowest:.1f} s")
    for kind, count in sorted(kinds.items()):
        print(f"  {count} x {kind}")
    for reason, count in sorted(reasons.items()):
        print(f"  explained in {count} mutants: {reason}")
    return 1 if bad_mutants else 0


def rule(reason):
    """The rule without the frame that it speaks of."""
    head, frame, tail = reason.partition(": frame ")
    return f"{head}: {tail.split(', ', 1)[-1]}" if frame else reason


if __name__ == "__main__":
    sys.exit(main())
