"""`fediversity people` and `invitations`: who acts for your operator."""

import sys
from typing import Annotated

import typer

from . import profile
from .client import Client, Json
from .options import AsJson, Yes, check_id, confirm
from .output import say, show_json, show_table

app = typer.Typer(
    help="List who acts for your operator, and change that.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
invitations = typer.Typer(
    help="For owners: invite people to act for your operator.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
PersonId = Annotated[str, typer.Argument(metavar="PERSON", help="Id of the person.")]
Role = Annotated[str, typer.Argument(metavar="ROLE", help="viewer, editor or owner.")]


@app.command("list")
def list_people(*, as_json: AsJson = False) -> None:
    """List who acts for the operator, longest first."""
    with Client(profile.load()) as client:
        items = client.list_all("/people")
    if as_json:
        show_json(items)
        return
    rows = [(it["id"], it["name"], it["email"], it["role"], it["since"]) for it in items]
    show_table(("Person", "Name", "E-mail", "Role", "Since"), rows)


@app.command("role")
def change_role(person: PersonId, role: Role) -> None:
    """Let somebody act in another role; an operator always has an owner."""
    with Client(profile.load()) as client:
        client.put(f"/people/{check_id(person, 'person')}/role", {"role": role})
    say(f"The role is {role} now.")


@app.command("remove")
def remove_person(person: PersonId, *, yes: Yes = False) -> None:
    """Let somebody act for the operator no longer."""
    path = f"/people/{check_id(person, 'person')}"
    told = "Sessions and tokens of this person for your operator end at once."
    confirm("Remove this person?", told, yes=yes)
    with Client(profile.load()) as client:
        client.delete(path)
    say("This person acts for your operator no longer.")


@invitations.command("list")
def list_invitations(*, as_json: AsJson = False) -> None:
    """List the invitations that wait, newest first."""
    with Client(profile.load()) as client:
        items = client.list_all("/invitations")
    if as_json:
        show_json(items)
        return
    rows = [
        (it["id"], it["email"], it["role"], it["inviter_name"], it["expires_at"]) for it in items
    ]
    show_table(("Invitation", "E-mail", "Role", "By", "Until"), rows)


@invitations.command("create")
def invite(
    email: Annotated[str, typer.Argument(help="Whom to invite.")],
    role: Role = "editor",
    *,
    as_json: AsJson = False,
) -> None:
    """Invite somebody; the link works once, for a week, and is printed this once."""
    with Client(profile.load()) as client:
        # Asked once and never again by itself: a link that is lost cannot be repeated.
        made: Json = client.post("/invitations", {"email": email, "role": role})
    say(f"Give this link to {email}: it is not shown again.", "yellow")
    if as_json:
        show_json(made)
    else:
        sys.stdout.write(f"id\t{made['id']}\nlink\t{made['link']}\n")


@invitations.command("revoke")
def revoke_invitation(
    invitation: Annotated[str, typer.Argument(metavar="INVITATION", help="Its id.")],
) -> None:
    """Take an invitation back."""
    with Client(profile.load()) as client:
        client.delete(f"/invitations/{check_id(invitation, 'invitation')}")
    say("The invitation is taken back.")
