"""How engine, nursery and the processes of strategies talk: over sockets, in messages.

The engine pickles, to processes that run its own code. What comes back is JSON of a limited
length: whatever a strategy did to its process, it cannot harm who reads that.
"""

import json
import pickle
import socket
import struct
from collections.abc import Sequence
from typing import Any

# Number of file descriptors that come with the message, and its length.
_HEAD = struct.Struct("!IQ")
MB = 2**20
LONGEST_MB = 64
_PIECE = 2**18


class Closed(Exception):
    """The other side has ended"""


class Garbled(Exception):
    """The other side sent what is no message of ours"""


def send(sock: socket.socket, message: Any, fds: Sequence[int] = ()) -> None:
    """Send any object and open files, pickled"""
    _send(sock, dump(message), fds)


def post(sock: socket.socket, dumped: bytes) -> None:
    """Send what ``dump`` returned as a message"""
    _send(sock, dumped, ())


def receive(sock: socket.socket) -> tuple[Any, list[int]]:
    """Wait for a pickled message; return it with the files that came with it

    :raises Closed: there will be none
    """
    head, fds, _flags, _address = socket.recv_fds(sock, _HEAD.size, 1)
    if head:
        head += _exactly(sock, _HEAD.size - len(head))
    if len(head) < _HEAD.size:
        raise Closed
    _count, length = _HEAD.unpack(head)
    return pickle.loads(_exactly(sock, length)), list(fds)


def dump(message: Any) -> bytes:
    """Return a message pickled: to be posted, or part of one for the last receiver"""
    return pickle.dumps(message, pickle.HIGHEST_PROTOCOL)


def load(data: bytes) -> Any:
    """Return what was given to ``dump``"""
    return pickle.loads(data)


def tell(sock: socket.socket, document: Any) -> None:
    """Send plain data as JSON

    :raises TypeError: it is not plain
    :raises ValueError: it contains itself, or it is too long
    """
    payload = json.dumps(document, default=_plain).encode()
    if len(payload) > LONGEST_MB * MB:
        raise ValueError(
            f"{len(payload) // MB} MiB are more than {LONGEST_MB} MiB, the most that a "
            "strategy may hand over"
        )
    _send(sock, payload, ())


class Reader:
    """Reads what ``tell`` sends, as far as it has come"""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._data = bytearray()

    def read(self) -> dict[str, Any] | None:
        """Return the next message, None when none is there within the socket's timeout

        :raises Closed: there will be none
        :raises Garbled: this is no message
        """
        if (found := self._next()) is not None:
            return found
        try:
            data = self._sock.recv(_PIECE)
        except TimeoutError:
            return None
        except OSError as error:
            raise Closed from error
        if not data:
            raise Closed
        self._data += data
        return self._next()

    def _next(self) -> dict[str, Any] | None:
        if len(self._data) < _HEAD.size:
            return None
        count, length = _HEAD.unpack_from(self._data)
        if count or length > LONGEST_MB * MB:
            raise Garbled
        end = _HEAD.size + length
        if len(self._data) < end:
            return None
        try:
            document = json.loads(bytes(self._data[_HEAD.size : end]))
        except (ValueError, RecursionError) as error:
            raise Garbled from error
        del self._data[:end]
        if not isinstance(document, dict):
            raise Garbled
        return document


def _send(sock: socket.socket, payload: bytes, fds: Sequence[int]) -> None:
    head = _HEAD.pack(len(fds), len(payload))
    sent = socket.send_fds(sock, [head], list(fds)) if fds else 0
    sock.sendall(head[sent:])
    sock.sendall(payload)


def _exactly(sock: socket.socket, length: int) -> bytearray:
    data = bytearray(length)
    view, got = memoryview(data), 0
    while got < length:
        count = sock.recv_into(view[got:])
        if not count:
            raise Closed
        got += count
    return data


def _plain(value: Any) -> Any:
    """Return numbers of numpy and the like as plain ones, moments and sets as JSON has them"""
    if hasattr(value, "item") and not getattr(value, "shape", None):
        return value.item()
    if isinstance(value, set | frozenset):
        return sorted(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no plain data")
