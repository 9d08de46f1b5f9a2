#!/usr/bin/env python3
"""`smbreplay stats` beside DuckDB's Python package, over the same dataset, in one run.

DuckDB computes what SQL can say in a few queries (by command, by file, errors, the slowest, the whole); `stats` computes that, and
queue depths, sequential access and the working set. Needs the packages duckdb and pyarrow (pip install duckdb).

  scripts/make-capture.py small-ops /tmp/big.pcap --size 560        # a million operations
  target/release/smbreplay ingest /tmp/big.pcap --no-tshark
  scripts/bench-stats.py target/release/smbreplay /tmp/big.pcap
"""

import argparse
import glob
import json
import os
import statistics
import subprocess
import time

import duckdb

GROUP = """
  count(*) AS operations, count(latency_ns) AS answered, count(*) FILTER (WHERE status >= 3221225472 AND status <> 3221225494) AS errors,
  sum(bytes) FILTER (WHERE command = 'READ') AS bytes_read, sum(bytes) FILTER (WHERE command = 'WRITE') AS bytes_written,
  quantile_disc(latency_ns, [0.5, 0.9, 0.99]) AS quantiles, min(latency_ns) AS min_ns, max(latency_ns) AS max_ns"""
QUERIES = [
    "SELECT command, {group} FROM ops GROUP BY command",
    "SELECT {group} FROM ops",
    "SELECT share, path, {group} FROM ops WHERE path IS NOT NULL GROUP BY share, path",
    "SELECT status_name, command, count(*), min(response_frame) FROM ops WHERE status >= 3221225472 GROUP BY ALL",
    "SELECT latency_ns, request_frame, command, path FROM ops WHERE command <> 'CHANGE_NOTIFY' ORDER BY latency_ns DESC LIMIT 10",
]


def by_duckdb(files):
    begun = time.monotonic()
    connection = duckdb.connect()
    # Only what the queries name is read of a view.
    connection.execute(f"CREATE VIEW ops AS SELECT * FROM read_parquet({files!r})")
    results = [connection.execute(query.format(group=GROUP)).fetchall() for query in QUERIES]
    return time.monotonic() - begun, results


def by_stats(program, capture):
    begun = time.monotonic()
    command = [program, "stats", "--trace", capture, "--format", "json"]
    output = subprocess.run(command, check=True, capture_output=True).stdout
    return time.monotonic() - begun, json.loads(output)


def check(results, report):
    """The counts are equal, the quantiles within what `stats` says they are."""
    ours = {group["key"]: group for group in report["groups"]}
    assert len(ours) == len(results[0]), "commands"
    for command, operations, answered, errors, read, written, quantiles, least, greatest in results[0]:
        group = ours[command]
        assert (operations, answered, errors) == (group["operations"], group["answered"], group["errors"]), command
        assert (read or 0, written or 0) == (group["bytes_read"], group["bytes_written"]), command
        assert (least, greatest) == (group["latency"]["min_ns"], group["latency"]["max_ns"]), command
        for exact, name in zip(quantiles, ["p50_ns", "p90_ns", "p99_ns"]):
            assert abs(group["latency"][name] - exact) <= exact * 0.004, (command, name, exact, group["latency"][name])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("capture")
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    folder, name = os.path.split(os.path.abspath(given.capture))
    files = sorted(glob.glob(os.path.join(glob.escape(os.path.join(folder, ".tracer", name)), "sessions", "*.parquet")))
    theirs, ours = [], []
    for _ in range(given.runs):
        seconds, results = by_duckdb(files)
        theirs.append(seconds)
        seconds, report = by_stats(given.program, given.capture)
        ours.append(seconds)
        check(results, report)
    theirs, ours = statistics.median(theirs), statistics.median(ours)
    print(f"{report['total']['operations']:,} operations, {len(results[2]):,} files, equal figures")
    print(f"duckdb {duckdb.__version__}: {theirs:.2f} s · smbreplay stats: {ours:.2f} s · {ours / theirs:.2f} times as long")


main()
