from __future__ import annotations

from bridge.public.progress import Part, in_bytes


def test_a_part_is_a_text_with_its_numbers() -> None:
    part = Part.of("classifying", 32, 360)
    assert part == "classifying: 32 of 360"
    assert (part.stage, part.done, part.total) == ("classifying", 32, 360)


def test_bytes_are_told_in_steps_that_a_person_can_follow() -> None:
    total, said = 3 * 10**8, list[str]()
    written = in_bytes(said.append, "writing")
    for done in range(0, total, 2**20):
        written(done, total)
    assert len(said) == total // 2**24
    assert said[:2] == ["writing: 17 of 300 MB", "writing: 34 of 300 MB"]
    written(3 * 10**9, 4 * 10**9)
    assert said[-1] == "writing: 3.00 of 4.00 GB"


def test_a_small_file_is_written_at_once() -> None:
    said = list[str]()
    written = in_bytes(said.append, "writing")
    written(10**6, 10**6)
    assert said == []
