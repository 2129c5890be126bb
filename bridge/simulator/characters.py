"""The operations on civilians: the characters of an account, which one it plays, and Database Sync links."""

from http import HTTPStatus

from bridge.simulator.community import Community
from bridge.simulator.messages import Ask, ProblemError
from bridge.simulator.people_shapes import CHARACTER_CHOICE, PLAYER
from bridge.simulator.targets import player, player_in_query


def get_characters(community: Community, ask: Ask) -> object:
    """List an account's characters; they are records of a template of their own."""
    account = player_in_query(community, ask)
    return [record.row() for record in community.archive.characters(account.account)]


def delete_character(community: Community, ask: Ask) -> object:
    """Remove a character."""
    character_id = ask.parameter("characterId")
    record = community.archive.records.get(character_id)
    if record is None or record not in community.archive.characters(record.account):
        raise ProblemError(HTTPStatus.NOT_FOUND, "The character was not found.")
    del community.archive.records[character_id]
    return {"characterId": character_id}


def set_selected_character(community: Community, ask: Ask) -> object:
    """Have an account play a character, named by its number or by a Database Sync id that the account is linked to."""
    choice = ask.body(CHARACTER_CHOICE)
    account = player(community, choice, ask)
    numbers = [str(record.record_id) for record in community.archive.characters(account.account)]
    if choice.character_id not in {*numbers, *account.character_links}:
        raise ProblemError(HTTPStatus.NOT_FOUND, "The character was not found.")
    account.selected_character = choice.character_id
    return {"accountUuid": account.account, "characterId": choice.character_id}


def get_character_links(community: Community, ask: Ask) -> object:
    """List the Database Sync ids that an account is linked to."""
    return player_in_query(community, ask).character_links


def add_character_link(community: Community, ask: Ask) -> object:
    """Link an account to a Database Sync id."""
    account = player(community, ask.body(PLAYER), ask)
    sync_id = ask.parameters["syncId"]
    if sync_id not in account.character_links:
        account.character_links.append(sync_id)
    return {"accountUuid": account.account, "syncId": sync_id, "action": "ADD"}


def remove_character_link(community: Community, ask: Ask) -> object:
    """Undo a link to a Database Sync id."""
    account = player(community, ask.body(PLAYER), ask)
    sync_id = ask.parameters["syncId"]
    if sync_id not in account.character_links:
        raise ProblemError(HTTPStatus.NOT_FOUND, "The character link was not found.")
    account.character_links.remove(sync_id)
    return {"accountUuid": account.account, "syncId": sync_id, "action": "REMOVE"}
