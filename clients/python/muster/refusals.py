"""An exception for each code of the API's errors.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from muster.errors import ApiError


class AlreadyEnrolledError(ApiError):
    """The person is enrolled in the session already.

    Leave the person out.
    """

    waiting: int | None
    available_spots: int | None
    requested: int | None


class AttendanceRefusedError(ApiError):
    """Attendance was to be recorded for all rows or none (`atomic`), and some cannot be. `results` says of each row in
    the order of the request whether it was refused, and why.

    Correct or leave out the refused rows, or record without `atomic`.
    """

    results: list[dict[str, Any]] | None


class BadRequestError(ApiError):
    """The request is malformed: its syntax, its target, its `Host`, or a body that ends before its declared length.

    Check code that builds requests by hand, and proxies that change them. Do not repeat the request as it is.
    """


class BookingClashError(ApiError):
    """The person is enrolled in another session at that time, and the organisation refuses that.

    Choose another session, or cancel the other enrollment.
    """

    waiting: int | None
    available_spots: int | None
    requested: int | None


class CapacityBelowEnrolledError(ApiError):
    """The new capacity of the session is below the number of seats taken.

    Choose a capacity that is not less, or cancel or transfer enrollments first.
    """


class ConflictError(ApiError):
    """The state of the record forbids the change, or somebody else changed it at the same time; `message` says which.

    Read the record again, and decide by its state. After a concurrent change the same request can succeed.
    """


class CredentialsInvalidError(ApiError):
    """The email address is unknown, the password is wrong, or the user may not sign in. The response does not say
    which.

    Check both. A user who was just invited sets a password first; a disabled one is enabled by an Admin.
    """


class CursorExpiredError(ApiError):
    """Events that follow the cursor are older than 30 days and were dropped, or the feed was restored from a backup
    that is older than the cursor. Events may have been missed.

    Read the lists that you copy anew, and follow the feed from there: ask without `after`.
    """


class EmailTakenError(ApiError):
    """Another user of the installation has this email address, in whatever case and in whatever organisation.

    Use another address, or change the user who has it.
    """


class EmployeeIdTakenError(ApiError):
    """Another person of the organisation has this `employee_id`. `person` is their id.

    Use another `employee_id`, or change the person who has it. If both are the same person, merge them.
    """

    person: int | None


class EnrollmentNotOpenError(ApiError):
    """People cannot enroll themselves in the session: enrollment has not opened yet, or has closed.

    Wait until it opens, or ask who may enroll others.
    """


class ExternalIdTakenError(ApiError):
    """Another course, or another session, of the organisation has this `external_id`. `holder` is its id.

    Use another `external_id`, or change the one that has it.
    """

    holder: int | None


class HeadersTooLargeError(ApiError):
    """A header has more than 8,190 bytes, the head more than 32 KiB, or there are more than 64 headers. The connection
    is closed.

    Send fewer or shorter headers, cookies above all.
    """


class IdempotencyInFlightError(ApiError):
    """The first request with this `Idempotency-Key` is still running.

    Wait a moment, and send the request again with the same key.
    """


class IdempotencyKeyReusedError(ApiError):
    """The `Idempotency-Key` was used before, with another body.

    Use a new key for each new request. Repeat a key only with the same body.
    """


class InternalError(ApiError):
    """A defect. Nothing of the inside is shown; the request id identifies it in the log.

    Report it with its X-Request-Id. Repeat the request only if that is safe.
    """


class InvalidClientError(ApiError):
    """There are no credentials of the client, or malformed ones; the client is unknown or the secret wrong; or the
    client is expired, revoked or of a suspended organisation.

    Check the client id and the secret; `error_description` says when the client itself can no longer be used.
    """


class InvalidGrantError(ApiError):
    """The refresh token is unknown, used, expired or ended.

    Sign in again. Of two programs that share a refresh token only the first gets a new one.
    """


class InvalidRequestError(ApiError):
    """The form is missing, malformed, not UTF-8 or of another content type; a parameter is missing, given twice, has
    control characters or is in the address; or the client authenticates in more than one way.

    Send the parameters once each, as `application/x-www-form-urlencoded` in the body.
    """


class InvalidScopeError(ApiError):
    """A permission in `scope` does not exist, or the client does not have it.

    Ask for permissions that the client has, or leave `scope` out to get all of them.
    """


class InvitationExpiredError(ApiError):
    """The link of the invitation is older than seven days.

    Ask an Admin for a new invitation.
    """


class InvitationReplacedError(ApiError):
    """A newer link was created for the user.

    Use the newer link.
    """


class InvitationUsedError(ApiError):
    """The link of the invitation was used before.

    Sign in with the password that was set then, or ask an Admin for a new invitation.
    """


class LastAdminError(ApiError):
    """The organisation would be left without an active Admin.

    Give the role Admin to somebody else first.
    """


class MalformedJsonError(ApiError):
    """The body is not JSON or not UTF-8, repeats a key in an object, nests too deeply, or has a number of too many
    digits.

    Send the body as a JSON library writes it: one object, in UTF-8, each key once.
    """


class NoPasswordError(ApiError):
    """The caller does not sign in with a password here: a client, or a user of an outside identity provider.

    Change the password at the identity provider.
    """


class NotCertifiedError(ApiError):
    """There is nothing to certify: the enrollment is not completed, or was not passed, or the record is not accepted.

    Ask again once it is completed, or accepted.
    """


class NotFoundError(ApiError):
    """There is no such route, or the organisation has no such row. What the caller may not see looks the same.

    Check the address and the id. A row may have been deleted.
    """

    merged_into: int | None


class OrganisationExistsError(ApiError):
    """There is an organisation with this id.

    Choose another id, leave the id out, or change the organisation that is there.
    """


class OwnOrganisationError(ApiError):
    """A program would suspend the organisation that its own token belongs to.

    Use a client of another organisation.
    """


class OwnRecordError(ApiError):
    """The record was submitted by the caller, or is about them, and so is not theirs to accept.

    Let somebody else accept it.
    """


class PayloadTooLargeError(ApiError):
    """The body has more than 1 MiB or more than 10,000 JSON values; for login and `/oauth/token` more than 8 KiB or
    100 values; the file of an import more than 64 MiB, as it is sent or unpacked.

    Send the data in several requests.
    """


class PermissionDeniedError(ApiError):
    """The token is valid, and lacks the permission that `message` names.

    Use a token with that permission. Whoever manages users and clients can grant it.
    """


class PersonErasedError(ApiError):
    """The person was erased: nothing more is written about them, and nobody else gets their id.

    Give a person who comes back a new id.
    """


class PreconditionFailedError(ApiError):
    """`If-Match` or `If-None-Match` does not hold: the record was changed since it was read.

    Read the record again, apply the change to what it is now, and send its new `ETag`.
    """


class PreconditionRequiredError(ApiError):
    """The change cannot be undone, and the request has no `If-Match`.

    Read the record, and send its `ETag` in `If-Match`.
    """


class PrerequisiteMissingError(ApiError):
    """The person has not completed a prerequisite of the course; `errors` names the courses.

    Enroll the person in the missing courses first.
    """

    waiting: int | None
    available_spots: int | None
    requested: int | None


class RateLimitedError(ApiError):
    """There were too many requests of the user, or too many of the address without a valid token; or too many wrong
    passwords or secrets.

    Wait as many seconds as `Retry-After` says, and spread requests by the `RateLimit` headers.
    """


class RecordsMustBeKeptError(ApiError):
    """Records of the person have to be kept: the installation says for how many years after their last validity.

    Erase the person after `possible_from`.
    """

    possible_from: dt.datetime | None


class RequestTimeoutError(ApiError):
    """The body did not arrive within 10 seconds, or paused for 30 where it may take long. The connection is closed.

    Send the request again over a new connection.
    """


class SessionClosedError(ApiError):
    """The session is completed or cancelled.

    Choose another session.
    """


class SessionFullError(ApiError):
    """The session has `available_spots` free seats, and `requested` were asked for.

    Ask for fewer, enroll with `waitlist` or `partial`, choose another session, or raise the capacity.
    """

    available_spots: int | None
    requested: int | None


class SessionOfOtherCourseError(ApiError):
    """An enrollment would be transferred to a session of another course.

    Transfer it to a session of the same course, or enroll the person in the other one.
    """


class TokenExpiredError(ApiError):
    """The token has expired.

    Get a new token: with the refresh token, by logging in again, or from `/oauth/token`.
    """


class TokenInvalidError(ApiError):
    """The token is malformed, wrongly signed, from another issuer or for another audience, not valid yet, or revoked;
    or there is more than one `Authorization` header.

    Get a new token: log in again, or ask `/oauth/token`.
    """


class TokenMissingError(ApiError):
    """There is no bearer token.

    Send `Authorization: Bearer <token>`, with a token from login or from `/oauth/token`.
    """


class TooManyCalendarsError(ApiError):
    """The person, the facilitator or the location has as many active calendar addresses as there may be.

    Revoke addresses that nobody uses any more.
    """

    maximum: int | None


class TooManyImportsError(ApiError):
    """An organisation can have ten unfinished imports of people and completions, and ten of courses and sessions.

    Wait until one ends, or cancel one.
    """


class TooManyRequirementsError(ApiError):
    """The organisation has as many requirements as it can have.

    Delete one that is not needed. One requirement can apply to several projects and companies.
    """

    maximum: int | None


class TooManyStreamsError(ApiError):
    """The user has as many streams and waiting requests open as one user may have.

    Close one, or wait until one ends. One connection can follow many things at once.
    """


class TooManyWebhooksError(ApiError):
    """An organisation can have 50 webhooks.

    Delete one that is not needed. One webhook can get events of several types.
    """


class TrainingUnderWayError(ApiError):
    """The person has open enrollments in sessions that have begun, and so cannot be erased.

    Complete, fail or cancel them, or mark the person as absent, and erase the person then.
    """

    enrollments: int | None


class UnsupportedGrantTypeError(ApiError):
    """There is no such grant here.

    Use `client_credentials` for a client, or `refresh_token` for somebody who signed in with a password.
    """


class UnsupportedMediaTypeError(ApiError):
    """The body is not JSON in UTF-8, or is compressed. `/oauth/token` takes a form instead, and an import a file of a
    type that `message` names.

    Send `Content-Type: application/json`, and no `Content-Encoding`.
    """


class UpstreamFailedError(ApiError):
    """The service behind the gateway did not complete its response. What it had begun may be done.

    Repeat a read. Repeat a change with the same `Idempotency-Key`, or read first what became of it.
    """


class UpstreamTimeoutError(ApiError):
    """The service took too long.

    Repeat a read. Repeat a change with the same `Idempotency-Key`, or read first what became of it.
    """


class UpstreamUnavailableError(ApiError):
    """A service, its database or the identity provider is unavailable, or overloaded, for everybody or for this
    organisation.

    Repeat the request after as many seconds as `Retry-After` says, a change with its `Idempotency-Key`.
    """


class UriTooLongError(ApiError):
    """The request target has more than 8,190 bytes. The connection is closed.

    Shorten the query.
    """


class ValidationFailedError(ApiError):
    """Values are wrong. `errors` names each field with its reasons; an item of a list is dotted (`employee_ids.1`),
    and `body` is the input as a whole.

    Correct the named fields. The same request is refused again.
    """

    waiting: int | None
    available_spots: int | None
    requested: int | None


class WaitlistAheadError(ApiError):
    """A seat is free, but `waiting` others wait for it.

    Enroll with `waitlist`, or promote those who wait first.
    """

    waiting: int | None


class WebhookDisabledError(ApiError):
    """Nothing is sent to a webhook that is disabled.

    Enable it with `POST …/enable`, and send the request again.
    """


BY_CODE: Final[Mapping[str, type[ApiError]]] = {
    "already_enrolled": AlreadyEnrolledError,
    "attendance_refused": AttendanceRefusedError,
    "bad_request": BadRequestError,
    "booking_clash": BookingClashError,
    "capacity_below_enrolled": CapacityBelowEnrolledError,
    "conflict": ConflictError,
    "credentials_invalid": CredentialsInvalidError,
    "cursor_expired": CursorExpiredError,
    "email_taken": EmailTakenError,
    "employee_id_taken": EmployeeIdTakenError,
    "enrollment_not_open": EnrollmentNotOpenError,
    "external_id_taken": ExternalIdTakenError,
    "headers_too_large": HeadersTooLargeError,
    "idempotency_in_flight": IdempotencyInFlightError,
    "idempotency_key_reused": IdempotencyKeyReusedError,
    "internal_error": InternalError,
    "invalid_client": InvalidClientError,
    "invalid_grant": InvalidGrantError,
    "invalid_request": InvalidRequestError,
    "invalid_scope": InvalidScopeError,
    "invitation_expired": InvitationExpiredError,
    "invitation_replaced": InvitationReplacedError,
    "invitation_used": InvitationUsedError,
    "last_admin": LastAdminError,
    "malformed_json": MalformedJsonError,
    "no_password": NoPasswordError,
    "not_certified": NotCertifiedError,
    "not_found": NotFoundError,
    "organisation_exists": OrganisationExistsError,
    "own_organisation": OwnOrganisationError,
    "own_record": OwnRecordError,
    "payload_too_large": PayloadTooLargeError,
    "permission_denied": PermissionDeniedError,
    "person_erased": PersonErasedError,
    "precondition_failed": PreconditionFailedError,
    "precondition_required": PreconditionRequiredError,
    "prerequisite_missing": PrerequisiteMissingError,
    "rate_limited": RateLimitedError,
    "records_must_be_kept": RecordsMustBeKeptError,
    "request_timeout": RequestTimeoutError,
    "session_closed": SessionClosedError,
    "session_full": SessionFullError,
    "session_of_other_course": SessionOfOtherCourseError,
    "token_expired": TokenExpiredError,
    "token_invalid": TokenInvalidError,
    "token_missing": TokenMissingError,
    "too_many_calendars": TooManyCalendarsError,
    "too_many_imports": TooManyImportsError,
    "too_many_requirements": TooManyRequirementsError,
    "too_many_streams": TooManyStreamsError,
    "too_many_webhooks": TooManyWebhooksError,
    "training_under_way": TrainingUnderWayError,
    "unsupported_grant_type": UnsupportedGrantTypeError,
    "unsupported_media_type": UnsupportedMediaTypeError,
    "upstream_failed": UpstreamFailedError,
    "upstream_timeout": UpstreamTimeoutError,
    "upstream_unavailable": UpstreamUnavailableError,
    "uri_too_long": UriTooLongError,
    "validation_failed": ValidationFailedError,
    "waitlist_ahead": WaitlistAheadError,
    "webhook_disabled": WebhookDisabledError,
}
