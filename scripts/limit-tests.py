#!/usr/bin/env python3
"""limit-tests.py BINARY ARGUMENT…: runs a binary of tests and ends it when one of them takes too long, naming that test.

Rust's test harness has no limit of its own; it says of each test when it "has been running for over 60 seconds". cargo calls
this with CARGO_TARGET_…_RUNNER, as scripts/test.sh sets it. What the tests started is ended as well, however it left them.

Environment: TEST_LIMIT seconds for a test (600), BINARY_LIMIT for all tests of a binary (2400). Exit status: that of the
binary; 101, as of failed tests, when something was ended.
"""

import ctypes
import os
import re
import selectors
import signal
import subprocess
import sys
import time

TEST_LIMIT = float(os.environ.get("TEST_LIMIT", "600"))
BINARY_LIMIT = float(os.environ.get("BINARY_LIMIT", "2400"))
BUSY = re.compile(r"^test (\S+).* has been running for over (\d+) seconds")
ENDED = re.compile(r"^test (\S+).* \.\.\. (ok|FAILED|ignored)")
BEGUN = re.compile(r"^test (\S+).* \.\.\. ")  # with one thread, before the test runs and without an end of the line
PR_SET_CHILD_SUBREAPER = 36


def descendants():
    """Processes below this one: pid and command line."""
    children = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as stat:
                state, parent = stat.read().rpartition(b")")[2].split()[:2]
        except OSError:
            continue
        if state != b"Z":
            children.setdefault(int(parent), []).append(int(name))
    found, below = {}, [os.getpid()]
    while below:
        for pid in children.get(below.pop(), []):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as line:
                    found[pid] = line.read().replace(b"\0", b" ").decode(errors="replace").strip()
            except OSError:
                continue
            below.append(pid)
    return found


def end_all():
    """Ends all below this process; what is started meanwhile too."""
    until = time.monotonic() + 20
    while (left := descendants()) and time.monotonic() < until:
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        time.sleep(0.05)


def names(command):
    """The tests that a command line runs."""
    listed = subprocess.run([*command, "--list", "--format", "terse"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, timeout=60, check=False)
    lines = listed.stdout.decode(errors="replace").splitlines()
    return [line.removesuffix(": test") for line in lines if line.endswith(": test")]


class Watch:
    """What the harness has said of its tests so far."""

    def __init__(self, command):
        self.command = command
        self.begun = time.monotonic()
        self.pending = ""
        self.since = {}
        self.ended = set()

    def read(self, text):
        *lines, self.pending = (self.pending + text).split("\n")
        for line in lines:
            if busy := BUSY.match(line):
                self.since.setdefault(busy[1], time.monotonic() - float(busy[2]))
            elif ended := ENDED.match(line):
                self.since.pop(ended[1], None)
                self.ended.add(ended[1])
        if begun := BEGUN.match(self.pending):
            self.since.setdefault(begun[1], time.monotonic())

    def late(self, now):
        """The tests that have had their time, or are not done when the binary has."""
        late = [name for name, since in self.since.items() if now - since > TEST_LIMIT]
        if late:
            return [f"test {name} FAILED: it had not ended after {TEST_LIMIT:.0f} s" for name in late]
        if now - self.begun > BINARY_LIMIT:
            left = list(self.since) or [name for name in names(self.command) if name not in self.ended]
            return [f"test {name} FAILED: it had not ended when the binary had run for {BINARY_LIMIT:.0f} s" for name in left]
        return []


def interrupted(number, _frame):
    end_all()
    os._exit(128 + number)


def main(command):
    try:
        # What leaves its parent becomes a child of this process, and is found.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    except (OSError, AttributeError):
        pass
    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, interrupted)
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    watch = Watch(command)
    selector = selectors.DefaultSelector()
    selector.register(child.stdout, selectors.EVENT_READ)
    out = sys.stdout.buffer
    while True:
        ready = selector.select(timeout=1)
        chunk = os.read(child.stdout.fileno(), 65536) if ready else b""
        out.write(chunk)
        out.flush()
        watch.read(chunk.decode(errors="replace"))
        if late := watch.late(time.monotonic()):
            running = descendants()
            running.pop(child.pid, None)
            lines = [f"    {pid} {line}" for pid, line in running.items()] or ["    no other program"]
            print("", *late, "limit-tests.py: ended, with what the tests had started:", *lines, sep="\n", flush=True)
            end_all()
            return 101
        # A daemon that a test left behind may hold the pipe open.
        if ready and not chunk or not ready and child.poll() is not None:
            break
    status = child.wait()
    if left := descendants():
        lines = [f"    {pid} {line}" for pid, line in left.items()]
        print("limit-tests.py: ended what outlived the tests:", *lines, sep="\n", flush=True)
        end_all()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        sys.exit(0 if len(sys.argv) > 1 else 2)
    sys.exit(main(sys.argv[1:]))
