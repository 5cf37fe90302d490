"""The libraries that the embedding benchmark compares forkdex with.

A peer opens a sentence-transformers folder with mean pooling and a BERT in it, on one thread, and
embeds texts; splitting into tokens is part of its work, as it is of forkdex's. Converted models go
into the folder it is given. Each is driven as well as its interface allows: texts sorted by length,
batches of the size that the benchmark finds to be its best.
"""

import importlib.util
import json
import pathlib

import numpy
import tokenizers
import torch
import transformers
from sentence_transformers import SentenceTransformer


class SentenceTransformers:
    needs = ()  # the oracles bring it
    batches = (8, 16, 32, 64)  # texts, which it sorts itself
    unit = "texts"

    def __init__(self, name, model, precision):
        self.name = name
        self.model = SentenceTransformer(str(model), device="cpu",
                                         model_kwargs={"dtype": getattr(torch, precision)})

    def embed(self, texts, batch):
        return self.model.encode(texts, batch_size=batch)


class Runtime:
    """A runtime that takes token ids: what a program around it would do to use it well."""

    batches = (256, 512, 1024, 2048, 4096)  # tokens, padding included
    unit = "tokens"

    def __init__(self, name, model):
        self.name = name
        longest = json.loads((model / "sentence_bert_config.json").read_text())["max_seq_length"]
        self.tokenizer = tokenizers.Tokenizer.from_file(str(model / "tokenizer.json"))
        self.tokenizer.enable_truncation(longest)
        self.tokenizer.no_padding()

    def embed(self, texts, batch):
        tokens = [one.ids for one in self.tokenizer.encode_batch_fast(texts)]
        order = sorted(range(len(tokens)), key=lambda i: len(tokens[i]))
        vectors = [None] * len(tokens)
        begin = 0
        while begin < len(order):
            end = begin + 1
            while end < len(order) and len(tokens[order[end]]) * (end + 1 - begin) <= batch:
                end += 1
            together = order[begin:end]
            for i, vector in zip(together, self.forward([tokens[i] for i in together])):
                vectors[i] = vector
            begin = end
        return numpy.stack(vectors)

    def forward(self, batch):
        """Vectors of unit length of lists of token ids."""
        raise NotImplementedError


def padded(batch):
    """Ids and mask of lists of token ids."""
    lengths = numpy.array([len(ids) for ids in batch])
    mask = numpy.arange(lengths.max()) < lengths[:, None]
    ids = numpy.zeros(mask.shape, dtype=numpy.int64)
    ids[mask] = numpy.concatenate(batch)
    return ids, mask.astype(numpy.int64)


class Pooled(torch.nn.Module):
    """The whole model as one graph: token ids and mask to vectors of unit length."""

    def __init__(self, model):
        super().__init__()
        # Plain attention: what the converters recognise and replace by kernels of their own.
        self.encoder = transformers.AutoModel.from_pretrained(
            str(model), attn_implementation="eager").eval()

    def forward(self, ids, mask):
        states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        weights = mask.unsqueeze(-1).to(states.dtype)
        return torch.nn.functional.normalize((states * weights).sum(1) / weights.sum(1), dim=1)


def example_inputs():
    ids = torch.randint(1, 100, (2, 16))
    mask = torch.ones_like(ids)
    mask[1, 10:] = 0
    return ids, mask


class OnnxRuntime(Runtime):
    needs = ("onnx", "onnxruntime")

    def __init__(self, name, model, folder):
        super().__init__(name, model)
        import onnxruntime
        from onnxruntime.transformers.optimizer import optimize_model

        exported, fused = folder / "model.onnx", folder / "fused.onnx"
        pooled = Pooled(model)
        axes = {0: "texts", 1: "tokens"}
        torch.onnx.export(pooled, example_inputs(), str(exported), dynamo=False, opset_version=17,
                          input_names=["ids", "mask"], output_names=["vectors"],
                          dynamic_axes={"ids": axes, "mask": axes})
        shape = pooled.encoder.config
        optimize_model(str(exported), model_type="bert", num_heads=shape.num_attention_heads,
                       hidden_size=shape.hidden_size).save_model_to_file(str(fused))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(fused), options,
                                                    providers=["CPUExecutionProvider"])

    def forward(self, batch):
        ids, mask = padded(batch)
        return self.session.run(["vectors"], {"ids": ids, "mask": mask})[0]


class OpenVino(Runtime):
    needs = ("openvino",)

    def __init__(self, name, model, precision):
        super().__init__(name, model)
        import openvino

        converted = openvino.convert_model(Pooled(model), example_input=example_inputs())
        self.request = openvino.Core().compile_model(converted, "CPU", {
            "INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False}).create_infer_request()

    def forward(self, batch):
        return self.request.infer(list(padded(batch)))[0].copy()  # the next call writes over it


class CTranslate2(Runtime):
    needs = ("ctranslate2",)

    def __init__(self, name, model, folder, precision):
        super().__init__(name, model)
        import ctranslate2
        from ctranslate2.converters import TransformersConverter

        converted = folder / "ctranslate2"
        if not converted.exists():
            TransformersConverter(str(model)).convert(str(converted))
        self.encoder = ctranslate2.Encoder(str(converted), device="cpu", compute_type=precision,
                                           inter_threads=1, intra_threads=1)

    def forward(self, batch):
        states = numpy.array(self.encoder.forward_batch(batch).last_hidden_state)
        vectors = numpy.stack([state[:len(ids)].mean(0) for state, ids in zip(states, batch)])
        return vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)


def all_peers(model, folder):
    """(name, class, arguments) of every peer."""
    model, folder = pathlib.Path(model), pathlib.Path(folder)
    return [
        ("sentence-transformers-fp32", SentenceTransformers, (model, "float32")),
        ("sentence-transformers-bf16", SentenceTransformers, (model, "bfloat16")),
        ("onnxruntime-fp32", OnnxRuntime, (model, folder)),
        ("openvino-f32", OpenVino, (model, "f32")),
        ("openvino-bf16", OpenVino, (model, "bf16")),
        ("ctranslate2-fp32", CTranslate2, (model, folder, "float32")),
        ("ctranslate2-int8", CTranslate2, (model, folder, "int8")),
    ]


def missing(peer):
    """The packages that a class of peers needs and this Python has not."""
    return [package for package in peer.needs if importlib.util.find_spec(package) is None]
