"""The words of certificates and of their pages, in each language that an organisation can choose."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from services.enrollment.credentials import Content, Standing
from shared.events.states import Language


@dataclass(frozen=True, slots=True)
class Texts:
    """`months` are those of dates, and `date` is how one is put together; members in braces are filled in."""

    certificate: str
    certifies: str
    has_completed: str
    with_provider: str
    accepted_by: str
    completed_on: str
    valid_until: str
    valid_for_ever: str
    check: str
    code: str
    name: str
    training: str
    provider: str
    issuer: str
    organisation: str
    standings: Mapping[Standing, str]
    explained: Mapping[Standing, str]
    unknown: str
    unknown_explained: str
    looked_at: str
    achievement: str
    criteria: str
    criteria_elsewhere: str
    months: tuple[str, ...]
    date: str


_TEXTS: Final[Mapping[Language, Texts]] = {
    "en": Texts(
        certificate="Certificate",
        certifies="This certifies that",
        has_completed="has completed the training",
        with_provider="with {provider}",
        accepted_by="accepted by {issuer}",
        completed_on="Completed on",
        valid_until="Valid until",
        valid_for_ever="without end",
        check="Scan the code to see whether this certificate is valid today.",
        code="Code",
        name="Name",
        training="Training",
        provider="Provider",
        issuer="Issued by",
        organisation="Organisation {id}",
        standings={"valid": "Valid", "expired": "Expired", "revoked": "Revoked"},
        explained={
            "valid": "This certificate is genuine and valid.",
            "expired": "This certificate is genuine, but has expired.",
            "revoked": "This certificate was withdrawn by whoever issued it. It proves nothing any more.",
        },
        unknown="Unknown",
        unknown_explained=(
            "There is no certificate with this code. Look at the code again: it may be"
            " mistyped, or forged."
        ),
        looked_at="Looked up on {moment}",
        achievement="Completion of the training “{training}”.",
        criteria="Whoever receives this has completed the training, and passed where it is scored.",
        criteria_elsewhere=(
            "Whoever receives this has completed the training with {provider}. {issuer} has"
            " accepted the evidence."
        ),
        months=(
            "January", "February", "March", "April", "May", "June",
            "July", "August", "September", "October", "November", "December",
        ),
        date="{day} {month} {year}",
    ),
    "de": Texts(
        certificate="Zertifikat",
        certifies="Hiermit wird bescheinigt, dass",
        has_completed="die Schulung abgeschlossen hat:",
        with_provider="bei {provider}",
        accepted_by="anerkannt von {issuer}",
        completed_on="Abgeschlossen am",
        valid_until="Gültig bis",
        valid_for_ever="unbegrenzt",
        check="Der Code zeigt, ob dieses Zertifikat heute gültig ist.",
        code="Code",
        name="Name",
        training="Schulung",
        provider="Anbieter",
        issuer="Ausgestellt von",
        organisation="Organisation {id}",
        standings={"valid": "Gültig", "expired": "Abgelaufen", "revoked": "Widerrufen"},
        explained={
            "valid": "Dieses Zertifikat ist echt und gültig.",
            "expired": "Dieses Zertifikat ist echt, aber abgelaufen.",
            "revoked": "Dieses Zertifikat wurde vom Aussteller widerrufen. Es beweist nichts mehr.",
        },
        unknown="Unbekannt",
        unknown_explained="Zu diesem Code gibt es kein Zertifikat. Vielleicht ist er falsch abgetippt oder gefälscht.",
        looked_at="Abgefragt am {moment}",
        achievement="Abschluss der Schulung „{training}“.",
        criteria="Wer dies erhält, hat die Schulung abgeschlossen und, wo sie bewertet wird, bestanden.",
        criteria_elsewhere=(
            "Wer dies erhält, hat die Schulung bei {provider} abgeschlossen. {issuer} hat"
            " den Nachweis anerkannt."
        ),
        months=(
            "Januar", "Februar", "März", "April", "Mai", "Juni",
            "Juli", "August", "September", "Oktober", "November", "Dezember",
        ),
        date="{day}. {month} {year}",
    ),
    "es": Texts(
        certificate="Certificado",
        certifies="Se certifica que",
        has_completed="ha completado la formación",
        with_provider="con {provider}",
        accepted_by="reconocida por {issuer}",
        completed_on="Completada el",
        valid_until="Válido hasta",
        valid_for_ever="sin vencimiento",
        check="Escanee el código para ver si este certificado es válido hoy.",
        code="Código",
        name="Nombre",
        training="Formación",
        provider="Proveedor",
        issuer="Emitido por",
        organisation="Organización {id}",
        standings={"valid": "Válido", "expired": "Vencido", "revoked": "Revocado"},
        explained={
            "valid": "Este certificado es auténtico y válido.",
            "expired": "Este certificado es auténtico, pero ha vencido.",
            "revoked": "Quien emitió este certificado lo ha retirado. Ya no acredita nada.",
        },
        unknown="Desconocido",
        unknown_explained="No existe ningún certificado con este código. Puede estar mal escrito o ser falso.",
        looked_at="Consultado el {moment}",
        achievement="Finalización de la formación «{training}».",
        criteria="Quien recibe este certificado ha completado la formación y la ha aprobado si se califica.",
        criteria_elsewhere=(
            "Quien recibe este certificado ha completado la formación con {provider}."
            " {issuer} ha reconocido la prueba."
        ),
        months=(
            "enero", "febrero", "marzo", "abril", "mayo", "junio",
            "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
        ),
        date="{day} de {month} de {year}",
    ),
    "fr": Texts(
        certificate="Certificat",
        certifies="Il est certifié que",
        has_completed="a suivi la formation",
        with_provider="auprès de {provider}",
        accepted_by="reconnue par {issuer}",
        completed_on="Terminée le",
        valid_until="Valable jusqu’au",
        valid_for_ever="sans limite",
        check="Scannez le code pour voir si ce certificat est valable aujourd’hui.",
        code="Code",
        name="Nom",
        training="Formation",
        provider="Organisme",
        issuer="Délivré par",
        organisation="Organisation {id}",
        standings={"valid": "Valable", "expired": "Expiré", "revoked": "Révoqué"},
        explained={
            "valid": "Ce certificat est authentique et valable.",
            "expired": "Ce certificat est authentique, mais il a expiré.",
            "revoked": "Ce certificat a été retiré par son émetteur. Il ne prouve plus rien.",
        },
        unknown="Inconnu",
        unknown_explained="Aucun certificat ne porte ce code. Il est peut-être mal saisi, ou falsifié.",
        looked_at="Consulté le {moment}",
        achievement="Achèvement de la formation « {training} ».",
        criteria="La personne a suivi la formation, et l’a réussie si elle est notée.",
        criteria_elsewhere="La personne a suivi la formation auprès de {provider}. {issuer} a reconnu la preuve.",
        months=(
            "janvier", "février", "mars", "avril", "mai", "juin",
            "juillet", "août", "septembre", "octobre", "novembre", "décembre",
        ),
        date="{day} {month} {year}",
    ),
    "pl": Texts(
        certificate="Certyfikat",
        certifies="Zaświadcza się, że",
        has_completed="ma ukończone szkolenie",
        with_provider="u organizatora: {provider}",
        accepted_by="uznane przez: {issuer}",
        completed_on="Ukończono",
        valid_until="Ważny do",
        valid_for_ever="bezterminowo",
        check="Zeskanuj kod, aby sprawdzić, czy ten certyfikat jest dziś ważny.",
        code="Kod",
        name="Imię i nazwisko",
        training="Szkolenie",
        provider="Organizator",
        issuer="Wystawca",
        organisation="Organizacja {id}",
        standings={"valid": "Ważny", "expired": "Wygasł", "revoked": "Unieważniony"},
        explained={
            "valid": "Ten certyfikat jest autentyczny i ważny.",
            "expired": "Ten certyfikat jest autentyczny, ale wygasł.",
            "revoked": "Wystawca unieważnił ten certyfikat. Niczego już nie potwierdza.",
        },
        unknown="Nieznany",
        unknown_explained="Nie ma certyfikatu o tym kodzie. Być może kod przepisano z błędem albo jest sfałszowany.",
        looked_at="Sprawdzono {moment}",
        achievement="Ukończenie szkolenia „{training}”.",
        criteria="Osoba ukończyła szkolenie, a jeśli jest oceniane, zaliczyła je.",
        criteria_elsewhere="Osoba ukończyła szkolenie u organizatora: {provider}. Dowód uznany przez: {issuer}.",
        months=(
            "stycznia", "lutego", "marca", "kwietnia", "maja", "czerwca",
            "lipca", "sierpnia", "września", "października", "listopada", "grudnia",
        ),
        date="{day} {month} {year}",
    ),
}  # fmt: skip


def texts_of(language: Language) -> Texts:
    return _TEXTS[language]


def issuer_name(content: Content, organisation_id: int) -> str:
    return content.issuer_name or texts_of(content.language).organisation.format(id=organisation_id)


def day_of(at: datetime, content: Content) -> str:
    """The day on the clocks of the organisation, in its language."""
    texts, local = texts_of(content.language), at.astimezone(ZoneInfo(content.time_zone))
    return texts.date.format(day=local.day, month=texts.months[local.month - 1], year=local.year)
