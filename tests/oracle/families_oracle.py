"""Compares the embeddings of all families with independent ones, on random weights of true shape.

    python families_oracle.py ORACLE_TOOL MODEL [--seed N] [--texts N] [--longest N] [FAMILY ...]

Every model is a whole folder with a tokenizer of its family, and a pooling, a prompt and the rest
drawn anew. References are folders that sentence-transformers writes and reads, and for JinaBERT,
which it does not have, a reading of the published definition. BERT, NomicBERT and JinaBERT have
MODEL's tokenizer. Ends 0 when every cosine is at least 0.9999 and every length the same in fp32
and, in bf16, which random weights are harder on than trained ones, the mean distance of means over
tokens is at most 1.5 times the reference's own in bf16.
"""

import argparse
import dataclasses
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import tokenizers
import torch
import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling

import texts
import tokenizer_families
from jina_bert import JinaBert
from vectors import cosines

LEAST_COSINE = 0.9999
MOST_BF16 = 1.5  # times the reference's distance
BASE = dict(hidden_size=768, num_hidden_layers=12, num_attention_heads=12)


@dataclasses.dataclass
class Extras:
    """What stands in a folder beside weights and tokenizer."""
    pooling: str
    normalize: bool
    lower_case: bool
    prompt: str
    longest: int  # tokens, special ones included

    @staticmethod
    def drawn(rng, longest):
        return Extras(rng.choice(("mean", "cls", "lasttoken")), rng.random() < 0.5,
                      rng.random() < 0.5, rng.choice(("", "passage: ", "Represent this code: ")),
                      longest)


class Native:
    """A model that transformers has, and what sentence-transformers makes of it."""

    def __init__(self, config):
        self.encoder = transformers.AutoModel.from_config(config)

    def save(self, folder, fill, tokenizer, extras):
        with torch.no_grad():
            for name, parameter in self.encoder.named_parameters():
                fill(name, parameter)
        plain, whole = folder / "plain", folder / "whole"
        self.encoder.save_pretrained(plain)
        tokenizer.save_pretrained(plain)
        pooling = Pooling(self.encoder.config.hidden_size, extras.pooling)
        modules = [Transformer(str(plain)), pooling] + [Normalize()] * extras.normalize
        prompts = {"query": "query: ", "document": extras.prompt}
        SentenceTransformer(modules=modules, prompts=prompts, device="cpu").save(str(whole))
        if extras.lower_case:
            file = whole / "sentence_bert_config.json"
            file.write_text(json.dumps(json.loads(file.read_text()) | {"do_lower_case": True}))
        self.model = SentenceTransformer(str(whole), device="cpu")
        return whole

    def to_bf16(self):
        self.model.bfloat16()

    def pool_by_mean(self):
        self.model[1].pooling_mode = "mean"
        return dict(embedding_dimension=self.encoder.config.hidden_size, pooling_mode="mean")

    def vectors(self, sample):
        return self.model.encode(sample, prompt_name="document", batch_size=1,
                                 show_progress_bar=False)


class Jina:
    """JinaBERT in a folder as sentence-transformers wrote it up to release 5."""

    def __init__(self, code):
        self.code = code

    def save(self, folder, fill, tokenizer, extras):
        self.encoder = JinaBert(self.code, vocab_size=len(tokenizer), **BASE)
        self.encoder.save(folder, fill)
        tokenizer.save_pretrained(folder)
        self.tokenizer, self.extras = tokenizer.backend_tokenizer, extras
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(extras.longest)
        if extras.lower_case:
            steps = [tokenizers.normalizers.Lowercase(), self.tokenizer.normalizer]
            self.tokenizer.normalizer = tokenizers.normalizers.Sequence([s for s in steps if s])
        kinds = ["Transformer", "Pooling"] + (["Normalize"] if extras.normalize else [])
        modules = [dict(idx=i, name=str(i), path=f"{i}_{kind}" if i else "",
                        type=f"sentence_transformers.models.{kind}")
                   for i, kind in enumerate(kinds)]
        flags = {"mean": "mean_tokens", "cls": "cls_token", "lasttoken": "lasttoken"}
        pooling = {f"pooling_mode_{flag}": mode == extras.pooling for mode, flag in flags.items()}
        files = {"modules.json": modules, "1_Pooling/config.json": pooling,
                 "sentence_bert_config.json": dict(max_seq_length=extras.longest,
                                                   do_lower_case=extras.lower_case),
                 "config_sentence_transformers.json": dict(prompts=dict(passage=extras.prompt))}
        (folder / "1_Pooling").mkdir()
        for name, content in files.items():
            (folder / name).write_text(json.dumps(content))
        return folder

    def to_bf16(self):
        self.encoder.to_bf16()

    def pool_by_mean(self):
        self.extras.pooling = "mean"
        return dict(pooling_mode_mean_tokens=True)

    def vectors(self, sample):
        pooled = []
        for text in sample:
            ids = self.tokenizer.encode(self.extras.prompt + text).ids
            states = self.encoder.states(ids).float()
            pooled.append({"mean": states.mean(0), "cls": states[0],
                           "lasttoken": states[-1]}[self.extras.pooling].numpy())
        vectors = numpy.stack(pooled)
        if self.extras.normalize:
            vectors /= numpy.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


# By name: the tokenizer's family, the longest text of published models, and a model by the size of
# its vocabulary.
FAMILIES = {
    "bert": ("BERT", 512, lambda size: Native(transformers.BertConfig(
        **BASE, vocab_size=size, intermediate_size=3072))),
    "roberta": ("RoBERTa", 512, lambda size: Native(transformers.RobertaConfig(
        **BASE, vocab_size=size, intermediate_size=3072, type_vocab_size=1,
        max_position_embeddings=514))),
    "xlm-roberta": ("XLM-RoBERTa", 512, lambda size: Native(transformers.XLMRobertaConfig(
        **dict(BASE, hidden_size=384), vocab_size=size, intermediate_size=1536, type_vocab_size=1,
        max_position_embeddings=514))),
    "nomic_bert": ("BERT", 2048, lambda size: Native(transformers.NomicBertConfig(
        **BASE, vocab_size=size, intermediate_size=3072))),
    "modernbert": ("ModernBERT", 8192, lambda size: Native(transformers.ModernBertConfig(
        **dict(BASE, num_hidden_layers=22), vocab_size=size, intermediate_size=1152,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2))),
    "jina_bert": ("BERT", 8192, lambda _: Jina(code=False)),
    "jina_bert_code": ("RoBERTa", 8192, lambda _: Jina(code=True)),
}
PADDING = {"BERT": "[PAD]", "RoBERTa": "<pad>", "XLM-RoBERTa": "<pad>", "ModernBERT": "[PAD]"}


def filler(rng):
    """Weights that keep states near unit size and make attention look at few tokens: with those
    that models start their training from, it would hardly matter where a token stands."""
    def fill(name, tensor):
        normal = torch.empty(tensor.shape).normal_(generator=rng)
        if tensor.dim() == 2 and "embeddings" not in name:
            sharp = any(part in name for part in ("query", "key", "q_proj", "k_proj", "Wqkv"))
            normal *= (2 if sharp else 1) / tensor.shape[1] ** 0.5
        elif "norm" in name.lower() and name.endswith("weight"):
            normal = 1 + normal / 10
        elif tensor.dim() == 1:
            normal /= 10
        return tensor.copy_(normal)
    return fill


def our_vectors(tool, folder, precision, sample):
    done = subprocess.run([tool, "embed", folder, precision], check=True,
                          input=texts.packed(sample), stdout=subprocess.PIPE)
    return numpy.frombuffer(done.stdout, dtype=numpy.float32).reshape(len(sample), -1)


def make_tokenizers(model, sample):
    """A tokenizer.json of each family, trained on `sample`; BERT's is MODEL's."""
    yield "BERT", (model / "tokenizer.json").read_text()
    for name, (make, _) in tokenizer_families.FAMILIES.items():
        yield name, json.dumps(make(sample))


def make_tokenizer(family, documents, longest):
    """FAMILY's, out of what make_tokenizers gives by name; it cuts texts at `longest` tokens."""
    name, _, _ = FAMILIES[family]
    backend = tokenizers.Tokenizer.from_str(documents[name])
    backend.no_padding()
    backend.no_truncation()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token=PADDING[name], model_max_length=longest)


def check(tool, family, documents, sample, extras, rng):
    _, longest, make_model = FAMILIES[family]
    extras.longest = min(extras.longest, longest)
    tokenizer = make_tokenizer(family, documents, extras.longest)
    reference = make_model(len(tokenizer))
    with tempfile.TemporaryDirectory() as name, torch.no_grad():
        folder = reference.save(pathlib.Path(name), filler(rng), tokenizer, extras)
        full, theirs = our_vectors(tool, folder, "fp32", sample), reference.vectors(sample)
        similar = cosines(full, theirs)
        lengths = numpy.linalg.norm(full, axis=1) / numpy.linalg.norm(theirs, axis=1)
        print(f"{family:15} fp32: cosine min {similar.min():.8f}, mean {similar.mean():.8f}; "
              f"{extras}", flush=True)
        # A single token's state says less of a precision than the mean of many.
        if extras.pooling != "mean":
            (folder / "1_Pooling/config.json").write_text(json.dumps(reference.pool_by_mean()))
            theirs = reference.vectors(sample)
        half = our_vectors(tool, folder, "bf16", sample)
        reference.to_bf16()
        rough = reference.vectors(sample)
    ours_off, theirs_off = (1 - cosines(x, theirs).mean() for x in (half, rough))
    print(f"{'':15} bf16: {ours_off:.2e} off, the reference {theirs_off:.2e}", flush=True)
    return (similar.min() >= LEAST_COSINE and numpy.abs(lengths - 1).max() < 1e-3
            and ours_off <= MOST_BF16 * theirs_off)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("families", nargs="*", default=list(FAMILIES))
    parser.add_argument("--seed")
    parser.add_argument("--texts", type=int, default=12)
    parser.add_argument("--longest", type=int, default=2048)
    options = parser.parse_intermixed_args()
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    rng = texts.seeded(options.seed)
    corpus = texts.corpus_folder(None)
    documents = dict(make_tokenizers(options.model, texts.code_pieces(corpus, rng, 3000)))
    pieces = texts.functions(corpus, rng, options.texts)
    # Beside real functions the ends of what a text can be: nothing, and more than a model reads.
    more = texts.functions(corpus, rng, 500)
    sample = ["", "X", "pads = ['<pad>', '[PAD]'] * <pad><pad>n  # <s>",
              "\n".join(more)[:8 * options.longest]] + pieces
    torch_rng = torch.Generator().manual_seed(rng.randrange(1 << 30))
    return 0 if all([check(options.tool, family, documents, sample,
                           Extras.drawn(rng, options.longest), torch_rng)
                     for family in options.families]) else 1


if __name__ == "__main__":
    sys.exit(main())
