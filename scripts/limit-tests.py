#!/usr/bin/env python3
"""limit-tests.py BINARY ARGUMENT…: runs a binary of tests and ends it when one of them takes too long, naming that test.

Rust's test harness has no limit of its own; it says of each test when it "has been running for over 60 seconds". cargo calls
this with CARGO_TARGET_…_RUNNER, as scripts/test.sh sets it. What the tests started is ended as well, however it left them.

Environment: TEST_LIMIT seconds for a test (300), BINARY_LIMIT for all tests of a binary (1500), BUSY_AFTER when the harness
says so (60). Exit status: that of the binary; 101, as of failed tests, when something was ended.
"""

import ctypes
import os
import re
import selectors
import signal
import subprocess
import sys
import time

TEST_LIMIT = float(os.environ.get("TEST_LIMIT", "300"))
BINARY_LIMIT = float(os.environ.get("BINARY_LIMIT", "1500"))
BUSY_AFTER = float(os.environ.get("BUSY_AFTER", "60"))
BUSY = re.compile(r"test (\S+) has been running for over")
ENDED = re.compile(r"^test (\S+) \.\.\. (ok|FAILED|ignored)")
PR_SET_CHILD_SUBREAPER = 36


def descendants():
    """Processes below this one: pid and command."""
    parents, commands = {}, {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as stat:
                text = stat.read()
        except OSError:
            continue
        pid, command, rest = int(name), text[text.index("(") + 1:text.rindex(")")], text[text.rindex(")") + 2:].split()
        if rest[0] != "Z":
            parents[pid], commands[pid] = int(rest[1]), command
    found, below = {}, [os.getpid()]
    while below:
        parent = below.pop()
        for pid in [pid for pid, of in parents.items() if of == parent and pid not in found]:
            found[pid] = commands[pid]
            below.append(pid)
    return found


def end(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass


class Watch:
    """What the harness has said of its tests so far."""

    def __init__(self):
        self.begun = time.monotonic()
        self.busy = {}

    def line(self, line):
        if busy := BUSY.search(line):
            self.busy[busy[1]] = time.monotonic()
        elif ended := ENDED.match(line):
            self.busy.pop(ended[1], None)

    def late(self, now):
        """The tests that have had their time, or why the binary has."""
        late = [name for name, since in self.busy.items() if now - since > TEST_LIMIT - BUSY_AFTER]
        if late:
            return [f"test {name} FAILED: it had not ended after {TEST_LIMIT:.0f} s" for name in late]
        if now - self.begun > BINARY_LIMIT:
            busy = ", ".join(self.busy) or "none of them is known to be slow"
            return [f"the tests of this binary had not ended after {BINARY_LIMIT:.0f} s; still running: {busy}"]
        return []


def main(command):
    try:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    except (OSError, AttributeError):
        pass
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    watch, pending = Watch(), b""
    selector = selectors.DefaultSelector()
    selector.register(child.stdout, selectors.EVENT_READ)
    out = sys.stdout.buffer
    while True:
        ready = selector.select(timeout=1)
        chunk = os.read(child.stdout.fileno(), 65536) if ready else b""
        out.write(chunk)
        out.flush()
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            watch.line(line.decode(errors="replace"))
        if late := watch.late(time.monotonic()):
            running = ", ".join(f"{command} ({pid})" for pid, command in descendants().items())
            print("", *late, f"processes then: {running}", "ended by scripts/limit-tests.py", sep="\n", flush=True)
            end(descendants())
            return 101
        # A daemon that a test left behind may hold the pipe open.
        if ready and not chunk or not ready and child.poll() is not None:
            break
    status = child.wait()
    if left := descendants():
        names = ", ".join(f"{command} ({pid})" for pid, command in left.items())
        print(f"limit-tests.py: ended what outlived the tests: {names}", flush=True)
        end(left)
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        sys.exit(0 if len(sys.argv) > 1 else 2)
    sys.exit(main(sys.argv[1:]))
