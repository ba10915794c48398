"""One segment's file while it is being written."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from nvr.record.clock.correction import NO_CORRECTIONS, Corrections
from nvr.record.filesystem import append, truncate
from nvr.record.model import Fragment, FragmentEntry, Segment, SegmentRow
from nvr.record.mp4.fmp4 import footer, fragment_header, segment_header
from nvr.record.mp4.samples import AudioSamples, Samples, StoredFragment


class GrowingFile:
    """One segment's file while it is being written. `size`: up to the end of the last whole fragment or footer.
    `committed` fragments and `committed_size` bytes are in the index."""

    def __init__(self, segment: Segment, path: Path, fd: int):
        self.segment, self.path, self.fd = segment, path, fd
        self.header_bytes = self.footer_bytes = self.size = 0
        self.committed = self.committed_size = 0
        self.is_ended = self.is_dirty = False
        self.stored: list[StoredFragment] = []
        self._entries: list[FragmentEntry] = []

    def row(self, corrections: Corrections) -> SegmentRow:
        entries = tuple(self._entries)
        segment = corrections.apply(self.segment)
        return SegmentRow(segment, self.header_bytes, self.footer_bytes, not self.is_ended, entries)

    def append(self, fragment: Fragment) -> None:
        """Raises OSError; then nothing has changed."""
        samples, audio = Samples.of(fragment), AudioSamples.of(fragment.audio)
        header = segment_header(self.segment) if self.size == 0 else b""
        head = fragment_header(fragment, samples, audio)
        sound = fragment.audio.data if fragment.audio else ()
        before, self.size = self.size, append(self.fd, self.size, [header, head, *fragment.data, *sound])
        self.header_bytes = self.header_bytes or len(header)
        stored = StoredFragment(fragment.media_90k, self.size - before - len(header), samples, audio)
        self.stored.append(stored)
        self._entries.append(stored.entry)
        self.is_dirty = True

    def end(self) -> None:
        """Write the footer; where there is no room for it the file is whole without."""
        self.is_ended = True
        if not self.stored:
            return
        self.is_dirty = True
        with suppress(OSError):
            size = append(self.fd, self.size, [footer(self.header_bytes, self.stored)])
            self.footer_bytes, self.size = size - self.size, size

    def cut_to_committed(self) -> list[StoredFragment]:
        """End here without what is not committed, which is the answer."""
        lost = self.stored[self.committed :]
        del self.stored[self.committed :], self._entries[self.committed :]
        self.is_ended = self.is_dirty = True
        self.footer_bytes = 0
        self.size = self.row(NO_CORRECTIONS).footer_offset if self.stored else 0
        truncate(self.fd, self.size)  # where that fails, recovery judges the bytes by their checksums
        return lost
