"""What a subscriber must know: the beginning of the AsyncAPI document, which the page about events shows."""

from typing import Final

NOTES: Final = """\
Muster publishes an event for every change of a course, a session, a person, an enrollment, a record of training \
done elsewhere, an organisation and its settings, and when a certification is about to end, has ended or was \
revoked, somebody loses or gains clearance, or a credential is issued or revoked. Events are CloudEvents 1.0 in \
structured JSON, on the durable topic exchange `training.events` of RabbitMQ. \
The routing key is the event's type, such as `enrollment.completed`; bind a durable queue of your own with the \
keys that you want: `enrollment.*`, or `#` for all.

## What a subscriber must know

- **State, not steps.** `data` is the whole row after the change. Keep one row for each `organisationid` and \
`subject`, and overwrite it only with a higher `data.version`. Then an event may arrive twice, late or out of \
order without harm.
- **The key is `organisationid`, `subject` and `data.version`.** A version of a row has exactly one event; `id` \
is unique too, stays the same when the event is delivered again, and is AMQP's `message_id`. If you follow \
several installations, `source` distinguishes them.
- **Repeats.** Delivery is at least once: an event is published with the change, in one transaction, marked as \
published only after the broker has confirmed it, and published again after a crash between the two. Messages \
are persistent.
- **Order is not promised**, not even for one row. The version decides what is newer.
- **Certifications count apart.** The subject of `certification.*` is `certifications/<id of the enrollment>`, \
or `certifications/<id of the record>` where `source` is `external`, and its version counts the notices: compare it \
neither with the version of the enrollment or the record nor with its row. The subject of `clearance.*` is \
`clearances/<id of the person>`, and its version counts these events of the person.
- **Acknowledge after your own commit.** If your service dies before that, the broker delivers the message again.
- **Dead letters.** Publish what you cannot read to a queue of your own, with confirms, then acknowledge it; requeued, \
it would come back forever. RabbitMQ may drop what is rejected to a dead-letter exchange, such as soon after a restart.
- **Deletions.** A state with `"removed": true` is that of a row that was deleted. Its later versions, if any, \
belong to somebody who came back.
- **Fields are only added** within `v1`. Ignore those that you do not know, and read events without those that \
were added since: the schemas require only what every release has written. Events of earlier releases have an \
`organisationid` that is a number, `/services/<service>` as `source`, and a `dataschema` that leads nowhere.
- **What happened before** you had a queue is in the lists of the API. Bind the queue first, then read the \
lists, then consume.
"""
