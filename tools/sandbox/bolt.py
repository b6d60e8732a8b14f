"""A login over Bolt, and nothing more: enough to see that a server is up and that it is ours."""
import socket
import struct

MAGIC = b"\x60\x60\xb0\x17"
HELLO, LOGON, SUCCESS = 0x01, 0x6A, 0x70


def login(port, user, password, timeout_s=5):
    """True when the server on the port takes this password. OSError when nothing answers there."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as connection:
        connection.sendall(MAGIC + struct.pack(">4I", 0x00000105, 0, 0, 0))
        if _receive(connection, 4) != b"\x00\x00\x01\x05":
            return False
        _send(connection, HELLO, {"user_agent": "pgweave-sandbox/1"})
        if _answer(connection) != SUCCESS:
            return False
        _send(connection, LOGON, {"scheme": "basic", "principal": user, "credentials": password})
        return _answer(connection) == SUCCESS


def _send(connection, tag, fields):
    message = bytes([0xB1, tag, 0xA0 + len(fields)])
    for name, value in fields.items():
        message += _string(name) + _string(value)
    connection.sendall(struct.pack(">H", len(message)) + message + b"\x00\x00")


def _string(text):
    encoded = text.encode()
    return bytes([0xD0, len(encoded)]) + encoded


def _answer(connection):
    """The tag of the next message."""
    message = b""
    while True:
        (length,) = struct.unpack(">H", _receive(connection, 2))
        if length == 0 and message:
            return message[1]
        message += _receive(connection, length)


def _receive(connection, count):
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise ConnectionResetError("the server closed the connection")
        data += part
    return data
