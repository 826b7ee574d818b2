from __future__ import annotations

from reelkeep.domain import errors
from tests.for_each import for_each


@for_each(
    "error, status",
    [
        (errors.InvalidRequest, 400),
        (errors.PageSizeOutOfRange, 400),
        (errors.Unauthorized, 401),
        (errors.LimitReached, 403),
        (errors.NotFound, 404),
        (errors.NotAllowed, 405),
        (errors.CannotCancel, 409),
        (errors.Conflict, 409),
        (errors.BodyTooLarge, 413),
        (errors.KeyReused, 422),
    ],
)
def test_each_error_of_a_client_has_its_status(error: type[errors.ClientError], status: int) -> None:
    assert error.status == status
