"""People who are erased, as tests make them."""

from typing import Any, Final

from tests.support.client import Answer, Client
from tests.support.external_records import submitted
from tests.support.lifecycle import changed
from tests.support.world import EMPLOYEES, enroll, new_employee

NAME: Final = "Zebulon Quarterstaff"
NUMBER: Final = "ZQ-90210"
WORDS: Final = (NAME, NUMBER, "Zebulon", "Quarterstaff", "zq.example", "Zebra Card", "Zany School")
"""What says who the person is; none of it may be left anywhere."""
REASON: Final = f"{NAME} ({NUMBER}) asked for it"


async def erase(client: Client, person: int, path: str = EMPLOYEES, reason: str = REASON) -> Answer:
    return await client.post(f"{path}/{person}/erase", {"reason": reason})


async def somebody_trained(client: Client, session_id: int, **fields: Any) -> int:
    """A person of whom there are words in everything that can have any; `session_id` is one that has room."""
    named = {"full_name": NAME, "employee_id": NUMBER, "company": {"id": 4711, "name": "Zeal Ltd"}}
    person = await new_employee(client, **{**named, **fields})
    [enrollment] = await enroll(client, session_id, person)
    completion = {"feedback": f"{NAME} was good", "certificate_url": "https://zq.example/certificate"}
    await changed(client, enrollment, "complete", completion)
    for training in ("Zebra Card", "First Aid"):
        await submitted(client, person, training_name=training, provider="Zany School", evidence=f"Card of {NAME}")
    return person
