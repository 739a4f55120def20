"""What a person does at the dashboard: looks, fills in forms, presses buttons."""

import pathlib
import re

from playwright.sync_api import Browser, Locator, Page

from tests import servers
from tests.cloud.dashboard.published import Dashboard

# Debian's browser, without what it would ask the outside for.
BROWSER = "/usr/bin/chromium"
OPTIONS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
WAIT_MS = 20_000


class Desk:
    """One logged-in person; keeps a picture of each page and every complaint seen"""

    def __init__(self, browser: Browser, site: Dashboard, pictures: pathlib.Path):
        self._site, self._pictures = site, pictures
        self.page: Page = browser.new_page(viewport={"width": 1400, "height": 900})
        self.page.set_default_timeout(WAIT_MS)
        self.complaints: list[str] = []
        self.page.on("response", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, response) -> None:
        if response.status >= 500:
            self.complaints.append(f"{response.status} from {response.url}")

    def login(self) -> None:
        """Log in as administrator; the first page is the one of the goals"""
        name, password = self._site.account
        self.page.goto(f"{self._site.url}/auth/login/?next=/admin/goals/")
        self.page.get_by_label("User Name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.picture("login")
        self.page.locator("#loginBtn").click()
        self.page.wait_for_url("**/admin/goals/")

    # Looking ----------------------------------------------------------------------

    def open(self, panel: str, picture: str | None = None) -> None:
        """Go to the list of a panel, as audit_templates"""
        self.page.goto(f"{self._site.url}/admin/{panel}/")
        self._look(picture or panel)

    def detail(self, panel: str, ident: str, picture: str | None = None) -> None:
        """Go to the page of one row"""
        self.page.goto(f"{self._site.url}/admin/{panel}/{ident}/detail")
        self._look(picture or f"{panel}-detail")

    def _look(self, picture: str) -> None:
        self.picture(picture)
        self.complaints += self.messages("danger", "warning")

    def picture(self, name: str) -> None:
        """Keep the whole page as NAME.png"""
        self.page.screenshot(path=self._pictures / f"{name}.png", full_page=True)

    def messages(self, *kinds: str) -> list[str]:
        """Return what the page tells in boxes of the given kinds, as success"""
        boxes = self.page.locator(
            ", ".join(f".messages .alert-{kind}" for kind in kinds)
        )
        return [" ".join(text.split()) for text in boxes.all_inner_texts()]

    def rows(self, table: str) -> list[list[str]]:
        """Return the cells of a table; no rows when it is empty"""
        rows = self.page.locator(f"table#{table} tbody tr[data-object-id]").all()
        return [
            [text.strip() for text in row.locator("td").all_inner_texts()]
            for row in rows
        ]

    def row(self, ident: str) -> Locator:
        """Return the row of an object"""
        return self.page.locator(f'tr[data-object-id="{ident}"]').first

    def fact(self, name: str) -> str:
        """Return what a detail page says beside ``name``"""
        found = self.page.locator("dt", has_text=re.compile(f"^{name}$"))
        said = found.locator("xpath=following-sibling::dd[1]").first.inner_text()
        return str(said).strip()

    def buttons(self, ident: str) -> set[str]:
        """Return the labels of what can be done with a row"""
        labels = self.row(ident).locator(".data-table-action").all_text_contents()
        return {label.strip() for label in labels}

    # Doing ------------------------------------------------------------------------

    def press(self, ident: str, label: str) -> str:
        """Press a button of a row; return what the next page tells

        Horizon asks again before what it thinks is dangerous.
        """
        row = self.row(ident)
        button = row.locator(".data-table-action", has_text=label).first
        if not button.is_visible():
            row.locator(".dropdown-toggle").click()
        if "btn-danger" not in (button.get_attribute("class") or "").split():
            return self._submit(button)
        button.click()
        return self._submit(self.page.locator(".modal.in .modal-footer .btn-danger"))

    def form(self, label: str, ident: str | None = None) -> Locator:
        """Open the form behind a button of the page, or of a row; return it"""
        place = self.row(ident) if ident else self.page.locator("#main_content")
        place.locator("a.ajax-modal", has_text=label).first.click()
        # One that only tells to wait may come first.
        modal = self.page.locator(".modal.in", has=self.page.locator("form"))
        modal.wait_for()
        return modal

    def send(self, form: Locator) -> str:
        """Send a form off; return what the next page tells"""
        return self._submit(form.locator("input[type=submit], .btn-primary").last)

    def _submit(self, button: Locator) -> str:
        with self.page.expect_navigation():
            button.click()
        box = self.page.locator(".messages .alert").first
        box.wait_for()
        told = self.messages("success", "info", "warning", "danger")
        return " | ".join(told)

    def follow(self, ident: str, label: str) -> None:
        """Press a button of a row that only leads to another page"""
        with self.page.expect_navigation():
            self.row(ident).locator(".data-table-action", has_text=label).click()
        self._look("followed")

    def reason(self) -> str:
        """Return what is hidden behind the "Details" of an error"""
        return self.page.locator(".messages .alert-danger").first.inner_html()

    def refused(self, form: Locator) -> str:
        """Send a form off that is not accepted and stays open; return why"""
        form.locator("input[type=submit], .btn-primary").last.click()
        box = self.page.locator(".alert-danger").first
        box.wait_for()
        return " ".join(box.inner_text().split())

    def filter(self, table: str, field: str, value: str) -> list[list[str]]:
        """Have the server filter a list; return the rows that are left

        The page remembers its filter, so it is taken back.
        """
        self._filter(table, field, value)
        self._look(f"{self.page.url.rstrip('/').rsplit('/', 1)[1]}-filtered")
        found = self.rows(table)
        self._filter(table, field, "")
        return found

    def _filter(self, table: str, field: str, value: str) -> None:
        select = self.page.locator(f"select[name={table}__filter__q_field]")
        select.select_option(field, force=True)
        self.page.locator(f"input[name={table}__filter__q]").fill(value)
        with self.page.expect_navigation():
            self.page.locator(f"#{table}__action_filter").click()

    def await_fact(self, name: str, *wanted: str, seconds: float = 60) -> str:
        """Reload a detail page until it says one of ``wanted`` beside ``name``"""

        def says() -> bool:
            self.page.reload()
            return self.fact(name) in wanted

        servers.wait_until(says, seconds, f"{name} {wanted} on {self.page.url}")
        return self.fact(name)
