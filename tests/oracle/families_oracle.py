"""Compares the encoders of all families with independent ones, on random weights of true shape.

    python families_oracle.py ORACLE_TOOL MODEL [--seed N] [--texts N] [FAMILY ...]

References are transformers' own models, and for JinaBERT, which it does not have, a reading of the
published definition in plain torch operators. Tokens are MODEL's in all of them. Ends 0 when every
cosine is at least 0.9999 in fp32 and, in bf16, which random weights are harder on than trained ones,
the mean distance is at most 1.5 times the reference's own in bf16.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy
import safetensors.torch
import tokenizers
import torch
import transformers
from torch.nn import functional

import texts
from vectors import cosines

LEAST_COSINE = 0.9999
MOST_BF16 = 1.5  # times the reference's distance
BASE = dict(vocab_size=30522, hidden_size=768, num_hidden_layers=12, num_attention_heads=12)


class JinaBert:
    """jina-embeddings-v2: BERT with ALiBi and a gated feed-forward layer; `code` is the variant of
    the code model, which normalises queries and keys and the residual around attention twice."""

    def __init__(self, code):
        self.code = code
        self.config = dict(BASE, model_type="bert", type_vocab_size=2, intermediate_size=3072,
                           max_position_embeddings=8192, position_embedding_type="alibi",
                           feed_forward_type="geglu", hidden_act="gelu", layer_norm_eps=1e-12)
        self.weights = {}

    def shapes(self):
        hidden, inner = self.config["hidden_size"], self.config["intermediate_size"]
        yield "embeddings.word_embeddings.weight", (self.config["vocab_size"], hidden)
        yield "embeddings.token_type_embeddings.weight", (2, hidden)
        norms = ["embeddings.LayerNorm"]
        for i in range(self.config["num_hidden_layers"]):
            layer = f"encoder.layer.{i}."
            linears = {f"attention.self.{x}": (hidden, hidden) for x in ("query", "key", "value")}
            linears["attention.output.dense"] = (hidden, hidden)
            wide, narrow = ("up_gated_layer", "down_layer") if self.code else ("gated_layers", "wo")
            linears[f"mlp.{narrow}"] = (hidden, inner)
            yield f"{layer}mlp.{wide}.weight", (2 * inner, hidden)
            for name, shape in linears.items():
                yield f"{layer}{name}.weight", shape
                yield f"{layer}{name}.bias", shape[:1]
            own = (["attention.self.layer_norm_q", "attention.self.layer_norm_k", "layer_norm_1",
                    "layer_norm_2"] if self.code else ["mlp.layernorm"])
            norms += [layer + name for name in own + ["attention.output.LayerNorm"]]
        for norm in norms:
            yield norm + ".weight", (hidden,)
            yield norm + ".bias", (hidden,)

    def save(self, folder, fill):
        self.weights = {name: fill(name, torch.empty(shape)) for name, shape in self.shapes()}
        safetensors.torch.save_file(self.weights, folder / "model.safetensors")
        (folder / "config.json").write_text(json.dumps(self.config))

    def to_bf16(self):
        self.weights = {name: weight.bfloat16() for name, weight in self.weights.items()}

    def norm(self, name, x):
        return functional.layer_norm(x, x.shape[-1:], self.weights[name + ".weight"],
                                     self.weights[name + ".bias"], 1e-12)

    def linear(self, name, x):
        return functional.linear(x, self.weights[name + ".weight"],
                                 self.weights.get(name + ".bias"))

    def slopes(self):
        """Press et al. 2022: a geometric series, for other than powers of two of two lengths."""
        heads = self.config["num_attention_heads"]
        power = 2 ** (heads.bit_length() - 1)

        def series(n):
            return [2 ** (-8 * (i + 1) / n) for i in range(n)]
        return torch.tensor(series(power) + series(2 * power)[::2][:heads - power]).to(
            self.weights["embeddings.LayerNorm.weight"].dtype)

    def attention(self, layer, x):
        heads = self.config["num_attention_heads"]
        query, key, value = (self.linear(f"{layer}attention.self.{n}", x)
                             for n in ("query", "key", "value"))
        if self.code:
            query = self.norm(layer + "attention.self.layer_norm_q", query)
            key = self.norm(layer + "attention.self.layer_norm_k", key)
        query, key, value = (y.view(len(x), heads, -1).transpose(0, 1) for y in (query, key, value))
        places = torch.arange(len(x))
        far = (places[:, None] - places[None, :]).abs()
        scores = query @ key.transpose(1, 2) / query.shape[-1] ** 0.5
        scores = scores - self.slopes()[:, None, None] * far
        mixed = (scores.softmax(-1) @ value).transpose(0, 1).reshape(len(x), -1)
        out = self.linear(layer + "attention.output.dense", mixed)
        out = self.norm(layer + "attention.output.LayerNorm", out + x)
        return self.norm(layer + "layer_norm_1", out + x) if self.code else out

    def feed_forward(self, layer, x):
        if self.code:
            up, gate = self.linear(layer + "mlp.up_gated_layer", x).chunk(2, -1)
            return self.norm(layer + "layer_norm_2", x + self.linear(
                layer + "mlp.down_layer", up * functional.gelu(gate)))
        gate, up = self.linear(layer + "mlp.gated_layers", x).chunk(2, -1)
        return self.norm(layer + "mlp.layernorm",
                         x + self.linear(layer + "mlp.wo", functional.gelu(gate) * up))

    def states(self, ids):
        x = self.weights["embeddings.word_embeddings.weight"][ids]
        x = self.norm("embeddings.LayerNorm",
                      x + self.weights["embeddings.token_type_embeddings.weight"][0])
        for i in range(self.config["num_hidden_layers"]):
            layer = f"encoder.layer.{i}."
            x = self.feed_forward(layer, self.attention(layer, x))
        return x


class Native:
    """A model that transformers has."""

    def __init__(self, model):
        self.model = model.eval()

    def save(self, folder, fill):
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                fill(name, parameter)
        self.model.save_pretrained(folder)

    def to_bf16(self):
        self.model.bfloat16()

    def states(self, ids):
        return self.model(input_ids=torch.tensor([ids])).last_hidden_state[0]


def bert():
    config = transformers.BertConfig(**BASE, intermediate_size=3072)
    return Native(transformers.BertModel(config, add_pooling_layer=False))


def roberta():
    config = transformers.RobertaConfig(**BASE, intermediate_size=3072, type_vocab_size=1,
                                        max_position_embeddings=514)
    return Native(transformers.RobertaModel(config, add_pooling_layer=False))


def xlm_roberta():
    config = transformers.XLMRobertaConfig(
        **dict(BASE, hidden_size=384), intermediate_size=1536, type_vocab_size=1,
        max_position_embeddings=514)
    return Native(transformers.XLMRobertaModel(config, add_pooling_layer=False))


def nomic_bert():
    config = transformers.NomicBertConfig(**BASE, intermediate_size=3072)
    return Native(transformers.NomicBertModel(config, add_pooling_layer=False))


def modernbert():
    config = transformers.ModernBertConfig(
        **dict(BASE, num_hidden_layers=22), intermediate_size=1152, pad_token_id=0, bos_token_id=1,
        eos_token_id=2, cls_token_id=1, sep_token_id=2)
    return Native(transformers.ModernBertModel(config))


FAMILIES = {"bert": bert, "roberta": roberta, "xlm-roberta": xlm_roberta,
            "nomic_bert": nomic_bert, "modernbert": modernbert,
            "jina_bert": lambda: JinaBert(code=False),
            "jina_bert_code": lambda: JinaBert(code=True)}


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


def check(tool, model, family, sample, rng):
    tokenizer = tokenizers.Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(512)
    ids = [tokenizer.encode(text).ids for text in sample]
    reference = FAMILIES[family]()
    with tempfile.TemporaryDirectory() as name, torch.no_grad():
        folder = pathlib.Path(name)
        reference.save(folder, filler(rng))
        shutil.copy(model / "tokenizer.json", folder)
        (folder / "tokenizer_config.json").write_text('{"model_max_length": 512}')
        full, half = (our_vectors(tool, folder, p, sample) for p in ("fp32", "bf16"))
        theirs = numpy.stack([reference.states(text).mean(0).numpy() for text in ids])
        reference.to_bf16()
        rough = numpy.stack([reference.states(text).float().mean(0).numpy() for text in ids])
    similar = cosines(full, theirs)
    ours_off, theirs_off = (1 - cosines(x, theirs).mean() for x in (half, rough))
    print(f"{family:15} fp32: cosine min {similar.min():.8f}, mean {similar.mean():.8f}; "
          f"bf16: {ours_off:.2e} off, the reference {theirs_off:.2e}", flush=True)
    return similar.min() >= LEAST_COSINE and ours_off <= MOST_BF16 * theirs_off


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("families", nargs="*", default=list(FAMILIES))
    parser.add_argument("--seed")
    parser.add_argument("--texts", type=int, default=12)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rng = texts.seeded(options.seed)
    pieces = texts.functions(texts.corpus_folder(None), rng, options.texts)
    # Beside real functions the ends of what a text can be: nothing, and more than a model reads.
    sample = ["", "x", "\n".join(pieces)[:20_000]] + pieces
    torch_rng = torch.Generator().manual_seed(rng.randrange(1 << 30))
    return 0 if all([check(options.tool, options.model, family, sample, torch_rng)
                     for family in options.families]) else 1


if __name__ == "__main__":
    sys.exit(main())
