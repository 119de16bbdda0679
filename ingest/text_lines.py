"""Open files of text, plain or gzip, and hand out their physical lines in bounded memory."""

import codecs
import gzip
import io
import re
import zipfile
import zlib
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, cast

GZIP_MAGIC = b"\x1f\x8b"
MAX_LINE = 16 * 1024 * 1024  # characters; a longer line is one bad row, so that no file can take all memory
BLOCK_BYTES = 4 * 1024 * 1024
_UNDECODABLE = re.compile("[\ud800-\udfff]")


class UnreadableFileError(Exception):
    """A file that breaks off or is not what its name says. Nothing of the import is kept."""


class LineTooLongError(Exception):
    """A physical line above `MAX_LINE`; the rest of it has been skipped."""


def _mark_undecodable(error: UnicodeError) -> tuple[str, int]:
    """Stand each undecodable byte in as the lone surrogate U+DC00 + byte, which no valid text decodes to."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(chr(0xDC00 + byte) for byte in wrong), error.end


codecs.register_error("mark_undecodable", _mark_undecodable)


def is_undecodable(text: str) -> bool:
    """Whether text holds marks of undecodable bytes, or half a surrogate pair from a JSON escape."""
    return not text.isascii() and _UNDECODABLE.search(text) is not None


def readable(text: str) -> str:
    r"""Show undecodable bytes as \xNN, so that the text can be stored."""
    return _UNDECODABLE.sub(lambda match: _escaped(ord(match[0])), text) if is_undecodable(text) else text


def _escaped(code: int) -> str:
    return f"\\x{code - 0xDC00:02x}" if 0xDC00 <= code <= 0xDCFF else f"\\u{code:04x}"


@contextmanager
def reading(label: str) -> Generator[None]:
    """Name the file in the errors of whatever reads it.

    Raises:
        UnreadableFileError: In place of the reader's own error.
    """
    try:
        yield
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise UnreadableFileError(f"{label}: cannot be read to its end ({error}). Nothing was imported.") from error


@contextmanager
def open_bytes(path: Path) -> Generator[BinaryIO]:
    """Open a file, through gzip when its first bytes say so."""
    with path.open("rb") as raw, unpacked(raw) as content:
        yield content


@contextmanager
def unpacked(raw: IO[bytes]) -> Generator[BinaryIO]:
    """The content of an open file that can be looked ahead in: through gzip when its first bytes say so."""
    if cast("io.BufferedReader", raw).peek(2)[:2] == GZIP_MAGIC:
        with gzip.GzipFile(fileobj=raw) as content:
            yield cast("BinaryIO", content)
    else:
        yield cast("BinaryIO", raw)


class TextLines:
    """The physical lines of a file, block by block and one record at a time.

    Iteration ends where a block ends together with a record; `read_block` and `open_block`, or `refill`, go on from
    there. `record` holds the lines handed out since `next_record`; `line` is the 1-based number of the first of them.
    A record that proves broken can be put back but for its first line, so that one stray quote costs one line.
    """

    def __init__(self, binary: BinaryIO, encoding: str) -> None:
        start = binary.read(3) if encoding == "utf-8" else b""
        self.had_byte_order_mark = start == codecs.BOM_UTF8
        self._start = b"" if self.had_byte_order_mark else start
        self._binary = binary
        self._decoder = codecs.getincrementaldecoder(encoding)("mark_undecodable")
        self._text = io.StringIO()
        self._returned: deque[str] = deque()
        self.record: list[str] = []
        self.line = 1

    def read_block(self) -> bytes | None:
        """The next whole lines, about `BLOCK_BYTES` of them, or None at the end of the file."""
        block = self._start + self._binary.read(BLOCK_BYTES)
        self._start = b""
        if block and not block.endswith(b"\n"):
            block += self._binary.readline(MAX_LINE)
        return block or None

    def open_block(self, block: bytes, *, final: bool = False) -> bool:
        """Decode a block for iteration. Returns whether there is any text in it."""
        text = self._decoder.decode(block, final)
        self._text = io.StringIO(text, newline="\n")
        return bool(text)

    def refill(self) -> bool:
        """Read and open the next block. Returns whether there is any text left."""
        while (block := self.read_block()) is not None:
            if self.open_block(block):
                return True
        return self.open_block(b"", final=True)

    def __iter__(self) -> Iterator[str]:
        returned, record = self._returned, self.record
        while True:
            line = returned.popleft() if returned else self._text.readline(MAX_LINE)
            if not line.endswith("\n"):
                if not line and not record:
                    return
                line = self._finish(line)
                if not line:
                    return
            record.append(line)
            yield line

    def _finish(self, line: str) -> str:
        """The whole of a line that goes on in the next block; at the end of the file, what there is of it."""
        while not line.endswith("\n"):
            if len(line) >= MAX_LINE:
                self.record.append(line)
                self._skip_line()
                raise LineTooLongError
            more = self._text.readline(MAX_LINE - len(line))
            if not more and not self.refill():
                break
            line += more
        return line

    def _skip_line(self) -> None:
        while not (rest := self._text.readline(MAX_LINE)).endswith("\n"):
            if not rest and not self.refill():
                return

    def text(self) -> str:
        """The record as it stands in the file, without the end of its last line."""
        raw = self.record[0] if len(self.record) == 1 else "".join(self.record)
        return raw.rstrip("\r\n")

    def next_record(self) -> None:
        """Start a new record after the lines handed out."""
        self.line += len(self.record)
        self.record.clear()

    def skip(self, lines: int) -> None:
        """Count lines of a block that was read without being opened."""
        self.line += lines

    def put_back_all_but_first(self) -> str:
        """Start a new record at the second line handed out, and return the first."""
        first = self.record[0]
        self._returned.extendleft(reversed(self.record[1:]))
        self.line += 1
        self.record.clear()
        return first.rstrip("\r\n")
