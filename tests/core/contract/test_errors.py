"""Does an error arrive on the other side as the error that it was?"""

from __future__ import annotations

import pytest

from understudy.core import contract
from understudy.core.contract import Failure, UnderstudyError, decode_frame, encode_frame

KINDS = [
    "BadRequest", "Cancelled", "ContractError", "OutOfMemory", "UnderstudyError", "VersionMismatch", "WeightsError", "WorkerDied", "WorkerHung",
]  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_every_error_crosses_the_pipe_by_its_name(name: str) -> None:
    failure = decode_frame(encode_frame(Failure(3, name, "It is too long.")))
    assert isinstance(failure, Failure)
    error = failure.raised()
    assert type(error) is getattr(contract, name) and str(error) == "It is too long."


def test_no_error_is_left_out_of_the_list() -> None:
    assert sorted(KINDS) == sorted(
        name for name in contract.__all__ if isinstance(value := getattr(contract, name), type) and issubclass(value, Exception)
    )


@pytest.mark.parametrize("name", ["", "ValueError", "SystemExit", "Exception", "__class__", "os.system"])
def test_an_unknown_name_becomes_the_root_of_all(name: str) -> None:
    assert type(Failure(1, name, "text").raised()) is UnderstudyError
