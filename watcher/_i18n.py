"""Marks text for translation."""

import oslo_i18n

DOMAIN = "watcher"

_translators = oslo_i18n.TranslatorFactory(domain=DOMAIN)

_ = _translators.primary


def translate(value: str, user_locale: str | None = None) -> str:
    """Return ``value`` in the given locale, or in the best one available"""
    return oslo_i18n.translate(value, user_locale)


def get_available_languages() -> list[str]:
    """Return the locales that translations are installed for"""
    return oslo_i18n.get_available_languages(DOMAIN)
