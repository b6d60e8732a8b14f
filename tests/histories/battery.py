"""Runs many random histories, and shrinks those that fail: tools/histories --count 2000 --seed 1.

Each is run twice, once undisturbed and once with a kill at a byte of the Bolt stream (see runner.py). PGWEAVE_BIN names the
program, else build/pgweave; PGWEAVE_SANDBOX_DIR a sandbox that runs already, else one is started and removed.
"""
import argparse
import contextlib
import os
import pathlib
import signal
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests" / "e2e"), str(ROOT / "tests")]

from sandbox import Sandbox  # noqa: E402

from checkpoint_moves import recorded_moves  # noqa: E402
from graph import Graph  # noqa: E402

from histories import case as cases  # noqa: E402
from histories.runner import Failure, Run, Workplace, run_killed  # noqa: E402
from histories.shrink import shrink  # noqa: E402


def main():
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with contextlib.ExitStack() as stack:
        sandbox = _sandbox(stack)
        graph = Graph(sandbox)
        stack.callback(graph.close)
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pgweave-histories-")))
        workplace = Workplace(sandbox, graph, folder)
        stack.callback(workplace.close)
        stack.enter_context(recorded_moves(graph))
        return Battery(workplace, options).run()


def _options():
    parser = argparse.ArgumentParser(prog="tools/histories", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000, help="how many histories (2000)")
    parser.add_argument("--seed", type=int, default=1, help="the first one's seed; each next one's is one more (1)")
    parser.add_argument("--file", type=pathlib.Path, help="run this saved case instead")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build" / "histories", help="where failing cases go")
    parser.add_argument("--shrink-runs", type=int, default=150, help="how many runs may be spent on shrinking one (150)")
    parser.add_argument("--stop-after", type=int, default=10, help="give up after so many failures (10)")
    parser.add_argument("--no-kill", action="store_true", help="without the second run")
    parser.add_argument("-v", "--verbose", action="store_true", help="print what is run")
    return parser.parse_args()


def _sandbox(stack):
    given = os.environ.get("PGWEAVE_SANDBOX_DIR")
    if given:
        return Sandbox(given).start()
    return stack.enter_context(Sandbox(tempfile.mkdtemp(prefix="pgweave-histories-"), fsync=False))


class Battery:
    def __init__(self, workplace, options):
        self.workplace, self.options = workplace, options
        self.failed, self.done = [], 0
        self.began = time.monotonic()

    def run(self):
        for case in self._cases():
            self._one(case)
            if len(self.failed) == self.options.stop_after:
                print(f"given up after {len(self.failed)} failures")
                break
        return self._summary()

    def _cases(self):
        if self.options.file:
            yield cases.load(self.options.file)
            return
        for seed in range(self.options.seed, self.options.seed + self.options.count):
            yield cases.random_case(seed)

    def _one(self, case):
        self.done += 1
        failure, killed = self._failure(case, with_kill=not self.options.no_kill)
        if failure is None:
            if self.done % 10 == 0:
                print(f"{self.done} histories, {len(self.failed)} failed, {self._minutes()}", flush=True)
            return
        self.failed.append(case["seed"])
        when = "when it is killed" if killed else "undisturbed"
        # one that does not fail again cannot be shrunk: what it showed must not be lost
        print(f"seed {case['seed']} fails {when}: {failure}\nshrinking", flush=True)
        small = shrink(case, lambda smaller: self._fails_so(smaller, failure.kind, killed), self.options.shrink_runs)
        again, _ = self._failure(small, with_kill=killed)
        self._report(small, again or failure)

    def _failure(self, case, with_kill):
        """(the failure or None, whether it came in the second run)"""
        killed = False
        try:
            run = Run(self.workplace, case)
            sent = run.run()
            self._print_script(run)
            if with_kill:
                killed = True
                run_killed(self.workplace, case, sent)
        except Failure as failure:
            return failure, killed
        return None, killed

    def _fails_so(self, case, kind, killed):
        failure, in_second = self._failure(case, with_kill=killed)
        return failure is not None and failure.kind == kind and in_second == killed

    def _report(self, case, failure):
        self.options.out.mkdir(parents=True, exist_ok=True)
        path = self.options.out / f"{case['seed']}.json"
        reading = cases.save(case, path, str(failure), failure.script)
        print(f"{failure}\nsaved as {path}: run it again with tools/histories --file; to read: {reading}", flush=True)

    def _print_script(self, run):
        if self.options.verbose:
            print("\n".join(run.script))

    def _minutes(self):
        return f"{(time.monotonic() - self.began) / 60:.1f} min"

    def _summary(self):
        counted = ", ".join(f"{count} {what}" for what, count in sorted(self.workplace.counts.items()))
        print(f"counted: {counted}")
        failed = f"FAILED: {len(self.failed)} (seeds {', '.join(map(str, self.failed))})" if self.failed else "none failed"
        print(f"{self.done} histories in {self._minutes()}: {failed}")
        return 1 if self.failed else 0


if __name__ == "__main__":
    sys.exit(main())
