"""One lease per process: the right to hold work, with an epoch that fences the past.

The database judges expiry by its own clock. This side only decides whether something may
still be *started*: not later than START_WINDOW_S after the last renewal was asked for, so
that whoever takes over after LEASE_TTL_S knows that nothing of ours begins any more.
"""

import threading
import time
import uuid
from collections.abc import Callable
from typing import Protocol

from oslo_log import log as logging

from watcher import exception
from watcher.domain.records import Claim
from watcher.parts import Backoff, is_outage, left, soon, summary, wait_for

LOG = logging.getLogger(__name__)

LEASE_TTL_S = 20
RENEW_S = 5
START_WINDOW_S = 12
SCAN_S = 5
# A renewal that failed is tried again soon: twenty seconds hold few attempts.
RETRY_S = 1.0
PURGE_S = 3600
KEEP_DEAD_S = 24 * 3600


class LeaseStore(Protocol):
    """Where leases are kept; every call uses a connection that work does not share"""

    def acquire(self, owner: str, *, service: str, host: str, ttl_s: int) -> int:
        """Insert a lease and return its epoch, a number never used before"""

    def renew(self, claim: Claim, ttl_s: int) -> bool:
        """Prolong a lease that is still alive; False when it is not"""

    def release(self, claim: Claim) -> None:
        """Let the lease end now"""

    def purge(self, older_than_s: int) -> None:
        """Forget leases that ended long ago"""


Listener = Callable[[Claim], None]


class Lease:
    """The lease of this process, renewed on a thread of its own"""

    name = "lease"

    def __init__(
        self, db: LeaseStore, *, service: str, host: str,
        clock: Callable[[], float] = time.monotonic, renew_s: float = RENEW_S,
    ):  # fmt: skip
        self._store = db
        self._service = service
        self._host = host
        self._clock = clock
        self._renew_s = renew_s
        self.owner = f"{service}:{host}:{uuid.uuid4().hex[:16]}"
        self.on_lost: list[Listener] = []
        self.on_gained: list[Listener] = []
        self._lock = threading.Lock()
        self._claim: Claim | None = None
        self._renewed = 0.0
        self._purged = clock()
        self._reason: str | None = "the lease has not been asked for yet"
        self._stop = threading.Event()
        self._gained = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def claim(self) -> Claim:
        """What to write beside claimed work; raises LeaseLost when there is nothing"""
        with self._lock:
            claim, age_s = self._claim, self._clock() - self._renewed
        if claim is None or age_s >= LEASE_TTL_S:
            raise exception.LeaseLost(
                owner=self.owner, epoch=claim.epoch if claim else None,
                kind="process", ident=self._host,
            )  # fmt: skip
        return claim

    def may_start(self) -> bool:
        """Tell whether a change may be begun now"""
        with self._lock:
            return (
                self._claim is not None
                and self._clock() - self._renewed < START_WINDOW_S
            )

    def wait(self, timeout_s: float) -> bool:
        """Wait until there is a lease; False when there is none after ``timeout_s``"""
        return self._gained.wait(timeout_s)

    def ready(self) -> str | None:
        """Return why nothing may be started, or None"""
        if self.may_start():
            return None
        return self._reason or "the lease has not been renewed in time"

    def start(self) -> None:
        """Start the thread that acquires and renews"""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)
        self._thread.start()

    def stop(self, deadline: float) -> None:
        """Give the lease back, so that others need not wait until it expires"""
        self._stop.set()
        if self._thread:
            self._thread.join(left(soon(deadline)))
            if self._thread.is_alive():
                LOG.warning("The lease was not given back in time and will expire")

    # The thread -----------------------------------------------------------------------

    def _run(self) -> None:
        wait_s = 0.0
        while not self._stop.wait(wait_s):
            if self._claim is None:
                wait_for("the database (lease)", self._acquire, self._stop,
                         told=self._told, backoff=Backoff(0.2, 5.0))  # fmt: skip
                wait_s = self._renew_s
            else:
                wait_s = self._renew()
        self._release()

    def _told(self, reason: str | None) -> None:
        self._reason = reason

    def _acquire(self) -> None:
        asked = self._clock()
        epoch = self._store.acquire(
            self.owner, service=self._service, host=self._host, ttl_s=LEASE_TTL_S
        )
        claim = Claim(self.owner, epoch)
        with self._lock:
            self._claim, self._renewed = claim, asked
        self._gained.set()
        LOG.info("Lease acquired", extra={"owner": self.owner, "epoch": epoch})
        self._tell(self.on_gained, claim)

    def _renew(self) -> float:
        claim = self._claim
        assert claim is not None
        # The moment before the question counts: the answer may be on its way for long.
        asked = self._clock()
        failure = None
        try:
            alive = self._store.renew(claim, LEASE_TTL_S)
        except Exception as error:  # a thread's outer edge
            failure = error
        if failure is not None:
            reason = f"the lease cannot be renewed: {summary(failure)}"
            if reason != self._reason:
                LOG.warning(
                    "%s", reason, exc_info=None if is_outage(failure) else failure
                )
            self._reason = reason
            return RETRY_S
        if not alive:
            self._lose(claim)
            return 0.0
        with self._lock:
            self._renewed = asked
        if self._reason:
            LOG.info("The lease is renewed again")
            self._reason = None
        self._purge()
        return self._renew_s

    def _lose(self, claim: Claim) -> None:
        with self._lock:
            self._claim = None
        self._gained.clear()
        self._reason = "the lease was lost"
        LOG.warning(
            "The lease was lost (epoch %s); what it held may have been taken over",
            claim.epoch,
        )
        self._tell(self.on_lost, claim)

    def _purge(self) -> None:
        if self._clock() - self._purged < PURGE_S:
            return
        self._purged = self._clock()
        try:
            self._store.purge(KEEP_DEAD_S)
        except Exception as error:  # housekeeping must not cost us the lease
            LOG.warning("Old leases were not removed: %s", summary(error))

    def _release(self) -> None:
        with self._lock:
            claim, self._claim = self._claim, None
        self._gained.clear()
        if claim is None:
            return
        try:
            self._store.release(claim)
        except Exception as error:  # a thread's outer edge
            LOG.warning(
                "The lease was not given back, it will expire: %s", summary(error)
            )

    @staticmethod
    def _tell(listeners: list[Listener], claim: Claim) -> None:
        for listener in list(listeners):
            try:
                listener(claim)
            except Exception:  # one listener must not keep the others from hearing
                LOG.exception("A listener of the lease failed")
