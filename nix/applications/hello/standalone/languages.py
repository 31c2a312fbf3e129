"""What the page says, in every language it knows."""

from __future__ import annotations

TEXTS = {
    "en": {
        "greeting": "Welcome! This page runs on your own domain.",
        "book": "Visitors' book",
        "name": "Your name",
        "text": "Your message",
        "sign": "Sign",
        "empty": "Nobody has signed yet.",
        "away": "The visitors' book cannot be read at the moment.",
    },
    "de": {
        "greeting": "Willkommen! Diese Seite läuft unter Ihrer eigenen Domain.",
        "book": "Gästebuch",
        "name": "Ihr Name",
        "text": "Ihre Nachricht",
        "sign": "Eintragen",
        "empty": "Noch hat sich niemand eingetragen.",
        "away": "Das Gästebuch ist im Moment nicht lesbar.",
    },
    "fr": {
        "greeting": "Bienvenue ! Cette page fonctionne sous votre propre domaine.",
        "book": "Livre d'or",
        "name": "Votre nom",
        "text": "Votre message",
        "sign": "Signer",
        "empty": "Personne n'a encore signé.",
        "away": "Le livre d'or n'est pas lisible pour le moment.",
    },
    "it": {
        "greeting": "Benvenuti! Questa pagina funziona sul vostro dominio.",
        "book": "Libro degli ospiti",
        "name": "Il vostro nome",
        "text": "Il vostro messaggio",
        "sign": "Firmare",
        "empty": "Nessuno ha ancora firmato.",
        "away": "Il libro degli ospiti al momento non è leggibile.",
    },
    "nl": {
        "greeting": "Welkom! Deze pagina draait op uw eigen domein.",
        "book": "Gastenboek",
        "name": "Uw naam",
        "text": "Uw bericht",
        "sign": "Ondertekenen",
        "empty": "Nog niemand heeft getekend.",
        "away": "Het gastenboek is op dit moment niet leesbaar.",
    },
    "es": {
        "greeting": "¡Bienvenidos! Esta página funciona en su propio dominio.",
        "book": "Libro de visitas",
        "name": "Su nombre",
        "text": "Su mensaje",
        "sign": "Firmar",
        "empty": "Nadie ha firmado todavía.",
        "away": "El libro de visitas no se puede leer en este momento.",
    },
}
MOST_WISHES = 20


def chosen(offered: list[str], accept_language: str) -> str:
    """Return the offered language that a browser prefers, else the first one offered."""
    wishes = []
    for position, wish in enumerate(accept_language.split(",")[:MOST_WISHES]):
        tag, _, parameter = wish.strip().partition(";")
        weight = _weight(parameter.strip())
        if weight > 0:
            wishes.append((-weight, position, tag.strip().partition("-")[0].lower()))
    preferred = [language for _, _, language in sorted(wishes)]
    return next((it for it in preferred if it in offered), offered[0])


def _weight(parameter: str) -> float:
    if not parameter:
        return 1.0
    try:
        return float(parameter.removeprefix("q="))
    except ValueError:
        return 0.0
