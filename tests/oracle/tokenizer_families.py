"""tokenizer.json files of the model families that forkdex reads: vocabularies trained here by the
PyPI `tokenizers` and `sentencepiece` libraries, the pipelines around them as the families publish
them, and variants with the options that relatives of them use."""

import base64
import io
import json

import sentencepiece
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
TRAINED_ON = 1200  # pieces of the sample
VOCABULARY = 8000


def token(ident, content, **flags):
    return dict(id=ident, content=content, single_word=False, lstrip=False, rstrip=False,
                normalized=False, special=True) | flags


def byte_level(**options):
    return dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=True) | options


def metaspace(**options):
    return dict(type="Metaspace", replacement="▁", prepend_scheme="always", split=True) | options


def sequence(kind, *steps):
    return {"type": "Sequence", kind: list(steps)}


def template(first, last):
    def special(t):
        return {"SpecialToken": {"id": t[0], "type_id": 0}}
    text = {"Sequence": {"id": "A", "type_id": 0}}
    return dict(type="TemplateProcessing", single=[special(first), text, special(last)],
                pair=[text, {"Sequence": {"id": "B", "type_id": 1}}],
                special_tokens={t[0]: dict(id=t[0], ids=[t[1]], tokens=[t[0]]) for t in (first, last)})


def trained(model, trainer, pre_tokenizer, sample):
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.train_from_iterator(sample, trainer)
    return json.loads(tokenizer.to_str())["model"]


def byte_pairs(sample, specials):
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=specials, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    return trained(models.BPE(), trainer, pre_tokenizers.ByteLevel(add_prefix_space=False), sample)


def character_pairs(sample):
    """Pairs over characters, with the bytes that stand in for unknown ones."""
    specials = SPECIAL + [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=specials, show_progress=False,
                                  limit_alphabet=500)
    model = trained(models.BPE(unk_token="<unk>"), trainer, pre_tokenizers.Metaspace(), sample)
    return dict(model, fuse_unk=True, byte_fallback=True)


def pieces(sample):
    """Unigrams over the first part of the sample that can be trained on: over some, one in a few
    hundred, the trainer's likelihood is no number, and it panics."""
    for start in range(0, len(sample), TRAINED_ON):
        trainer = trainers.UnigramTrainer(vocab_size=VOCABULARY, special_tokens=SPECIAL,
                                          unk_token="<unk>", show_progress=False)
        try:
            return trained(models.Unigram(), trainer, pre_tokenizers.Metaspace(),
                           sample[start:start + TRAINED_ON])
        except BaseException as panic:  # no Exception, and of a module that cannot be imported
            if type(panic).__name__ != "PanicException":
                raise
    raise RuntimeError("the trainer panics over every part of the sample")


def fields(message):
    """The fields of a protocol buffers message: number and value."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
    while at < len(message):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
            continue
        size = varint() if key & 7 == 2 else {1: 8, 5: 4}[key & 7]
        yield key >> 3, message[at:at + size]
        at += size


def precompiled(rule):
    """The normalizer that sentencepiece compiles into a model."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["abc de", "fgh"] * 20), model_writer=model, vocab_size=20,
        hard_vocab_limit=False, normalization_rule_name=rule, minloglevel=2)
    normalizer_spec = dict(fields(model.getvalue()))[3]
    charsmap = dict(fields(normalizer_spec))[2]
    return dict(type="Precompiled", precompiled_charsmap=base64.b64encode(charsmap).decode())


def document(model, added, **parts):
    return dict(version="1.0", truncation=None, padding=None, added_tokens=added, normalizer=None,
                pre_tokenizer=None, post_processor=None, decoder=None, model=model) | parts


def roberta(sample):
    """RoBERTa, unixcoder, jina-embeddings-v2-base-code."""
    model = byte_pairs(sample, SPECIAL + ["<mask>"])
    added = [token(i, content, normalized=True) for i, content in enumerate(SPECIAL)]
    added.append(token(4, "<mask>", lstrip=True))
    post = dict(type="RobertaProcessing", sep=["</s>", 2], cls=["<s>", 0], trim_offsets=True,
                add_prefix_space=False)
    return document(model, added, pre_tokenizer=byte_level(), post_processor=post)


def roberta_variants(root):
    yield "prefix space", dict(root, pre_tokenizer=byte_level(add_prefix_space=True))
    yield "no pattern", dict(root, pre_tokenizer=byte_level(use_regex=False, add_prefix_space=True))
    yield "words as they are", dict(root, model=dict(root["model"], ignore_merges=True))
    yield "words apart", dict(root, post_processor=sequence(
        "processors", byte_level(), template(("<s>", 0), ("</s>", 2))),
        pre_tokenizer=sequence("pretokenizers", dict(type="WhitespaceSplit"),
                               byte_level(add_prefix_space=True)))
    few = {t: i for t, i in root["model"]["vocab"].items() if len(t) > 1 or t < "k" or i < 5}
    merges = [m for m in root["model"]["merges"] if {*m, "".join(m)} <= few.keys()]
    yield "stripped", dict(root, normalizer=sequence(
        "normalizers", dict(type="Strip", strip_left=True, strip_right=True), dict(type="NFD"),
        dict(type="StripAccents"), dict(type="Lowercase")))
    yield "letters missing", dict(root, model=dict(root["model"], vocab=few, merges=merges))
    yield "letters unknown", dict(root, model=dict(root["model"], vocab=few, merges=merges,
                                                   unk_token="<unk>"))
    flags = ("single_word", "lstrip", "rstrip", "normalized")
    contents = ["def", "self", "return", "Hello", "  ", "world", "x", "\n", "é", "日本", "don't", "<s>x",
                "[SEP]", "##", "(", "__"]
    vocabulary, added = dict(root["model"]["vocab"]), []
    for i, content in enumerate(contents):
        ident = vocabulary.setdefault(content, len(vocabulary))  # no other is accepted
        added.append(token(ident, content, **{flag: bool(i >> bit & 1) for bit, flag in enumerate(flags)}))
    yield "added tokens", dict(root, added_tokens=root["added_tokens"] + added)
    old_model = {k: v for k, v in root["model"].items()
                 if k in ("dropout", "unk_token", "fuse_unk", "vocab")}
    old_model |= dict(continuing_subword_prefix="", end_of_word_suffix="",
                      merges=[" ".join(m) for m in root["model"]["merges"]])
    old_pre = dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True)
    yield "as files of 2020", dict(root, model=old_model, pre_tokenizer=old_pre)


def modernbert(sample):
    model = byte_pairs(sample, ["|||IP_ADDRESS|||", "<|padding|>"])
    after = max(model["vocab"].values()) + 1
    contents = [" " * n for n in range(24, 1, -1)] + ["|||EMAIL_ADDRESS|||", "|||PHONE_NUMBER|||", "<|endoftext|>"]
    added = [token(0, "|||IP_ADDRESS|||", normalized=True, special=False), token(1, "<|padding|>")]
    added += [token(after + i, content, normalized=not content.startswith("<"), special=False)
              for i, content in enumerate(contents)]
    after += len(contents)
    added += [token(after + i, content, lstrip=content == "[MASK]")
              for i, content in enumerate(["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "[unused0]"])]
    return document(model, added, normalizer=dict(type="NFC"), pre_tokenizer=byte_level(),
                    post_processor=template(("[CLS]", after + 1), ("[SEP]", after + 2)))


def modernbert_variants(root):
    for form in ("NFD", "NFKC", "NFKD"):
        yield form, dict(root, normalizer=dict(type=form))


def xlm_roberta(sample):
    """XLM-RoBERTa, multilingual-e5."""
    added = [token(i, content) for i, content in enumerate(SPECIAL)]
    model = pieces(sample)
    added.append(token(len(model["vocab"]), "<mask>", lstrip=True))
    model["vocab"].append(["<mask>", 0.0])
    words = sequence("pretokenizers", dict(type="WhitespaceSplit"), metaspace())
    return document(dict(model, unk_id=3), added, normalizer=precompiled("nmt_nfkc"), pre_tokenizer=words,
                    post_processor=template(("<s>", 0), ("</s>", 2)))


def xlm_roberta_variants(root):
    charsmap = root["normalizer"]
    strip = dict(type="Strip", strip_left=False, strip_right=True)
    def spaces(content):
        return dict(type="Replace", pattern=dict(Regex=" {2,}"), content=content)
    def replace(pattern, content):
        return dict(type="Replace", pattern=dict(String=pattern), content=content)
    yield "as bge-m3", dict(root, normalizer=sequence("normalizers", charsmap, strip, spaces("▁")),
                            pre_tokenizer=metaspace())
    yield "as ALBERT", dict(root, pre_tokenizer=metaspace(), normalizer=sequence(
        "normalizers", replace("``", '"'), replace("''", '"'), dict(type="NFKD"),
        dict(type="StripAccents"), dict(type="Lowercase"), charsmap, spaces(" ")))
    yield "case folded", dict(root, normalizer=precompiled("nmt_nfkc_cf"))
    yield "first", dict(root, normalizer=None, pre_tokenizer=metaspace(prepend_scheme="first"))
    yield "one piece", dict(root, pre_tokenizer=metaspace(prepend_scheme="never", split=False))
    with_bytes = root["model"]["vocab"] + [[f"<0x{byte:02X}>", -20.0] for byte in range(256)]
    yield "byte fallback", dict(root, model=dict(root["model"], vocab=with_bytes, byte_fallback=True))
    # A trainer learns a special token too where its texts hold it often enough.
    yield "<pad> twice", dict(root, model=dict(root["model"], vocab=root["model"]["vocab"] + [["<pad>", -9.0]]))
    yield "other ids", dict(root, added_tokens=[dict(t, id=t["id"] + 90) for t in root["added_tokens"]]
                            + [token(7, "self"), token(5, "<x>"), token(6, "<pad><y>")])
    old_model = {k: v for k, v in root["model"].items() if k in ("unk_id", "vocab")}
    old_space = dict(type="Metaspace", replacement="▁", add_prefix_space=True)
    yield "as files of 2020", dict(root, model=old_model, pre_tokenizer=sequence(
        "pretokenizers", dict(type="WhitespaceSplit"), old_space))


def llama(sample):
    """Pairs over characters, behind SentencePiece's spaces."""
    normalizer = sequence("normalizers", dict(type="Prepend", prepend="▁"),
                          dict(type="Replace", pattern=dict(String=" "), content="▁"))
    added = [token(i, content) for i, content in enumerate(SPECIAL)]
    return document(character_pairs(sample), added, normalizer=normalizer,
                    post_processor=template(("<s>", 0), ("</s>", 2)))


def llama_variants(root):
    yield "no bytes", dict(root, model=dict(root["model"], byte_fallback=False))
    yield "no bytes, not fused", dict(root, model=dict(root["model"], byte_fallback=False,
                                                       fuse_unk=False))


# By name: what makes a tokenizer.json out of a sample of texts, and what makes variants of that.
FAMILIES = {
    "RoBERTa": (roberta, roberta_variants),
    "ModernBERT": (modernbert, modernbert_variants),
    "XLM-RoBERTa": (xlm_roberta, xlm_roberta_variants),
}
RELATIVES = {"Llama": (llama, llama_variants)}
