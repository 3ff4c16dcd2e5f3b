"""Paragraphs and what their first sentence says in short: summaries of everyday prose, made by rules.

The first sentence is the strongest simple summary of a text that informs (Nenkova 2005); its main clause
stays, and what hangs on it goes, as in sentence compression (Knight & Marcu 2000).
"""

from __future__ import annotations

import itertools
import random
import re
from pathlib import Path

from bertgen.training.data.corpora.cleaning import SENTENCE_END, natural
from bertgen.training.data.corpora.english import capital
from bertgen.training.data.corpora.files import read_text

# Sentences of a text, at least.
SENTENCES = 3
# Words of a text; it ends with the last sentence within.
LONGEST = 110
# Words of a summary, at least and at most.
SUMMARY = (4, 13)
# Words of the summary that the other sentences take up.
RECURRING = 2
_BRACKETS = re.compile(r" ?\([^()]*\)")
_OPENING = re.compile(
    r"(?:(?:In|On|At|By|During|After|Before|Since|From|For|As|Under|Within|Despite|Unlike|Like|With) "
    r"[^,]{2,60}"
    r"|[A-Z][a-z]+ly|However|Thus|Also|Then|Today|Now|Later|Soon|Still|Moreover|Instead|Of course), "
)
_AUXILIARY = r"(?:is|are|was|were|has|have|had|can|could|will|would|may|might|must|should|did|does)\b"
_INNER = re.compile(rf", [^,]+,(?= {_AUXILIARY})")  # between a subject and its verb
_TAIL = re.compile(
    r", (?:who|which|whose|whom|where|when|while|although|though|because|since|including|such as|especially|"
    r"particularly|mainly|usually|often|also|called|known|named|born|based|located|made|led|written|founded|"
    r"built|used|with|from|as|after|before|until|if|but|so|rather|\w+ing|and|or|nor|yet|whereas|an?|the|one|"
    r"then|it|he|they)\b.*"
)
_LATE = re.compile(
    r" (?:because|although|whereas|so that|in order to|whose|while|until|after|before|when|which|since|"
    r"including) .*"
)
_ODD = re.compile(r"[^\w '’,.&/%£$€–-]|[A-Za-z]\.|\.[A-Za-z]")  # quotations, colons, abbreviations
_FINITE = re.compile(
    rf"\b(?:{_AUXILIARY}|became|began|came|took|won|went|gave|held|lost|met|ran|saw|wrote|grew|rose|fell|sold|"
    r"spent|found|\w{3,}ed|makes|uses|includes|contains|requires|provides|allows|consists|refers|describes|"
    r"lives|plays|remains|occurs|takes|gives|varies|covers|serves|shows|follows|forms|produces|means|begins|"
    r"exists)\b"
)
# A first word that leans on what went before, or a word anywhere that does.
_LEANING = re.compile(
    r"(?:I|We|You|That|There|One|Some|Other|Others|Each|So|And|But|Or|If|To|What|How|Who|Why|Although|Because|"
    r"As|Not|Two|Three|Many|Most|Several|Further|By|In|On|At|From|For|With|Under|During|Despite|Even|Only|Much|"
    r"All|Since|When|While|Where|After|Before|Until)\b|"
    r".*\b(?i:also|then|however|therefore|thus|he|she|they|it|him|them|his|her|their|its|this|these|those|such|"
    r"here|both|another|other|former|latter|following|above|below|see|where)\b"
)
_LOOSE_END = re.compile(
    r".*\b(?:a|an|the|of|in|on|at|to|for|by|with|and|or|from|as|is|are|was|were|be|has|had|have|that|than|not|"
    r"some|into|about|between|most|more|who|very)"
)


def read_leads(path: Path) -> list[tuple[str, str]]:
    """Plain text, one paragraph a line: three neighbouring sentences or more -> the first of them in short.

    Only where the rules are sure, and where the other sentences take up two words of the result or more, so
    that it is what they are about. No sentence stands in two rows, and every summary once; the same rows for
    the same file.
    """
    rows: dict[str, str] = {}
    for line in read_text(path).split("\n"):
        sentences = SENTENCE_END.split(natural(line))
        while len(sentences) >= SENTENCES:
            text = _within(sentences)
            short = _summary(text)
            if short:
                rows.setdefault(short, " ".join(text))
                sentences = sentences[len(text) :]
            else:
                # The next text may begin one sentence later.
                sentences = sentences[1:]
    pairs = [(source, target) for target, source in rows.items()]
    random.Random(f"leads-{path.name}").shuffle(pairs)
    return pairs


def _summary(sentences: list[str]) -> str:
    """The first sentence in short, where the others speak of it."""
    if len(sentences) < SENTENCES:
        return ""
    short = shorten(sentences[0])
    if len(_words(short) & _words(" ".join(sentences[1:]))) < RECURRING:
        return ""
    return short


def shorten(sentence: str) -> str:
    """The main clause of a sentence, without a full stop, as titles are; empty where no rule is sure."""
    # 1) A statement of plain words.
    if not sentence.endswith("."):
        return ""
    text = _BRACKETS.sub("", sentence[:-1])
    if _ODD.search(text):
        return ""
    # 2) Without what opens it, what stands inside it and what hangs on its end.
    text = capital(_OPENING.sub("", text, count=1))
    text = _TAIL.sub("", _INNER.sub("", text, count=1), count=1)
    if len(text.split()) > SUMMARY[1]:
        text = _LATE.sub("", text)
    # 3) The rest must be a whole sentence that stands alone. A comma left in it is a list, or what no rule
    #    knows; its verb is not its first word.
    if not SUMMARY[0] <= len(text.split()) <= SUMMARY[1] or "," in text:
        return ""
    if not _FINITE.search(text, text.find(" ") + 1):
        return ""
    if _LEANING.match(text) or _LOOSE_END.fullmatch(text):
        return ""
    return text


def _within(sentences: list[str]) -> list[str]:
    """The first sentences that are LONGEST words together."""
    sizes = itertools.accumulate(len(sentence.split()) for sentence in sentences)
    return [sentence for sentence, size in zip(sentences, sizes, strict=True) if size <= LONGEST]


def _words(text: str) -> set[str]:
    """Words of four letters and more, which mostly carry the meaning."""
    return set(re.findall(r"[a-z]{4,}", text.lower()))
