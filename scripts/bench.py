"""Runs programs over made-up captures and prints a table. Called by bench.sh."""

import argparse
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).parent
KINDS = ["small-ops", "large", "mixed", "many-sessions", "non-smb"]
FIELDS = [
    "frame.number", "frame.time_epoch", "tcp.stream", "ip.src", "ip.dst", "smb2.cmd", "smb2.msg_id", "smb2.sesid",
    "smb2.tid", "smb2.nt_status", "smb2.fid", "smb2.filename", "smb2.file_offset", "smb2.read_length",
    "smb2.write_length", "smb2.infolevel", "smb2.class", "smb2.eof", "smb2.flags", "smb2.time",
]


def peak(pid, result, stop):
    """The process's own peak memory in MB, without that of its children: polled, as the kernel mixes the two."""
    while not stop.is_set():
        try:
            for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    result[0] = max(result[0], int(line.split()[1]) / 1024)
        except (FileNotFoundError, ProcessLookupError):
            return
        stop.wait(0.01)


def measure(command, allowed=(0,), **keywords):
    """Wall seconds, CPU seconds (with children), own peak memory in MB."""
    begun = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **keywords)
    result, stop = [0.0], threading.Event()
    watcher = threading.Thread(target=peak, args=(process.pid, result, stop))
    watcher.start()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - begun
    stop.set()
    watcher.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in allowed:
        raise SystemExit(f"{command} ended with {process.returncode}")
    return wall, usage.ru_utime + usage.ru_stime, result[0]


def best(times, command, **keywords):
    """The run with the shortest wall time."""
    return min(measure(command, **keywords) for _ in range(times))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=57)
    parser.add_argument("--only", action="append", choices=KINDS)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    program = os.environ["SMBREPLAY"]
    work = pathlib.Path(tempfile.mkdtemp(prefix="smbreplay-bench."))
    environment = dict(os.environ, XDG_STATE_HOME=str(work))
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} before; best of {options.runs} runs, one after the other")
    print(f"{'capture':<14} {'what':<32} {'wall s':>8} {'CPU s':>8} {'peak MB':>8} {'tshark / this':>14}")
    try:
        for kind in options.only or KINDS:
            capture = work / f"{kind}.pcap"
            subprocess.run(
                ["python3", HERE / "make-capture.py", kind, capture, "--size", str(options.size)],
                check=True, stdout=subprocess.DEVNULL,
            )
            size = capture.stat().st_size / 1e6
            ingest = [program, "ingest", str(capture), "--force", "--output", str(work / "out")]
            nothing = kind == "non-smb"
            allowed = (3,) if nothing else (0,)
            # The first run warms the page cache and asks tshark for its version.
            measure(ingest, allowed, env=environment)
            rows = [("tshark -r (bare)", best(1, ["tshark", "-r", str(capture)]))]
            rows.append(("smbreplay ingest", best(options.runs, ingest, allowed=allowed, env=environment)))
            without = [*ingest, "--no-tshark"]
            rows.append(("smbreplay ingest --no-tshark", best(options.runs, without, allowed=allowed, env=environment)))
            if kind == "large":
                rows.append(("zstd -1", best(options.runs, ["zstd", "-1", "-q", "-f", "-o", str(work / "z"), str(capture)])))
            if options.full and not nothing:
                fields = [word for field in FIELDS for word in ("-e", field)]
                rows.append(("tshark -T fields (20)", best(1, ["tshark", "-r", str(capture), "-T", "fields", *fields])))
                rows.append(("tshark -T ek", best(1, ["tshark", "-r", str(capture), "-T", "ek"])))
                rows.append(("smbreplay --extractor tshark", best(1, [*ingest, "--extractor", "tshark"], env=environment)))
            bare = rows[0][1][0]
            for what, (wall, cpu, memory) in rows:
                name = f"{kind} {size:.0f} MB"
                print(f"{name:<14} {what:<32} {wall:8.2f} {cpu:8.2f} {memory:8.0f} {bare / wall:14.1f}", flush=True)
            capture.unlink()
    finally:
        shutil.rmtree(work)


main()
