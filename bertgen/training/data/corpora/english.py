"""What rules that take sentences apart know of English: subjects, verbs, names and their pronouns."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

# Of nine in ten people in Tatoeba.
NAME = r"(?:Tom|Mary|John|Alice|Bob)"
SHE = ("Mary", "Alice")
PRONOUN = r"(?:I|you|he|she|it|we|they|this|that|there|everyone|everybody|nobody|no one|someone)"
_NOUN = r"(?:the|a|an|my|your|his|her|its|our|their|this|that|these|those|some|most|many|all) \w+"
# A subject with something behind it, not "Tom and Mary."
SURE_SUBJECT = rf"(?:{PRONOUN}(?:'\w+)?|{NAME}) \w"
SUBJECT = rf"(?:{SURE_SUBJECT}|{_NOUN} \w)"
PAST_VERB = (
    r"(?:\w+ed|went|came|took|made|said|got|gave|found|left|told|put|ran|sat|stood|held|brought|began|fell|"
    r"felt|lost|met|paid|read|saw|sent|slept|spoke|spent|thought|threw|understood|woke|won|wrote|ate|drank|"
    r"drove|forgot|heard|kept|knew|let|lay|rode|rose|sang|shut|bought|built|caught|chose|cut|drew|broke|hung|"
    r"hid|hit|hurt|led|lit)\b"
)
PRESENT_VERB = (
    r"(?:lives|works|likes|loves|hates|plays|speaks|wants|knows|looks|goes|comes|makes|has|does|needs|writes|"
    r"reads|drives|studies|teaches|sings|drinks|eats|gets|keeps|runs|swims|walks|talks|tells|says|seems|"
    r"spends|takes|thinks|travels|wears|helps|collects|believes|belongs|owns|enjoys|cooks|sells|costs|stands|"
    r"contains|leads|flows|opens|closes|tastes|smells|sounds)\b"
)
_OTHER_VERB = r"(?:is|was|can|will|could|would|must|had|became|grew|flew|taught|wore|sold|swam)\b"
FINITE_VERB = rf"(?:{_OTHER_VERB}|{PRESENT_VERB}|{PAST_VERB})"
# In place of the few names of Tatoeba, so that a model learns names, not Tom.
HIS_NAMES = ("Tom", "Peter", "Paul", "Ahmed", "David", "Max", "Luis", "Ben", "Ivan", "Noah", "Omar", "Felix")
HER_NAMES = (
    "Mary",
    "Anna",
    "Julia",
    "Emma",
    "Laura",
    "Fatima",
    "Sofia",
    "Nina",
    "Clara",
    "Eva",
    "Mia",
    "Ruth",
)
# People whose pronoun is known.
HIS = ("My father", "My uncle", "Our son", "His brother", "Her husband", "The old man", "The boy")
HER = ("My mother", "My aunt", "Our daughter", "His sister", "The old woman", "The girl", "My grandmother")
_MAN = re.compile(r".*\b(?:man|boy|(?:grand)?father|brother|uncle|(?:grand)?son|husband|king)")
_WOMAN = re.compile(r".*\b(?:woman|girl|(?:grand)?mother|sister|aunt|(?:grand)?daughter|wife|queen)")
_CLAUSE = re.compile(SUBJECT, re.IGNORECASE)
_NAMES = re.compile(rf"\b{NAME}\b")


def is_clause(text: str) -> bool:
    """Starts with a subject and is long enough to hold a verb; neither a question nor a command."""
    return bool(_CLAUSE.match(text)) and len(text.split()) >= 3


def capital(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def pronoun(name: str) -> str:
    """She or He, for one of Tatoeba's names."""
    if name in SHE:
        return "She"
    return "He"


def again(who: str) -> str:
    """How a subject is named the second time: by a pronoun where it is sure, or as it was."""
    if re.fullmatch(NAME, who):
        return pronoun(who)
    if _MAN.fullmatch(who):
        return "He"
    if _WOMAN.fullmatch(who):
        return "She"
    # "A student" is a known one the second time.
    if who.startswith("A "):
        return f"The {who[2:]}"
    return who


def tense(verb: str) -> str:
    """Of a verb phrase: "past", "present", or "" where its form does not say."""
    if re.match(PAST_VERB, verb):
        return "past"
    if re.match(PRESENT_VERB, verb):
        return "present"
    return ""


def renamed(texts: Sequence[str], rng: random.Random) -> list[str]:
    """The texts with other people's names, drawn by chance, the same in all of them."""
    names = dict.fromkeys(("Tom", "John", "Bob"), rng.choice(HIS_NAMES))
    names |= dict.fromkeys(SHE, rng.choice(HER_NAMES))
    return [_NAMES.sub(lambda match: names[match[0]], text) for text in texts]
