"""The audit trail in a real state.db: append-only, chained from the first row on, checked from outside."""

import argparse
import json
import sqlite3

import pytest

from nvr import audit
from nvr.audit_watch import DISPUTED, NAME, AuditWatch, HeadFiles, verify
from nvr.cli import audit as command
from nvr.clock import FakeClock
from nvr.errors import StorageError
from nvr.faults import FaultBoard
from nvr.state import STATE_SCHEMA, open_state
from nvr.store import Database


async def note(db, action="arm", **more):
    await audit.record(db, wall_s=1_800_000_000.5, actor="Minh", address="10.0.0.7", action=action, **more)


@pytest.fixture
async def db(tmp_path):
    db = await open_state(tmp_path)
    yield db
    await db.close()


def tamper(tmp_path, *statements):
    """As somebody with the file and a shell does."""
    connection = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    for name in ("audit_keeps_rows", "audit_keeps_values", "audit_only_appends"):
        connection.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        connection.execute(statement)
    connection.close()


async def test_rows_are_chained_and_read_newest_first(tmp_path, db):
    for action in ("login", "arm", "disarm"):
        await note(db, action, subject="x", detail={"count": 2})
    assert verify(tmp_path).rows == 3
    rows = await audit.page(db, limit=2)
    assert [(row.id, row.action) for row in rows] == [(3, "disarm"), (2, "arm")]
    assert [row.id for row in await audit.page(db, before=2)] == [1]
    assert [row.id for row in await audit.page(db, actor="Minh", action="arm")] == [2]
    assert await audit.page(db, since_s=1_800_000_001) == []
    assert len(await audit.page(db, until_s=1_800_000_001)) == 3


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'Lan'",
        "DELETE FROM audit WHERE id = 1",
        "INSERT OR REPLACE INTO audit SELECT id, 0, '', '', '', '', '', hash FROM audit WHERE id = 1",
        "REPLACE INTO audit SELECT id, 0, '', '', '', '', '', hash FROM audit WHERE id = 2",
        "INSERT INTO audit VALUES (3, 0, '', '', '', '', '', x'00')",
    ],
)
async def test_the_table_refuses_what_is_no_append(tmp_path, db, statement):
    await note(db)
    await note(db)
    with pytest.raises(sqlite3.IntegrityError):
        await db.write(lambda c: c.execute(statement))
    assert verify(tmp_path).state == "whole"


async def test_rows_of_before_the_chain_are_taken_into_it(tmp_path):
    old = STATE_SCHEMA[
        : next(n for n, step in enumerate(STATE_SCHEMA) if isinstance(step, str) and "audit_before" in step)
    ]
    db = await Database.open(tmp_path / "state.db", old)
    names = "wall_s, actor, address, action, subject, detail"
    query = f"INSERT INTO audit ({names}) VALUES (?, 'Minh', '', 'arm', 'cổng', '{{}}')"
    for wall_s in (1.0, 1_800_000_000.123456, 3):
        await db.write(lambda c, wall_s=wall_s: c.execute(query, (wall_s,)))
    await db.close()
    with pytest.raises(StorageError, match="cannot be read"):
        verify(tmp_path)
    db = await open_state(tmp_path)
    await note(db)
    await db.close()
    verdict = verify(tmp_path)
    assert (verdict.state, verdict.rows) == ("whole", 4)
    tamper(tmp_path, "UPDATE audit SET wall_s = 2 WHERE id = 1")
    assert verify(tmp_path).broken_row == 1


async def test_a_cut_end_shows_by_the_file_beside(tmp_path, db):
    clock = FakeClock()
    watch = AuditWatch(db, tmp_path, clock=clock, faults=(faults := FaultBoard(clock)))
    for _ in range(5):
        await note(db)
    await watch.flush()
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600
    assert (await watch.check()).state == "whole"
    tamper(tmp_path, "DELETE FROM audit WHERE id > 3")
    assert verify(tmp_path).missing.row == 5
    # The service goes on writing; what was known stays known.
    await note(db)
    await watch.flush()
    assert HeadFiles(tmp_path).read()[0].row == 4
    assert (tmp_path / DISPUTED).exists()
    assert faults.at("audit").params == {"row": 5}
    again = AuditWatch(db, tmp_path, clock=clock, faults=faults)
    assert (await again.check()).state == "cut"


async def test_a_head_file_that_is_no_head_proves_nothing_and_stops_nothing(tmp_path, db):
    await note(db)
    (tmp_path / NAME).write_text('{"row": 1, "hash": "zz", "wall_s": 0}')
    assert verify(tmp_path).state == "whole"


@pytest.fixture
def nvr(tmp_path, capsys):
    """Run `nvr audit ARGUMENTS`; (exit code, what it printed)."""
    (tmp_path / "nvr.toml").write_text('[storage]\nrecordings = "rec"\nstate = "."\n')

    def run(*arguments):
        parser = argparse.ArgumentParser()
        command.register(parser.add_subparsers())
        args = parser.parse_args(["audit", *arguments, "--config", str(tmp_path / "nvr.toml")])
        return args.run(args), capsys.readouterr().out

    return run


def filled(tmp_path):
    db = Database(tmp_path / "state.db", STATE_SCHEMA)
    for action in ("login", "arm", "disarm"):
        db.write_now(
            lambda c, action=action: audit.insert(c, wall_s=1.8e9, actor="Minh", address="", action=action)
        )
    db._reader.close()
    db._writer.close()


def test_the_command_checks_against_what_is_on_paper(tmp_path, nvr):
    filled(tmp_path)
    code, text = nvr("verify", "--json")
    found = json.loads(text)
    assert (code, found["state"], found["rows"]) == (0, "whole", 3)
    paper = found["head"][: 2 + 16]
    assert nvr("verify", "--head", paper)[0] == 0
    tamper(tmp_path, "DELETE FROM audit WHERE id = 3")
    assert nvr("verify")[0] == 0  # nobody knew better
    code, text = nvr("verify", "--head", paper)
    assert code == 65
    assert f"WRONG the head {paper}" in text
    tamper_again = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    tamper_again.execute("UPDATE audit SET actor = 'Lan' WHERE id = 2")
    tamper_again.close()
    code, text = nvr("verify")
    assert code == 65
    assert "WRONG row 2" in text


def test_the_command_lists(tmp_path, nvr):
    filled(tmp_path)
    code, text = nvr("list", "--what", "arm", "--since", "2020-01-01")
    assert (code, len(text.splitlines())) == (0, 1)
    assert "Minh" in text
    rows = [json.loads(line) for line in nvr("list", "--json")[1].splitlines()]
    assert [row["action"] for row in rows] == ["disarm", "arm", "login"]
    assert rows[0]["detail"] == {}
