"""A file and a member of an archive give the same bytes for the same range, and refuse in the same way."""
from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtl.io.dicom.limits import Refusal
from medtl.io.dicom.sources import FileSource, ZipSource
from medtl.io.reasons import Reason

CONTENT = bytes(range(256)) * 5


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> tuple[FileSource, ZipSource]:
    folder = tmp_path_factory.mktemp("sources")
    (folder / "plain").write_bytes(CONTENT)
    with zipfile.ZipFile(folder / "packed.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("other", b"x" * 10)
        archive.writestr("sub/plain", CONTENT)
    packed = ZipSource(folder / "packed.zip" / "sub/plain", folder / "packed.zip", 1, len(CONTENT))
    return FileSource(folder / "plain"), packed


@settings(max_examples=40, deadline=None)
@given(offset=st.integers(0, len(CONTENT) + 20), count=st.integers(0, len(CONTENT) + 20))
def test_every_range_is_what_was_written(sources: tuple[FileSource, ZipSource], offset: int, count: int) -> None:
    for source in sources:
        target = bytearray(b"\xee" * count)
        got = source.read_into(offset, memoryview(target))
        assert bytes(target[:got]) == CONTENT[offset:offset + count]
        assert set(target[got:]) <= {0xEE}
        assert source.head(count) == (CONTENT[:count], len(CONTENT))


def test_a_member_is_inflated_no_further_than_the_archive_states(sources: tuple[FileSource, ZipSource]) -> None:
    packed = sources[1]
    shorter = ZipSource(packed.path, packed.archive, packed.member, 7)
    assert shorter.head(1000) == (CONTENT[:7], 7)


def test_what_cannot_be_read_is_refused_without_its_name(tmp_path: Path) -> None:
    (tmp_path / "secret.zip").write_bytes(b"PK\x03\x04 no archive")
    for source in (FileSource(tmp_path / "secret"), FileSource(tmp_path),
                   ZipSource(tmp_path / "secret.zip" / "a", tmp_path / "secret.zip", 0, 5)):
        with pytest.raises(Refusal) as caught:
            source.read_into(0, memoryview(bytearray(4)))
        assert caught.value.reason is Reason.UNREADABLE_FILE
        assert "secret" not in str(caught.value) + repr(source)
