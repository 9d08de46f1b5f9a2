#!/usr/bin/env python3
"""Runs grouping queries in little memory, again and again, each within a time limit: none may hang.

Makes a capture (scripts/make-capture.py), ingests it into a temporary folder, and asks five queries --runs times. Prints a line
a query: how often it ended well, was refused for lack of memory, failed, or was ended at the limit; median and longest time.
Exit status 1 if one failed or did not end in time.

SMBREPLAY names the program; else the debug build in CARGO_TARGET_DIR or target/ is taken, and must be there.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

QUERIES = {
    "long keys": "SELECT count(*) FROM (SELECT repeat('x', 100) || value AS t, count(*), min(value) "
    "FROM generate_series(1, 100000) GROUP BY 1)",
    "by path": "SELECT path, count(*), sum(bytes), array_agg(request_frame) FROM operations GROUP BY path "
    "ORDER BY 2 DESC, 1 LIMIT 10",
    "distinct": "SELECT op_index % 997 AS part, count(DISTINCT coalesce(path, '') || op_index) FROM operations "
    "GROUP BY 1 ORDER BY 1 LIMIT 10",
    "requests": "SELECT count(*) FROM (SELECT hex(request_pdu) AS request, count(*) FROM operations WHERE op_index % 4 = 0 GROUP BY 1)",
    "joined": 'SELECT command, path, "user", count(*), avg(latency_ns) FROM operations '
    "JOIN sessions USING (capture, session_id) GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2 LIMIT 10",
}

REFUSED = 2  # the exit status of a query that needs more memory than it may use


def program():
    named = os.environ.get("SMBREPLAY")
    if named:
        return named
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
    return os.path.join(target, "debug", "smbreplay")


def ask(smbreplay, folder, sql, memory, limit):
    """How a query ended: "done", "refused", "failed", "limit"; its seconds; its last words."""
    command = [smbreplay, "query", "--memory", str(memory), "--format", "json", sql]
    begun = time.monotonic()
    try:
        ended = subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, text=True,
                               stdin=subprocess.DEVNULL, timeout=limit)
    except subprocess.TimeoutExpired:
        return "limit", time.monotonic() - begun, f"not ended in {limit} s"
    took = time.monotonic() - begun
    if ended.returncode == 0:
        return "done", took, ""
    is_memory = ended.returncode == REFUSED and "more memory" in ended.stderr
    return "refused" if is_memory else "failed", took, ended.stderr.strip()


def environment(folder):
    return {**os.environ, "TRACES_FOLDER": folder, "RUST_BACKTRACE": "0"}


def prepare(smbreplay, folder, megabytes):
    capture = os.path.join(folder, "soak.pcap")
    make = os.path.join(ROOT, "scripts", "make-capture.py")
    subprocess.run([sys.executable, make, "many-sessions", capture, "--sessions", "8", "--size", str(megabytes)],
                   check=True, stdout=subprocess.DEVNULL)
    subprocess.run([smbreplay, "ingest", "--no-tshark", capture], cwd=folder, env=environment(folder), check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=600)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200, help="how often each query is asked (default 200)")
    parser.add_argument("--short", action="store_true", help="4 runs, as CI does")
    parser.add_argument("--memory", type=int, default=16, metavar="MIB", help="memory of a query (default 16)")
    parser.add_argument("--limit", type=float, default=60, metavar="SECONDS", help="time for one query (default 60)")
    parser.add_argument("--size", type=float, default=24, metavar="MB", help="size of the capture (default 24)")
    parser.add_argument("--busy", type=int, default=0, metavar="N", help="keep N cores busy meanwhile (default 0)")
    args = parser.parse_args()
    runs = 4 if args.short else args.runs
    smbreplay = os.path.abspath(program())
    if not os.access(smbreplay, os.X_OK):
        sys.exit(f"query-soak.py: {smbreplay} is not there; build it with: cargo build")
    # An end by a signal removes the folder and ends what was started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    spin = [sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(spin, stdin=subprocess.DEVNULL) for _ in range(args.busy)]
    ends = {name: [] for name in QUERIES}
    begun = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="smbreplay-soak-") as folder:
            prepare(smbreplay, folder, args.size)
            for run in range(1, runs + 1):
                for name, sql in QUERIES.items():
                    end = ask(smbreplay, folder, sql, args.memory, args.limit)
                    ends[name].append(end)
                    if end[0] in ("limit", "failed"):
                        print(f"run {run}, {name}: {end[0]} after {end[1]:.1f} s: {end[2]}", flush=True)
    finally:
        for process in busy:
            process.kill()
            process.wait()
    load = os.getloadavg()
    print(f"{runs} runs of {len(QUERIES)} queries, --memory {args.memory}, in {time.monotonic() - begun:.0f} s; "
          f"{os.cpu_count()} cores, load {load[0]:.1f} {load[1]:.1f} {load[2]:.1f} at the end")
    print(f"{'query':<12}{'done':>6}{'refused':>9}{'failed':>8}{'limit':>7}{'median s':>10}{'longest s':>11}")
    for name, all_ends in ends.items():
        count = lambda kind: sum(end[0] == kind for end in all_ends)  # noqa: E731
        times = [end[1] for end in all_ends]
        print(f"{name:<12}{count('done'):>6}{count('refused'):>9}{count('failed'):>8}{count('limit'):>7}"
              f"{statistics.median(times):>10.2f}{max(times):>11.2f}")
    bad = sum(end[0] in ("limit", "failed") for all_ends in ends.values() for end in all_ends)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
