"""A writer in the background, as steady as PostgreSQL lets it be."""
import threading
import time

from waiting import wait_until


class Load:
    """Runs one statement again and again, {n} in it being its number, and outlives a PostgreSQL that is killed."""

    def __init__(self, database, statement, pause_s=0.0):
        self.database, self.statement, self.pause_s = database, statement, pause_s
        self.done = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._stop.set()
        self._thread.join()

    def wait_for_more(self, count):
        target = self.done + count
        wait_until(lambda: self.done >= target, what=f"{count} more transactions")

    def _run(self):
        while not self._stop.is_set():
            try:
                with self.database.connect() as connection:
                    while not self._stop.is_set():
                        connection.execute(self.statement.format(n=self.done))
                        self.done += 1
                        self._stop.wait(self.pause_s)
            except self.database.Unreachable:
                time.sleep(0.1)
