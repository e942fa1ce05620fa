"""What Panoptes can be asked for, in this program's records: one method a request, or a paged list.

Counters and echoes of writes may be stale, so nothing here decides from them: lists and their `meta.count` are
fresh. Unknown query parameters are ignored by the server without a word, so filters are only the known ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from threading import Event
from typing import Any
from urllib.parse import unquote_plus

from zoocut.error_kinds import AccountBanned, NoRole, NotFoundThere
from zoocut.errors import QuotaReached
from zoocut.id_set import IdSet
from zoocut.metadata_keys import KEY
from zoocut.zooniverse.api import PAGE_SIZE, Api, Document, RetryingApi, single
from zoocut.zooniverse.documents import account_of, membership_of, subject_set_of
from zoocut.zooniverse.lists import Kept, Listed, Report, Wanted
from zoocut.zooniverse.records import Account, Address, Membership, Project, Subject, SubjectSet
from zoocut.zooniverse.request_errors import Doubtful, NotNow, Refused, malformed_is_doubtful

__all__ = [
    "Account",
    "Address",
    "Membership",
    "Panoptes",
    "Project",
    "RetryingPanoptes",
    "Subject",
    "SubjectSet",
]

SIGNATURE_S = 240.0
"""How long a signed address is trusted when it does not tell: signatures live five minutes."""

NOBODY = IdSet()

Location = str | dict[str, str]
"""A MIME type for an image that Zooniverse keeps, or {MIME type: address} for one that stays where it is."""


class Panoptes:
    """A Panoptes server under one account; any thread may call it.

    Parameters
    ----------
    api : Api
        What requests go through.
    """

    def __init__(self, api: Api) -> None:
        self.api = api

    def stopped_by(self, stop: Event) -> Panoptes:
        """Return the same server and account, asked again until `stop` is set."""
        return Panoptes(self.api.stopped_by(stop))

    def retrying(self) -> RetryingPanoptes:
        """Return the same server and account, asked again where asking twice does no harm."""
        return RetryingPanoptes(self.api.retrying())

    @property
    def endpoint(self) -> str:
        """The server's normalised address."""
        return self.api.endpoint

    def now(self) -> float:
        """Return this process's time, in seconds since 1970, which nothing but the passing of time moves."""
        return self.api.clock.now()

    def server_now(self) -> float:
        """Return the server's time in seconds since 1970, as it says itself."""
        return self.api.clock.server_now()

    def account(self) -> Account:
        """Ask who is signed in."""
        return account_of(self.api.one("/me", "users"))

    def project(self, reference: str) -> Project:
        """Find a project by owner/name or id.

        Raises
        ------
        NotPermitted
            When there is none, or it is not this account's to see.
        """
        number = reference.removeprefix("id:")
        params = {"ids": number} if number.isdecimal() else {"slug": reference.lower()}
        found = self.api.page("/projects", "projects", params)
        if len(found) != 1:
            raise NotFoundThere(
                f"{self.endpoint} knows no project {reference} that this account may see: give it as owner/name "
                "or by its number, and check the account"
            )
        with malformed_is_doubtful("a project"):
            return Project(str(found[0]["id"]), str(found[0]["slug"]), str(found[0].get("created_at") or ""))

    def holds_role(self, project: Project) -> bool:
        """Whether the account is owner or collaborator; rights through a group do not show here."""
        params = {"id": project.project_id, "current_user_roles": "owner,collaborator"}
        try:
            return bool(self.api.page("/projects", "projects", params))
        except Refused:
            return False

    def role_of_a_group(self, project: Project) -> bool:
        """Whether a group is owner or collaborator; who belongs to it does not show."""
        roles = self.api.pages("/project_roles", "project_roles", {"project_id": project.project_id})
        return any(
            role.get("links", {}).get("owner", {}).get("type") == "user_groups"
            and {"owner", "collaborator"} & set(role.get("roles", ()))
            for role in roles
        )

    def subject_sets(self, project: Project, name: str) -> list[SubjectSet]:
        """Find the sets of exactly this name in a project."""
        params = {"project_id": project.project_id}
        if "," not in name:  # the server splits filter values at commas
            params["display_name"] = name
        pages = self.api.pages("/subject_sets", "subject_sets", params)
        return [found for found in map(subject_set_of, pages) if found.name == name]

    def subject_set(self, set_id: str) -> SubjectSet:
        """Read one set.

        Raises
        ------
        Refused
            With status 404 when it does not exist or is not this account's to see.
        """
        return subject_set_of(self.api.one(f"/subject_sets/{set_id}", "subject_sets"))

    def create_subject_set(self, project: Project, name: str, metadata: Mapping[str, str]) -> SubjectSet:
        """Make a set.

        Raises
        ------
        Refused
            With status 400 when the name is taken.
        """
        body = {
            "display_name": name,
            "metadata": dict(metadata),
            "links": {"project": project.project_id},
        }
        answer = self.api.unrepeatable("POST", "/subject_sets", {"subject_sets": body})
        return subject_set_of(single(answer, "subject_sets"))

    def active_workflows(self, set_id: str) -> list[str]:
        """Name the active workflows that serve a set."""
        found = self.api.pages("/workflows", "workflows", {"subject_set_id": set_id, "active": "true"})
        with malformed_is_doubtful("workflows"):
            return [str(workflow["display_name"]) for workflow in found if workflow.get("active")]

    def count_uploaded(self, account: Account) -> int:
        """Count the subjects that the account has uploaded and that still show, by listing."""
        return self.api.count("/subjects", "subjects", {"upload_user_id": account.user_id})

    def newest_subject_id(self, project_id: str) -> int:
        """Return the highest subject id of a project; 0 when it has none."""
        found = self.api.page(
            "/subjects", "subjects", {"project_id": project_id, "sort": "-id", "page_size": "1"}
        )
        with malformed_is_doubtful("subjects"):
            return int(found[0]["id"]) if found else 0

    def newest_subjects(
        self,
        project_id: str,
        user_id: str,
        above: int,
        keep: Callable[[Subject], Kept | None],
        known: IdSet = NOBODY,
        report: Report = lambda read, length: None,
    ) -> Iterable[Kept]:
        """List what is to be kept of a user's subjects above a watermark, newest first, without the known ones."""
        by = {"project_id": project_id, "upload_user_id": user_id}
        return self.listed(by, keep, known.lacking, above, report).kept.values()

    def member_ids(self, set_id: str) -> IdSet:
        """List the ids of a set's subjects."""
        return self.members(set_id, lambda one: one, lambda ids: ()).ids

    def of_members(self, set_id: str, keep: Callable[[Subject], Kept | None]) -> Iterable[Kept]:
        """List what is to be kept of a set's subjects, by their ids: whole ones take 5 kB each."""
        return self.members(set_id, keep).kept.values()

    def members(
        self,
        set_id: str,
        keep: Callable[[Subject], Kept | None],
        wanted: Wanted = NOBODY.lacking,
        report: Report = lambda read, length: None,
    ) -> Listed[Kept]:
        """List the ids of a set's subjects, and what is to be kept of the wanted ones; deleted ones do not show."""
        return self.listed({"subject_set_id": set_id}, keep, wanted, report=report)

    def listed(
        self,
        params: Mapping[str, str],
        keep: Callable[[Subject], Kept | None],
        wanted: Wanted = NOBODY.lacking,
        above: int | None = None,
        report: Report = lambda read, length: None,
    ) -> Listed[Kept]:
        """List subjects by filters that the server knows; `keep` is told each that is wanted, by several threads."""
        return self.api.listed(
            "/subjects", "subjects", params, wanted, lambda one: keep(self.subject_of(one)), above, report
        )

    def subjects(self, subject_ids: Sequence[str]) -> list[Subject]:
        """Read up to a page of subjects by id; those that do not exist any more are left out."""
        params = {"ids": ",".join(subject_ids), "page_size": str(PAGE_SIZE)}
        return [self.subject_of(document) for document in self.api.page("/subjects", "subjects", params)]

    def subject(self, subject_id: str) -> Subject:
        """Read one subject, with the ETag that a change of it needs.

        Raises
        ------
        Refused
            With status 404 when it does not exist any more.
        """
        answer = self.api.repeatable("GET", f"/subjects/{subject_id}")
        return self.subject_of(single(answer, "subjects"), answer.etag)

    def create_subject(
        self, project_id: str, external_id: str, metadata: Mapping[str, str], locations: Sequence[Location]
    ) -> Subject:
        """Make one subject that is in no set yet.

        Raises
        ------
        NotPermitted
            When the account is banned or has no rights on the project.
        QuotaReached
            When the account may not upload more.
        Refused
            When the server finds fault with this subject.
        Doubtful, Busy, Unreachable
            As `zoocut.zooniverse.request_errors` says.
        """
        body = {
            "external_id": external_id,
            "metadata": dict(metadata),
            "locations": list(locations),
            "links": {"project": project_id},
        }
        try:
            answer = self.api.unrepeatable("POST", "/subjects", {"subjects": body})
        except Refused as error:
            raise _meaning(error, project_id) from error
        if answer.document is None:
            raise self._silence()
        return self.subject_of(single(answer, "subjects"), answer.etag)

    def _silence(self) -> Exception:
        """Return what an empty answer to a create means: nothing was made for a banned account, else who knows."""
        try:
            banned = self.account().banned
        except (NotNow, Refused) as error:
            return Doubtful(f"{self.endpoint} answered a create with nothing, and then: {error}")
        if banned:
            return AccountBanned(
                "the server accepted a subject and made none, as it does for banned accounts: ask Zooniverse "
                "about this account"
            )
        return Doubtful(f"{self.endpoint} answered a create with nothing")

    def renewed_addresses(self, subject_id: str) -> tuple[Address, ...]:
        """Ask for fresh signed addresses of the same objects; nothing else changes.

        Raises
        ------
        Refused
            With status 404 when the subject does not exist any more.
        """
        etag = self.subject(subject_id).etag
        answer = self.api.repeatable(
            "PUT", f"/subjects/{subject_id}", body={"subjects": {"locations": []}}, etag=etag
        )
        return self.subject_of(single(answer, "subjects")).addresses

    def delete_subject(self, subject_id: str) -> None:
        """Delete one subject; one that is gone already is fine."""
        try:
            etag = self.subject(subject_id).etag
            self.api.repeatable("DELETE", f"/subjects/{subject_id}", etag=etag)
        except Refused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    def link(self, set_id: str, subject_ids: Sequence[str]) -> None:
        """Put subjects into a set; those already there stay.

        Raises
        ------
        Refused
            409 when the set was being changed (again later), 422 when a subject is gone, 404 when the set is.
        """
        answer = self.api.repeatable(
            "POST", f"/subject_sets/{set_id}/links/subjects", body={"subjects": list(subject_ids)}
        )
        if str(single(answer, "subject_sets").get("id")) != set_id:
            raise Doubtful(f"{self.endpoint} answered for another set than {set_id}")

    def linked(self, set_id: str, subject_ids: Sequence[str]) -> set[str]:
        """Return which of up to a page of subjects the set holds."""
        return {member.subject_id for member in self.memberships(set_id, subject_ids)}

    def memberships(self, set_id: str, subject_ids: Sequence[str]) -> list[Membership]:
        """Read the memberships of up to a page of subjects in a set; those that it does not hold are left out."""
        params = {
            "subject_set_id": set_id,
            "subject_id": ",".join(subject_ids),
            "page_size": str(PAGE_SIZE),
        }
        found = self.api.page("/set_member_subjects", "set_member_subjects", params)
        with malformed_is_doubtful("memberships"):
            return [membership_of(one) for one in found]

    def unlink(self, set_id: str, subject_ids: Sequence[str]) -> None:
        """Take up to a page of subjects out of a set; those that are not in it are passed over, none is deleted."""
        self.api.repeatable("DELETE", f"/subject_sets/{set_id}/links/subjects/{','.join(subject_ids)}")

    def newest_members(self, set_id: str) -> tuple[list[Subject], int]:
        """Read the set's page of subjects with the highest ids, and count all of them."""
        params = {"subject_set_id": set_id, "sort": "-id", "page_size": str(PAGE_SIZE)}
        documents, count = self.api.page_and_count("/subjects", "subjects", params)
        return [self.subject_of(document) for document in documents], count

    def count_members(self, set_id: str) -> int:
        """Count the members of a set."""
        return self.api.count("/set_member_subjects", "set_member_subjects", {"subject_set_id": set_id})

    def count_subjects(self, set_id: str) -> int:
        """Count the subjects of a set by listing: the set's own counter is minutes behind."""
        return self.api.count("/subjects", "subjects", {"subject_set_id": set_id})

    def set_metadata(self, subject_set: SubjectSet, metadata: Mapping[str, Any]) -> None:
        """Replace what is noted about a set."""
        self.api.repeatable(
            "PUT", f"/subject_sets/{subject_set.set_id}", body={"subject_sets": {"metadata": dict(metadata)}}
        )

    @malformed_is_doubtful("a subject")
    def subject_of(self, document: Document, etag: str | None = None) -> Subject:
        """Read a subject's document; keys without a value, as an import leaves empty cells, are left out."""
        metadata = {k: value for k, value in (document.get("metadata") or {}).items() if value is not None}
        return Subject(
            str(int(document["id"])),
            str(document.get("external_id") or ""),
            str(metadata.get(KEY, "")),
            metadata,
            tuple(self._address(url) for location in document["locations"] for url in location.values()),
            tuple(str(number) for number in document.get("links", {}).get("subject_sets", [])),
            etag,
            str(document.get("created_at") or ""),
        )

    def _address(self, url: str) -> Address:
        address, _, query = url.partition("#")[0].partition("?")
        told = next((word[3:] for word in query.split("&") if word.startswith("se=")), "")
        return Address(url, address.rpartition("/")[2], self._signed_until(told))

    def _signed_until(self, told: str) -> float:
        try:
            return self.api.clock.own_time_of(datetime.fromisoformat(unquote_plus(told)).timestamp())
        except ValueError:  # as of nothing
            return self.now() + SIGNATURE_S


class RetryingPanoptes(Panoptes):
    """A Panoptes server under one account, asked again where asking twice does no harm.

    Parameters
    ----------
    api : RetryingApi
        What requests go through.
    """

    def __init__(self, api: RetryingApi) -> None:
        super().__init__(api)


def _meaning(error: Refused, project_id: str) -> Exception:
    words = str(error)
    if error.status == HTTPStatus.FORBIDDEN and "maximum" in words:
        return QuotaReached(words)
    if error.status in (403, 404, 415) or "linked project" in words:
        return NoRole(
            f"this account may not create subjects in project {project_id} ({words}): ask its owner for the role "
            "of collaborator"
        )
    return error
