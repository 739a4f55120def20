"""The table that purge prints."""

from watcher.cmd import dbpurge


def test_table_has_the_published_head_and_the_sum():
    counts = dict.fromkeys(dbpurge.TITLES, 0) | {"goals": 12, "actions": 1234567}
    lines = dbpurge.table(counts).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert [cell.strip() for cell in lines[1].strip("|").split("|")] == [
        "Goals", "Strategies", "Audit Templates", "Audits", "Action Plans", "Actions",
        "Total",
    ]  # fmt: skip
    assert lines[3].split() == [
        "|", "12", "|", "0", "|", "0", "|", "0", "|", "0", "|", "1234567", "|",
        "1234579", "|",
    ]  # fmt: skip
