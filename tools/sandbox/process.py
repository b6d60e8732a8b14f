"""Server processes: started in a session of their own, known by pid and start time, ended by pid.

The start time guards against a pid that another process has got meanwhile: what is no longer ours is never signalled.
"""
import os
import pathlib
import signal
import socket
import subprocess
import time


class SandboxError(Exception):
    pass


def spawn(argv, log, cwd, user=None, env=None):
    """Starts a server whose output goes to the file `log`; returns its identity as {pid, started}."""
    as_user = {}
    if user is not None:
        as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    with open(log, "ab") as output:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=cwd, env=env,
            start_new_session=True, **as_user)
    return {"pid": process.pid, "started": _stat(process.pid)[1]}


def alive(identity):
    if identity is None:
        return False
    _reap(identity["pid"])
    try:
        state, started = _stat(identity["pid"])
    except OSError:
        return False
    return state != "Z" and started == identity["started"]


def children(identity):
    """The identities of the direct children, such as PostgreSQL's backends."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = _fields(int(entry.name))
        except OSError:
            continue
        if int(fields[1]) == identity["pid"]:
            found.append({"pid": int(entry.name), "started": fields[19]})
    return found


def send(identity, signum):
    if alive(identity):
        os.kill(identity["pid"], signum)


def end(identity, signum, timeout_s):
    """Sends the signal, waits, and kills what has not gone by then."""
    send(identity, signum)
    if not wait_gone(identity, timeout_s):
        kill([identity])


def kill(identities):
    for identity in identities:
        send(identity, signal.SIGKILL)
    for identity in identities:
        if not wait_gone(identity, 30):
            raise SandboxError(f"process {identity['pid']} does not end on SIGKILL")


def wait_gone(identity, timeout_s):
    deadline = time.monotonic() + timeout_s
    while alive(identity):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def log_tail(path, lines=40):
    try:
        text = pathlib.Path(path).read_text(errors="replace")
    except OSError as error:
        return f"({error})"
    return "\n".join(text.splitlines()[-lines:])


def _fields(pid):
    # The name in parentheses may hold spaces, so the fields are counted from behind it.
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _stat(pid):
    fields = _fields(pid)
    return fields[0], fields[19]


def _reap(pid):
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass
