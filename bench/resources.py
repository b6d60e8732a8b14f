"""What processes use, from /proc: processor time in seconds, memory in bytes."""
import dataclasses
import os
import pathlib
import subprocess
import time

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
SAMPLE_S = 0.02


@dataclasses.dataclass
class Usage:
    wall_s: float
    cpu_s: float
    memory_peak: int


def cpu_s(pid):
    # The name in parentheses may hold spaces, so the fields are counted from behind it.
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def memory_peak(pid):
    """The high-water mark of the resident set (VmHWM); 0 when the process has gone."""
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def run(argv, **options):
    """Runs a program to its end; its Usage. The exit code must be 0."""
    started, peak = time.monotonic(), 0
    process = subprocess.Popen(argv, **options)
    while True:
        peak = max(peak, memory_peak(process.pid))
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        time.sleep(SAMPLE_S)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, argv)
    return Usage(time.monotonic() - started, usage.ru_utime + usage.ru_stime, peak)
