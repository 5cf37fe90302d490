"""JinaBERT v2, which transformers does not have, in plain torch operators after its published
definition."""

import json

import safetensors.torch
import torch
from torch.nn import functional


class JinaBert:
    """jina-embeddings-v2: BERT with ALiBi and a gated feed-forward layer; `code` is the variant of
    the code model, which normalises queries and keys and the residual around attention twice."""

    def __init__(self, code, **sizes):
        self.code = code
        self.config = dict(sizes, model_type="bert", type_vocab_size=2, intermediate_size=3072,
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
