"""Writes worker/embed/tokenizer/{unicode,grapheme}_tables.inc by asking the PyPI `tokenizers` library.

Token ids must equal that library's for every text, and its Unicode data is a mixture of versions
(lower case from a recent one, categories and decompositions from older ones) that no system
library has. So each property is read off the library itself, over all code points.

    python make_unicode_tables.py FOLDER
"""

import pathlib
import struct
import sys
import unicodedata

import tokenizers
from tokenizers import AddedToken, models, normalizers, pre_tokenizers

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
HANGUL = range(0xAC00, 0xAC00 + 11172)  # decomposed by arithmetic, not by table
LOWEST_CLASS, HIGHEST_CLASS = "\u0334", "\u0345"  # combining classes 1 and 240


def bert(**steps):
    off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**off, **steps}).normalize_str


def decompositions():
    nfd = normalizers.NFD().normalize_str
    return {c: nfd(chr(c)) for c in CODE_POINTS if nfd(chr(c)) != chr(c)}


def combining_classes(decomposed):
    """The class of each code point that the library reorders. Whether it does is measured; the
    number comes from unicodedata, since the class of an assigned character never changes."""
    nfd = normalizers.NFD().normalize_str
    classes = {}
    for c in CODE_POINTS:
        if c in decomposed:
            continue
        text = chr(c)
        moves = (nfd(HIGHEST_CLASS + text) != HIGHEST_CLASS + text or
                 nfd(text + LOWEST_CLASS) != text + LOWEST_CLASS)
        if moves or text in (LOWEST_CLASS, HIGHEST_CLASS):
            classes[c] = unicodedata.combining(text)
            assert classes[c], hex(c)
    return classes


def splits_as(pieces):
    pre_tokenize = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    return [c for c in CODE_POINTS if len(pre_tokenize("a" + chr(c) + "b")) == pieces]


def spaces():
    pre_tokenize = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    return [c for c in splits_as(2) if [p for p, _ in pre_tokenize("a" + chr(c) + "b")] == ["a", "b"]]


def ranges(code_points):
    out = []
    for c in code_points:
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def wrapped(items):
    line, lines = "   ", []
    for item in items:
        if len(line) + len(item) + 2 > 100:
            lines.append(line)
            line = "   "
        line += " " + item + ","
    return "\n".join(lines + [line])


def range_table(name, code_points):
    items = [f"{{0x{a:X}, 0x{b:X}}}" for a, b in ranges(code_points)]
    return f"constexpr CodeRange {name}[] = {{\n{wrapped(items)}\n}};\n"


def class_table(classes):
    out = []
    for c, value in sorted(classes.items()):
        if out and out[-1][1] == c - 1 and out[-1][2] == value:
            out[-1][1] = c
        else:
            out.append([c, c, value])
    items = [f"{{0x{a:X}, 0x{b:X}, {value}}}" for a, b, value in out]
    return f"constexpr ClassRange kCombiningClasses[] = {{\n{wrapped(items)}\n}};\n"


def mapping_table(name, mapping):
    pool, items = [], []
    for c, text in sorted(mapping.items()):
        items.append(f"{{0x{c:X}, {len(pool)}, {len(text)}}}")
        pool += [f"0x{ord(x):X}" for x in text]
    return (f"constexpr char32_t {name}Pool[] = {{\n{wrapped(pool)}\n}};\n\n"
            f"constexpr Mapping {name}[] = {{\n{wrapped(items)}\n}};\n")


def pattern_classes():
    """What GPT-2's pattern takes for letters, numbers and spaces: a letter stays with a letter, a
    number with a number, all but a space with punctuation."""
    cut = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str
    letters = {c for c in CODE_POINTS if len(cut("a" + chr(c))) == 1}
    numbers = {c for c in CODE_POINTS if len(cut("1" + chr(c))) == 1}
    others = {c for c in CODE_POINTS if len(cut("!" + chr(c))) == 1}
    assert not letters & numbers and not others & (letters | numbers)
    return sorted(letters), sorted(numbers), set(CODE_POINTS) - letters - numbers - others


def word_characters():
    """What an added token with single_word must not stand beside."""
    tokenizer = tokenizers.Tokenizer(models.BPE({}, []))
    tokenizer.add_tokens([AddedToken("+", single_word=True, normalized=False)])
    return [c for c in CODE_POINTS if chr(c) != "+" and not tokenizer.encode("+" + chr(c)).ids]


def compositions():
    """Pairs of code points that NFC makes one."""
    nfc = normalizers.NFC().normalize_str
    pairs = {}
    for c in CODE_POINTS:
        parts = unicodedata.decomposition(chr(c)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            pair = tuple(int(part, 16) for part in parts)
            if nfc("".join(map(chr, pair))) == chr(c):
                pairs[pair] = c
    composed = set(pairs.values())
    nfd = normalizers.NFD().normalize_str
    for c in CODE_POINTS:  # none that the library composes and unicodedata does not know
        decomposed = nfd(chr(c))
        assert decomposed == chr(c) or c in HANGUL or c in composed or nfc(decomposed) != chr(c)
    return pairs


def composition_table(pairs):
    items = [f"{{0x{a:X}, 0x{b:X}, 0x{c:X}}}" for (a, b), c in sorted(pairs.items())]
    return f"constexpr Composition kCompositions[] = {{\n{wrapped(items)}\n}};\n"


def clusters_as_x():
    """A normalizer that makes an X of every grapheme cluster of at most 5 bytes, and of every
    character of a longer one: a charsmap in which each first byte alone is mapped to "X"."""
    root, leaf = 256, 512
    units = [0] * (leaf + 256)  # a search goes on one byte past the leaf
    units[0] = root << 10
    for byte in range(1, 256):
        units[root ^ byte] = (root ^ byte ^ leaf) << 10 | 1 << 8 | byte
    trie = struct.pack(f"<{len(units)}I", *units)
    return normalizers.Precompiled(struct.pack("<I", len(trie)) + trie + b"X\0").normalize_str


def grapheme_tables():
    """Each class is told by a text in which a boundary between clusters depends on it, built so
    that the clusters are short enough, or long enough, for the boundary to show."""
    to_x = clusters_as_x()
    points = [c for c in CODE_POINTS if c]  # NUL ends the library's search

    def where(text, size, among=points):
        return [c for c in among if len(to_x(text.replace("?", chr(c)))) == size]
    joiners = where("a?", 1)
    others = sorted(set(points) - set(joiners))
    controls = where("?\u0300\u0300", 2, others)
    return [
        range_table("kJoiners", joiners),
        range_table("kExtends", where("\u00a9?\u200d\u00a9\u0300", 5, joiners)),
        range_table("kPrepends", sorted(set(where("?a", 1, others)))),
        range_table("kControls", [0] + controls),
        range_table("kPictographs", where("\u00a9\u200d?\u0300", 4, others)),
        range_table("kConsonants", where("?\u094d\u0915\u0300", 4, others)),
        range_table("kLinkers", where("\u0915?\u0915\u0300", 4, joiners)),
        range_table("kConjunctExtends", where("\u0915\u094d?\u0915\u0300", 5, joiners)),
    ]


def check_agreement(whitespace):
    """What the tables leave out because it is the same."""
    lower, bert_lower = normalizers.Lowercase().normalize_str, bert(lowercase=True)
    split, strip = pre_tokenizers.WhitespaceSplit(), normalizers.Strip().normalize_str
    for c in CODE_POINTS:
        assert lower(chr(c)) == bert_lower(chr(c)), hex(c)
        assert (strip(chr(c)) == "") == (c in whitespace), hex(c)
        assert (split.pre_tokenize_str(chr(c)) == []) == (c in whitespace), hex(c)


def unicode_tables():
    decomposed = decompositions()
    clean, spaced = bert(clean_text=True), bert(handle_chinese_chars=True)
    accents, lower = bert(strip_accents=True), bert(lowercase=True)
    nfkd, marks = normalizers.NFKD().normalize_str, normalizers.StripAccents().normalize_str
    whitespace = spaces()
    check_agreement(set(whitespace))
    letters, numbers, pattern_spaces = pattern_classes()
    assert pattern_spaces == set(whitespace)
    return [
        range_table("kRemovedByCleaning", [c for c in CODE_POINTS if clean(chr(c)) == ""]),
        range_table("kWhitespace", whitespace),
        range_table("kChineseCharacters", [c for c in CODE_POINTS if spaced(chr(c)) != chr(c)]),
        range_table("kPunctuation", splits_as(3)),
        range_table("kNonspacingMarks", [c for c in CODE_POINTS if accents(chr(c)) == ""]),
        range_table("kCombiningMarks", [c for c in CODE_POINTS if marks(chr(c)) == ""]),
        range_table("kLetters", letters),
        range_table("kNumbers", numbers),
        range_table("kWordCharacters", word_characters()),
        class_table(combining_classes(decomposed)),
        mapping_table("kDecompositions", {c: d for c, d in decomposed.items() if c not in HANGUL}),
        mapping_table("kCompatibilityDecompositions",
                      {c: nfkd(chr(c)) for c in CODE_POINTS
                       if nfkd(chr(c)) != decomposed.get(c, chr(c))}),
        composition_table(compositions()),
        mapping_table("kLowercase",
                      {c: lower(chr(c)) for c in CODE_POINTS if lower(chr(c)) != chr(c)}),
    ]


def main():
    head = (f"// Generated by tests/oracle/make_unicode_tables.py from PyPI tokenizers "
            f"{tokenizers.__version__}. Do not edit.\n")
    for name, tables in (("unicode", unicode_tables()), ("grapheme", grapheme_tables())):
        path = pathlib.Path(sys.argv[1], f"{name}_tables.inc")
        path.write_text("\n".join([head] + tables), encoding="ascii")


if __name__ == "__main__":
    main()
