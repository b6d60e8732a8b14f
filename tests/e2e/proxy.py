"""A network between pgweave and a server that waits, or breaks, where a test wants it to."""
import contextlib
import re
import socket
import threading

from waiting import wait_until

CHUNK = 64 * 1024


class Proxy:
    """Forwards connections to a port of loopback.

    A gate holds back what a client sends, from the first message that fits its pattern on. A client whose server has gone
    keeps its own connection, as behind a network that swallows the news, until the proxy closes.
    """

    def __init__(self, server_port):
        self.server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._gates = []
        self._sockets = []
        self._cut = None
        self._meter = threading.Lock()
        self._alarm = None
        # Bytes that clients have sent and that were forwarded.
        self.sent = 0
        self._start(self._accept)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for gate in self._gates:
            gate.drop()
        # accept() in another thread does not notice a close.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.break_all()

    def url(self, url):
        """The server's URL, by way of the proxy."""
        assert f":{self.server_port}" in url
        return url.replace(f":{self.server_port}", f":{self.port}")

    def gate(self, pattern):
        gate = Gate(pattern)
        self._gates.append(gate)
        return gate

    def forget_gates(self):
        self._gates.clear()

    def cut_after(self, count):
        """Breaks all connections when so many more bytes have come from the server."""
        self._cut = count

    @property
    def is_cut(self):
        return self._cut is None

    def call_at(self, sent, action):
        """Forwards exactly `sent` bytes of the clients, calls action() and breaks all connections."""
        self._alarm = (sent, action)

    def break_all(self):
        while self._sockets:
            with contextlib.suppress(OSError):
                self._sockets.pop().shutdown(socket.SHUT_RDWR)

    def _start(self, target, *arguments):
        threading.Thread(target=target, args=arguments, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self.server_port))
            except ConnectionRefusedError:
                client.close()
                continue
            except OSError:
                return
            # Else the second of two small packets waits until the first is acknowledged, which takes the receiver 40 ms.
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets += [client, server]
            self._start(self._to_server, client, server)
            self._start(self._to_client, server, client)

    def _to_server(self, client, server):
        with contextlib.suppress(OSError):
            while data := client.recv(CHUNK):
                if not all(gate.lets_through(data) for gate in list(self._gates)):
                    break
                if not self._forward(data, server):
                    break
            server.shutdown(socket.SHUT_RDWR)

    def _forward(self, data, server):
        with self._meter:
            due = self._alarm is not None and self.sent + len(data) >= self._alarm[0]
            if due:
                data, action, self._alarm = data[:self._alarm[0] - self.sent], self._alarm[1], None
            self.sent += len(data)
        server.sendall(data)
        if due:
            action()
            self.break_all()
        return not due

    def _to_client(self, server, client):
        with contextlib.suppress(OSError):
            while data := server.recv(CHUNK):
                self._count(len(data))
                client.sendall(data)

    def _count(self, size):
        if self._cut is None:
            return
        self._cut -= size
        if self._cut <= 0:
            self._cut = None
            self.break_all()


class Gate:
    def __init__(self, pattern):
        self._pattern = re.compile(pattern, re.DOTALL)
        self._decided = threading.Event()
        self._open = False
        self.waiting = 0

    def lets_through(self, data):
        if not self._decided.is_set() and self._pattern.search(data):
            self.waiting += 1
            self._decided.wait()
            return self._open
        return True

    def wait_until_reached(self):
        wait_until(lambda: self.waiting, timeout_s=120, what=f"{self._pattern.pattern} is sent")

    def open(self):
        """What waits goes on, and nothing waits any more."""
        self._open = True
        self._decided.set()

    def drop(self):
        """What waits never arrives, its connections break, and nothing waits any more."""
        self._decided.set()
