"""Volumes, what is planned for them, and what is seen of it."""

GONE = "00000000-0000-4000-8000-000000000000"
HERE, THERE, SLOW = "s@fast#a", "s@fast#b", "s@slow#a"


def migrate(uuid, dest=THERE, kind="migrate", **more):
    given = {"resource_id": uuid, "migration_type": kind, "destination_node": dest}
    return ("volume_migrate", {**given, **more})


def retype(uuid, kind="slow", **more):
    given = {"resource_id": uuid, "migration_type": "retype", "destination_type": kind}
    return ("volume_migrate", {**given, **more})


def seen(bench, uuid):
    return bench.cloud.clients().cinder.volume(uuid)


def only(bench, plan):
    return bench.actions(plan)[0]


def why(bench, plan):
    return only(bench, plan).status_message
