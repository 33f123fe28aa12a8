"""Texts for comparing a tokenizer with the original, chosen where tokenizers differ."""

from collections.abc import Sequence

TEXTS = (
    "The quick brown fox jumps over the lazy dog.",
    "Hello, world!",
    "",
    " ",
    "\t\n\r\n ",
    "naïvely, he said: déjà vu in São Paulo, Łódź and Đà Nẵng",
    "nai\u0308vely with a combining mark, and e\u0301 too",
    "ﬁne ligatures, ½ of ℌ, Ⅻ and ﾊﾝｶｸ",
    "STRAẞE, Straße, İstanbul, ǅ",
    "今天天气很好，我们去公园吧。",
    "日本語の文章です。カタカナ、ひらがな、漢字。",
    "한국어 문장입니다.",
    "𠮷野家と𩸽",
    "Съешь же ещё этих мягких французских булок",
    "نص عربي مع تشكيلٍ كاملٍ",
    "טקסט בעברית עִם נִיקּוּד",
    "हिन्दी में एक वाक्य",
    "ประโยคภาษาไทยที่ไม่มีช่องว่าง",
    "emoji 😀👍🏽 👨\u200d👩\u200d👧\u200d👦 🇩🇪 ❤️ ☃",
    "zero\u200bwidth, non\u00a0breaking, soft\u00adhyphen, \ufeffmark, \u202eoverride",
    "control \x00 \x01 \x7f \x85 characters",
    "\ufffd replacement, private \ue000, unassigned \u0378",
    "don't can't I'll it's 'quoted' \"double\" `back` “curly” ‘single’",
    "3.14159 1,000,000 12:30 2026-11-22 +49 (0)30 1234 $5.00 50% §7 №8",
    "https://example.org/a?b=c&d=%20#e user.name+tag@example.org @handle #tag",
    "def f(x: int) -> str: return f'{x!r:>10}'  # 100%",
    "<b>html</b> &amp; [CLS] [SEP] [PAD] [MASK] [UNK] <s> </s> <pad> ##piece",
    "snake_case camelCase kebab-case ALLCAPS miXeD",
    "...!!!???---===***///\\\\\\",
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    "a" * 300,
    "word " * 1000,
    "不" * 1500,
    "😀" * 700,
    "One sentence. Another one! A third? " * 60,
)
"""Accents, other scripts, emoji, invisible and special characters, long texts, the empty text."""


_FORMS = ("{}", "{}, ({})! {}?", "{}{}", "{}\u0301 \u00e0{}")
"""Forms of words: alone, with punctuation, without a space, with accents."""


def of_words(words: Sequence[str]) -> tuple[str, ...]:
    """Return texts from words of a vocabulary, with capitals, punctuation and accents."""
    found: dict[str, None] = {}
    for index, word in enumerate(words):
        form = _FORMS[index % len(_FORMS)].replace("{}", word)
        found |= dict.fromkeys((form, form.upper(), form.title()))
    found[" ".join(words)] = None
    return tuple(found)
