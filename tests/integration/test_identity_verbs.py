"""`pql identity explain` and `forget` on a built company, and what its first run left in `identity_changes`."""

from pathlib import Path

from tests.integration.conftest import Installation


def test_a_person_is_explained_by_any_of_their_identifiers(small_company: Installation):
    person, user, address = somebody(small_company)

    by_user, by_person = (small_company.pql("identity", "explain", name) for name in (user, person))

    assert by_user == by_person
    for text in (person, f"user_id:{user}", f"email:{address}", "the oldest", "identify", "Accounts"):
        assert text in by_user


def test_somebody_unknown_is_told_with_near_matches(small_company: Installation):
    _, _, address = somebody(small_company)

    output = small_company.pql("identity", "explain", "--working", address[1:], expect=2)

    assert f"no person and no identifier is '{address[1:]}'" in output
    assert f"email:{address}" in output


def test_forgetting_writes_hashes_and_says_what_it_does_not_do(small_company: Installation, tmp_path: Path):
    company = small_company.copied_to(tmp_path / "home")
    person, _, address = somebody(company)
    ((identifiers,),) = company.working(f"select identifiers from identity.persons where person_id = '{person}'")

    output = company.pql("identity", "forget", address)

    assert f"Forgotten: {identifiers} identifiers of {person}" in output
    assert "erases nothing in the source tables" in output
    hashes = company.working("select identifier_hash from privacy.forgotten_identifiers")
    assert len(hashes) == identifiers
    assert (company.working(f"select sha256('email:{address}')")[0]) in hashes


def test_a_first_run_counts_everybody_once(small_company: Installation):
    changes = small_company.working(
        "select change, kind, subject, subjects, identifiers from identity.identity_changes order by kind"
    )

    persons = "select count(distinct person_id), count(*) from identity.person_identifiers"
    companies = "select count(distinct target), count(*) from identity.organisation_reach"
    assert changes == [
        ("new", "account", "all", *small_company.working(companies)[0]),
        ("new", "person", "all", *small_company.working(persons)[0]),
    ]
    assert len(small_company.published()["identity.identity_changes"]) == 2


def somebody(company: Installation) -> tuple[str, str, str]:
    """A person of a company with a user id and an address: person_id, user id, address."""
    return company.working(
        """
        select persons.person_id, min(users.identifier), min(addresses.identifier)
        from identity.persons as persons
        inner join identity.person_identifiers as users
            on persons.person_id = users.person_id and users.identifier_type = 'user_id'
        inner join identity.person_identifiers as addresses
            on persons.person_id = addresses.person_id and addresses.identifier_type = 'email'
        inner join identity.account_members as members on persons.person_id = members.person_id
        where members.matched_by <> 'individual'
        group by persons.person_id
        order by persons.person_id
        limit 1
        """
    )[0]
