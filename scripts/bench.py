"""Runs programs over made-up captures, prints a table, and says which goals are met. Called by bench.sh."""

import argparse
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).parent
KINDS = ["small-ops", "large", "mixed", "many-sessions", "non-smb", "handles", "long"]
LONG = [("small-ops", 1), ("large", 1), ("small-ops", 5), ("large", 5), ("small-ops", 10), ("large", 10)]
FIELDS = [
    "frame.number", "frame.time_epoch", "tcp.stream", "ip.src", "ip.dst", "smb2.cmd", "smb2.msg_id", "smb2.sesid",
    "smb2.tid", "smb2.nt_status", "smb2.fid", "smb2.filename", "smb2.file_offset", "smb2.read_length",
    "smb2.write_length", "smb2.infolevel", "smb2.class", "smb2.eof", "smb2.flags", "smb2.time",
]
# What issue 3 holds an ingest to.
FASTER_THAN_TSHARK, SLOWER_THAN_ZSTD, SECONDS_A_GIGABYTE, PEAK_MB = 15, 2, 0.5, 300
SESSIONS, HANDLES = 5000, 64


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


def measure(command, allowed=(0,), handles=None, **keywords):
    """Wall seconds, CPU seconds (with children), own peak memory in MB."""
    if handles:
        keywords["preexec_fn"] = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (handles, handles))
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


class Bench:
    """One run of all that was asked for."""

    def __init__(self, options, work):
        self.options, self.work = options, work
        self.program = os.environ["SMBREPLAY"]
        self.environment = dict(os.environ, XDG_STATE_HOME=str(work))
        self.verdicts = []
        self.peak = 0

    def capture(self, kind, megabytes, *more):
        """Makes a capture. Returns its path and its size in GB."""
        capture = self.work / f"{kind}.pcap"
        make = [sys.executable, HERE / "make-capture.py", kind, capture, "--size", str(megabytes), *more]
        subprocess.run(make, check=True, stdout=subprocess.DEVNULL)
        return capture, capture.stat().st_size / 1e9

    def ingest(self, capture, *more):
        return [self.program, "ingest", str(capture), "--force", "--output", str(self.work / "out"), *more]

    def ours(self, command, allowed=(0,), handles=None):
        """An ingest, whose memory counts."""
        result = measure(command, allowed, handles, env=self.environment)
        self.peak = max(self.peak, result[2])
        return result

    def interleaved(self, **programs):
        """The best run of each of some programs, which take turns: what else the machine does hits all of them alike."""
        runs = {name: [] for name in programs}
        for _ in range(self.options.runs):
            for name, run in programs.items():
                runs[name].append(run())
        return {name: min(results) for name, results in runs.items()}

    def row(self, capture, what, result, bare=None):
        wall, cpu, memory = result
        ratio = f"{bare / wall:14.1f}" if bare else f"{'':14}"
        print(f"{capture:<20} {what:<30} {wall:8.2f} {cpu:8.2f} {memory:8.0f} {ratio}", flush=True)

    def goal(self, met, text):
        self.verdicts.append((met, text))

    def side_by_side(self, kind):
        """Ingest beside tshark, and beside zstd for bulk."""
        capture, _ = self.capture(kind, self.options.size)
        command, name = self.ingest(capture), f"{kind} {self.options.size} MB"
        # The first run warms the page cache and asks tshark for its version.
        self.ours(command)
        programs = {
            "tshark -r (bare)": lambda: measure(["tshark", "-r", str(capture)]),
            "smbreplay ingest": lambda: self.ours(command),
            "smbreplay ingest --no-tshark": lambda: self.ours([*command, "--no-tshark"]),
        }
        if kind == "large":
            squeeze = ["zstd", "-1", "-q", "-f", "-o", str(self.work / "z"), str(capture)]
            programs["zstd -1"] = lambda: measure(squeeze)
        results = self.interleaved(**programs)
        if self.options.full:
            fields = [word for field in FIELDS for word in ("-e", field)]
            tshark = ["tshark", "-r", str(capture), "-T"]
            results["tshark -T fields (20)"] = measure([*tshark, "fields", *fields])
            results["tshark -T ek"] = measure([*tshark, "ek"])
            results["smbreplay --extractor tshark"] = measure([*command, "--extractor", "tshark"], env=self.environment)
        bare, ingest = results["tshark -r (bare)"][0], results["smbreplay ingest"][0]
        for what, result in results.items():
            self.row(name, what, result, bare)
        if kind == "small-ops":
            text = f"small operations: {bare / ingest:.1f} times faster than tshark -r (at least {FASTER_THAN_TSHARK})"
            self.goal(bare / ingest >= FASTER_THAN_TSHARK, text)
        if kind == "large":
            zstd = results["zstd -1"][0]
            text = f"large transfers: {ingest / zstd:.2f} times the time of zstd -1 (at most {SLOWER_THAN_ZSTD})"
            self.goal(ingest / zstd <= SLOWER_THAN_ZSTD, text)
        capture.unlink()

    def non_smb(self):
        """A gigabyte without SMB; there is nothing to write, which is status 3."""
        capture, gigabytes = self.capture("non-smb", 1000)
        command = self.ingest(capture)
        results = self.interleaved(ingest=lambda: self.ours(command, (3,)))
        self.row("non-smb 1 GB", "smbreplay ingest", results["ingest"])
        rate = results["ingest"][0] / gigabytes
        self.goal(rate < SECONDS_A_GIGABYTE, f"other traffic: {rate:.2f} s a gigabyte (under {SECONDS_A_GIGABYTE})")
        capture.unlink()

    def handles(self):
        """More sessions than a process may have open files."""
        capture, _ = self.capture("many-sessions", 100, "--sessions", str(SESSIONS))
        result = self.ours(self.ingest(capture), handles=HANDLES)
        self.row(f"{SESSIONS} sessions 0.1 GB", f"ingest, at most {HANDLES} open files", result)
        files = len(list((self.work / "out" / ".tracer" / capture.name / "sessions").glob("*.parquet")))
        self.goal(files == SESSIONS, f"{files} sessions of {SESSIONS} with {HANDLES} open files")
        capture.unlink()

    def long(self):
        """Captures of gigabytes: memory must not grow with them."""
        for kind, gigabytes in LONG:
            free = shutil.disk_usage(self.work).free / 1e9
            if free < 2.5 * gigabytes:
                self.goal(False, f"{kind} {gigabytes} GB: not measured, {free:.0f} GB free in {self.work}")
                continue
            capture, _ = self.capture(kind, 1000 * gigabytes)
            result = self.ours(self.ingest(capture))
            self.row(f"{kind} {gigabytes} GB", "smbreplay ingest", result)
            text = f"{kind} {gigabytes} GB: {result[2]:.0f} MB of memory (under {PEAK_MB})"
            self.goal(result[2] < PEAK_MB, text)
            capture.unlink()
            shutil.rmtree(self.work / "out")

    def run(self, kinds):
        for kind in kinds:
            step = {"non-smb": self.non_smb, "handles": self.handles, "long": self.long}.get(kind)
            if step:
                step()
            else:
                self.side_by_side(kind)
        if self.peak:
            text = f"memory of all ingests: {self.peak:.0f} MB at most (under {PEAK_MB})"
            self.goal(self.peak < PEAK_MB, text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=57)
    parser.add_argument("--only", action="append", choices=KINDS)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    kinds = options.only or [kind for kind in KINDS if kind != "long"]
    if options.long and "long" not in kinds:
        kinds.append("long")
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} processors, load {load:.1f} before; best of {options.runs} runs that take turns")
    if load > 1:
        print("the machine is busy: trust ratios, and even those not far")
    print(f"{'capture':<20} {'what':<30} {'wall s':>8} {'CPU s':>8} {'peak MB':>8} {'tshark / this':>14}")
    work = pathlib.Path(tempfile.mkdtemp(prefix="smbreplay-bench."))
    bench = Bench(options, work)
    try:
        bench.run(kinds)
    finally:
        shutil.rmtree(work)
    print()
    for met, text in bench.verdicts:
        print(f"{'PASS' if met else 'FAIL'}  {text}")
    return 0 if all(met for met, _ in bench.verdicts) else 1


sys.exit(main())
