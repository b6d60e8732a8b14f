"""Runs many random histories, and shrinks those that fail: tools/histories --count 2000 --seed 1.

Each is run twice, once undisturbed and once with a kill at a byte of the Bolt stream (see runner.py). PGWEAVE_BIN names the
program, else build/pgweave; PGWEAVE_SANDBOX_DIR a sandbox that runs already, else one is started and removed; with --jobs so
many of them side by side. The last line says how many were run and failed; the exit status is 1 if any did.
"""
import argparse
import collections
import contextlib
import multiprocessing
import os
import pathlib
import queue
import signal
import sys
import tempfile
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests" / "e2e"), str(ROOT / "tests")]

from sandbox import Sandbox, SandboxError  # noqa: E402

from checkpoint_moves import recorded_moves  # noqa: E402
from graph import Graph  # noqa: E402

from histories import case as cases  # noqa: E402
from histories.runner import Failure, Run, Workplace, run_killed  # noqa: E402
from histories.shrink import shrink  # noqa: E402

# Another process may take a port before the server that it was chosen for.
SANDBOX_TRIALS = 5


def main():
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    return (_alone if options.jobs == 1 else _side_by_side)(options)


def _options():
    parser = argparse.ArgumentParser(prog="tools/histories", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000, help="how many histories (2000)")
    parser.add_argument("--seed", type=int, default=1, help="the first one's seed; each next one's is one more (1)")
    parser.add_argument("--jobs", type=int, default=1, help="how many run side by side, each with servers of its own (1)")
    parser.add_argument("--file", type=pathlib.Path, help="run this saved case instead")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build" / "histories", help="where failing cases go")
    parser.add_argument("--shrink-runs", type=int, default=150, help="how many runs may be spent on shrinking one (150)")
    parser.add_argument("--stop-after", type=int, default=10, help="give up after so many failures (10)")
    parser.add_argument("--no-kill", action="store_true", help="without the second run")
    parser.add_argument("-v", "--verbose", action="store_true", help="print what is run")
    options = parser.parse_args()
    if options.jobs < 1:
        parser.error("--jobs takes a number from 1 on")
    if options.jobs > 1 and "PGWEAVE_SANDBOX_DIR" in os.environ:
        parser.error("PGWEAVE_SANDBOX_DIR names one sandbox, --jobs needs several: unset it")
    return options


@contextlib.contextmanager
def _workplace():
    with contextlib.ExitStack() as stack:
        sandbox = _sandbox(stack)
        graph = Graph(sandbox)
        stack.callback(graph.close)
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pgweave-histories-")))
        workplace = Workplace(sandbox, graph, folder)
        stack.callback(workplace.close)
        stack.enter_context(recorded_moves(graph))
        yield workplace


def _sandbox(stack):
    given = os.environ.get("PGWEAVE_SANDBOX_DIR")
    if given:
        return Sandbox(given).start()
    for trial in range(1, SANDBOX_TRIALS + 1):
        sandbox = Sandbox(tempfile.mkdtemp(prefix="pgweave-histories-"), fsync=False)
        with contextlib.ExitStack() as made:
            made.callback(sandbox.destroy)
            try:
                sandbox.start()
            except SandboxError as error:
                if trial == SANDBOX_TRIALS:
                    raise
                print(f"the sandbox is made again: {error}", file=sys.stderr, flush=True)
                continue
            stack.push(made.pop_all())
            return sandbox
    raise AssertionError("not reached")


def _cases(options):
    """Makers of cases: a case is made where it runs."""
    if options.file:
        return [lambda: cases.load(options.file)]
    return [lambda seed=seed: cases.random_case(seed) for seed in range(options.seed, options.seed + options.count)]


# One after the other, or side by side

def _alone(options):
    score = Score(options)
    with _workplace() as workplace:
        worker = Worker(workplace, options, score.take)
        for make_case in _cases(options):
            worker.run(make_case())
            if score.is_enough:
                break
        score.counts = workplace.counts
    return score.summary()


def _side_by_side(options):
    """Each worker is a process that takes the next cases, of one schema, when it is done with some, and tells what came of each."""
    context = multiprocessing.get_context("fork")
    numbers, told, enough = context.Value("q", 0), context.Queue(), context.Event()
    workers = [context.Process(target=_work, args=(options, numbers, told, enough)) for _ in range(options.jobs)]
    score = Score(options)
    try:
        for worker in workers:
            worker.start()
        _listen(workers, told, score, enough)
    finally:
        enough.set()
        for worker in workers:
            worker.join()
    score.broken = sum(worker.exitcode != 0 for worker in workers)
    return score.summary()


def _listen(workers, told, score, enough):
    while True:
        alive = any(worker.is_alive() for worker in workers)
        try:
            kind, *what = told.get(timeout=0.5)
        except queue.Empty:
            if not alive:
                return
            continue
        if kind == "counts":
            score.counts += what[0]
        else:
            score.take(*what)
        if score.is_enough:
            enough.set()


def _work(options, numbers, told, enough):
    # The one that started it is told to end, and `enough` says so when a case is over: then the servers go too. (To ignore the
    # signals would be inherited by the programs that are started.)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: None)
    makers = _cases(options)
    with _workplace() as workplace:
        worker = Worker(workplace, options, lambda *what: told.put(("result", *what)), enough.is_set)
        while not enough.is_set():
            with numbers.get_lock():
                first, numbers.value = numbers.value, numbers.value + cases.HISTORIES_PER_SCHEMA
            if first >= len(makers):
                break
            for make_case in makers[first:first + cases.HISTORIES_PER_SCHEMA]:
                if not enough.is_set():
                    worker.run(make_case())
        told.put(("counts", workplace.counts))


class Score:
    """What came of all of them. `broken` are workers that ended with an error of their own."""

    def __init__(self, options):
        self.options = options
        self.failed, self.done, self.broken = [], 0, 0
        self.counts = collections.Counter()
        self.began = time.monotonic()

    def take(self, text, seed=None, failed=False):
        """Text to print; with a seed, the result of that history."""
        if text:
            print(text, flush=True)
        if seed is None:
            return
        self.done += 1
        if failed:
            self.failed.append(seed)
        if self.done % 10 == 0:
            print(f"{self.done} histories, {len(self.failed)} failed, {self._minutes()}", flush=True)
        if len(self.failed) == self.options.stop_after and failed:
            print(f"given up after {len(self.failed)} failures", flush=True)

    @property
    def is_enough(self):
        return len(self.failed) >= self.options.stop_after

    def _minutes(self):
        return f"{(time.monotonic() - self.began) / 60:.1f} min"

    def summary(self):
        counted = ", ".join(f"{count} {what}" for what, count in sorted(self.counts.items()))
        print(f"counted: {counted}")
        seeds = ", ".join(str(seed) for seed in sorted(self.failed))
        failed = f"FAILED: {len(self.failed)} (seeds {seeds})" if self.failed else "none failed"
        broken = f"; {self.broken} WORKERS BROKE" if self.broken else ""
        print(f"{self.done} histories in {self._minutes()}: {failed}{broken}", flush=True)
        return 1 if self.failed or self.broken or not self.done else 0


class Worker:
    """Runs cases in one workplace. `tell(text, seed, failed)` gets text to print and, at the end of each case, its result;
    when is_enough() is true, nothing more is shrunk."""

    def __init__(self, workplace, options, tell, is_enough=lambda: False):
        self.workplace, self.options, self.tell, self.is_enough = workplace, options, tell, is_enough

    def run(self, case):
        seed = case["seed"]
        failure, killed = self._failure(case, with_kill=not self.options.no_kill)
        if failure is None:
            self.tell(None, seed, False)
            return
        when = "when it is killed" if killed else "undisturbed"
        # one that does not fail again cannot be shrunk: what it showed must not be lost
        self.tell(f"seed {seed} fails {when}: {failure}\nshrinking")
        small = shrink(case, lambda smaller: self._fails_so(smaller, failure.kind, killed), self.options.shrink_runs)
        again, _ = self._failure(small, with_kill=killed)
        self.tell(self._report(small, again or failure), seed, True)

    def _failure(self, case, with_kill):
        """(the failure or None, whether it came in the second run)"""
        killed = False
        try:
            run = Run(self.workplace, case)
            sent = run.run()
            if self.options.verbose:
                self.tell("\n".join(run.script))
            if with_kill:
                killed = True
                run_killed(self.workplace, case, sent)
        except Failure as failure:
            return failure, killed
        except Exception:
            # The next one finds the servers as a new sandbox has them, or fails too.
            self.workplace.sandbox.start()
            return Failure("error", traceback.format_exc()), killed
        return None, killed

    def _fails_so(self, case, kind, killed):
        if self.is_enough():
            return False
        failure, in_second = self._failure(case, with_kill=killed)
        return failure is not None and failure.kind == kind and in_second == killed

    def _report(self, case, failure):
        self.options.out.mkdir(parents=True, exist_ok=True)
        path = self.options.out / f"{case['seed']}.json"
        reading = cases.save(case, path, str(failure), failure.script)
        return f"seed {case['seed']}: {failure}\nsaved as {path}: run it again with tools/histories --file; to read: {reading}"


if __name__ == "__main__":
    sys.exit(main())
