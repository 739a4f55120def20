"""The guru meditation report: what a process is doing, without asking anybody."""

import os
import signal
import sys
import threading
import time
import types
from collections.abc import Callable, Mapping
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging
from oslo_reports import report
from oslo_reports.generators import conf as conf_generator
from oslo_reports.generators import process, version
from oslo_reports.generators import threading as threads

from watcher.conf import version as installed_version

LOG = logging.getLogger(__name__)

PRODUCT = "OpenStack Watcher"
VENDOR = "The Watcher engineers"
Section = Callable[[], Any]


class Package:
    """Names the program in the first section"""

    def vendor_string(self) -> str:
        """Return who made it"""
        return VENDOR

    def product_string(self) -> str:
        """Return what it is"""
        return PRODUCT

    def version_string_with_package(self) -> str:
        """Return the installed version"""
        return installed_version()


class Reports:
    """Writes reports of one process; sections must answer from memory"""

    def __init__(
        self, conf: cfg.ConfigOpts, program: str, sections: Mapping[str, Section]
    ):
        self._conf = conf
        self._program = program
        self._sections = dict(sections)

    def text(self, frame: types.FrameType | None = None) -> str:
        """Return the whole report"""
        made = report.TextReport("Guru Meditation")
        made.add_section("Package", version.PackageReportGenerator(Package()))
        made.add_section("Threads", threads.ThreadReportGenerator(frame))
        made.add_section("Green Threads", threads.GreenThreadReportGenerator())
        made.add_section("Processes", process.ProcessReportGenerator())
        made.add_section(
            "Configuration", conf_generator.ConfigReportGenerator(self._conf)
        )
        for title, section in self._sections.items():
            made.add_section(title, _safe(section))
        return made.run()

    def write(self, frame: types.FrameType | None = None) -> None:
        """Write the report to standard error, or to a file in the configured folder"""
        text = self.text(frame)
        folder = self._conf.oslo_reports.log_dir
        if not folder:
            print(text, file=sys.stderr, flush=True)
            return
        moment = time.strftime("%Y%m%d%H%M%S", time.gmtime())
        name = f"{self._program}_gurumeditation_{moment}"
        with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
            out.write(text)

    def install(self) -> None:
        """Write a report on SIGUSR2, or when the configured file is touched"""
        if self._conf.oslo_reports.file_event_handler:
            watch = threading.Thread(target=self._watch, name="reports", daemon=True)
            watch.start()
        else:
            signal.signal(signal.SIGUSR2, lambda _number, frame: self._guarded(frame))

    def _guarded(self, frame: types.FrameType | None = None) -> None:
        try:
            self.write(frame)
        except Exception:  # a report must never end the process it tells about
            LOG.exception("The report could not be written")

    def _watch(self) -> None:
        path = self._conf.oslo_reports.file_event_handler
        last = time.time()
        while True:
            time.sleep(self._conf.oslo_reports.file_event_handler_interval)
            try:
                changed = os.stat(path).st_mtime
            except OSError:
                continue
            if changed > last:
                last = changed
                self._guarded()


def _safe(section: Section) -> Section:
    def run() -> Any:
        try:
            return section()
        except Exception as error:  # one broken section must not cost the others
            return f"{type(error).__name__}: {error}"

    return run
