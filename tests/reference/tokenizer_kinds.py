# SPDX-License-Identifier: BSD-2-Clause
"""Small tokenizers of every family, trained on a few sentences in many scripts."""
import json

from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers,
                        pre_tokenizers, processors, trainers)

TEXT = """
The quick brown fox jumps over the lazy dog. It's what they've said: we'll see, I'd think so, don't you?
In 1984 there were 365 days and 1234567890 seconds; 3.14159 is close to pi, 50% of 2,000 is 1,000.
def main(argc, argv):\n    return [x for x in range(10) if x % 2 == 0]\n\n\tprint("hello, world")\r\n
สวัสดีครับ ผมชื่ออเล็กซ์ ภาษาไทยมีวรรณยุกต์ น้ำแข็งเปล่า
नमस्ते दुनिया, हिन्दी में लिखना अच्छा है। यह एक परीक्षण है।
مرحبا بالعالم، هذه جملة باللغة العربية مع تَشْكِيل كامل.
שלום עולם, זהו משפט בעברית עם נִקּוּד.
你好,世界。这是一个测试句子。日本語の文章も少しあります。カタカナとひらがな。안녕하세요 세계, 한국어 문장입니다.
Привет, мир! Это предложение на русском языке. Ελληνικά: η γρήγορη αλεπού. Tiếng Việt có dấu. Çok güzel.
Café naïve façade coöperate résumé Ångström. e\u0301 a\u030a o\u0308 n\u0303. 👩‍👩‍👧 🏳️‍🌈 👍🏽 🇫🇷 🤖🤖.
   leading spaces,  double  spaces,     runs     of    them\t\ttabs\n\n\nnewlines    \n   end   \n
www.example.com/path?query=value&other=1#fragment user@example.org {"key": [1, 2, 3], "k2": null} <b>html</b>
aaaa bbbb abab abba aaab the the the that this there then they them their these those than thus
""".strip().split("\n")

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
          r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
QWEN35 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}|"
          r" ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
GPT4O = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])
POSSESSIVE = (r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|"
              r"\s++$|\s*[\r\n]|\s+(?!\S)|\s")
DEEPSEEK = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|"
            r" ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
SPECIALS = ["<|endoftext|>", "<s>", "</s>"]


def train(pre, normalizer=None, size=560, specials=SPECIALS, alphabet=True, **model):
    t = Tokenizer(models.BPE(**model))
    t.pre_tokenizer = pre
    if normalizer:
        t.normalizer = normalizer
    t.train_from_iterator(TEXT, trainers.BpeTrainer(
        vocab_size=size, special_tokens=specials, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if alphabet else [],
        limit_alphabet=10000 if alphabet else 180))
    return t


def byte_level(*steps, prefix=False, regex=False, **rest):
    pre = list(steps) + [pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=regex)]
    t = train(pre_tokenizers.Sequence(pre) if len(pre) > 1 else pre[0], **rest)
    t.decoder = decoders.ByteLevel()
    return t


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern), behavior, invert)


def sentencepiece(normalizer, pre, decoder, with_bytes=True, across=True, **options):
    """A vocabulary with <unk>, the 256 bytes, then pieces learned over words marked with U+2581."""
    learned = json.loads(train(pre_tokenizers.Metaspace(), alphabet=False, size=440,
                               specials=[]).to_str())["model"]
    fixed = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256) if with_bytes]
    pieces = fixed + sorted(learned["vocab"], key=learned["vocab"].get)
    merges = [tuple(m) for m in learned["merges"]]
    # Merges across words, as training without a split finds them.
    for a, b in (("\u2581the", "\u2581the"), ("e", "\u2581the"), ("\u2581", "\u2581"),
                 ("\u2581\u2581", "\u2581\u2581"), ("\u2581\u2581", "\u2581")):
        if a in pieces and b in pieces and (across or not a.strip("\u2581")):
            merges.insert(len(merges) // 2, (a, b))
            if a + b not in pieces:
                pieces.append(a + b)
    t = Tokenizer(models.BPE(vocab={p: i for i, p in enumerate(pieces)}, merges=merges,
                             unk_token="<unk>", **options))
    if normalizer:
        t.normalizer = normalizer
    if pre:
        t.pre_tokenizer = pre
    if decoder:
        t.decoder = decoder
    t.add_special_tokens([AddedToken(x, normalized=False, special=True) for x in fixed[:3]])
    return t


def bos_template(t, bos="<s>"):
    return processors.TemplateProcessing(single=f"{bos} $A", pair=f"{bos} $A {bos} $B",
                                         special_tokens=[(bos, t.token_to_id(bos))])


def legacy_merges(text):
    d = json.loads(text)
    d["model"]["merges"] = [" ".join(m) for m in d["model"]["merges"]]
    return json.dumps(d, ensure_ascii=False)


def kinds():
    """Yields (name, text of tokenizer.json)."""
    n, p, d = normalizers, pre_tokenizers, decoders
    yield "gpt2", legacy_merges(byte_level(regex=True).to_str())

    t = byte_level(split(LLAMA3), ignore_merges=True, size=540)
    t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), bos_template(t)])
    t.add_special_tokens(["<|eot_id|>", "<|start|>", "<|start_header_id|>"])
    yield "llama3", t.to_str()

    t = byte_level(split(QWEN2), normalizer=n.NFC())
    t.add_tokens([AddedToken("<think>", normalized=False), AddedToken("</think>", normalized=False)])
    yield "qwen2", t.to_str()

    yield "qwen35", byte_level(split(QWEN35), normalizer=n.NFC()).to_str()
    yield "smollm", byte_level(p.Digits(individual_digits=True), regex=True).to_str()
    yield "gpt4o", byte_level(split(GPT4O)).to_str()
    yield "possessive", byte_level(split(POSSESSIVE)).to_str()
    yield "deepseek", byte_level(split(r"\p{N}{1,3}"), split("[一-龥\u3040-ゟ゠-ヿ]+"),
                                 split(DEEPSEEK)).to_str()

    t = byte_level(regex=True, prefix=True, normalizer=n.Sequence([n.NFKC(), n.Lowercase()]))
    t.add_tokens([AddedToken("WORD", single_word=True), AddedToken("[L]", lstrip=True),
                  AddedToken("[R]", rstrip=True, normalized=False), AddedToken("Café"),
                  AddedToken("ab", single_word=True, lstrip=True, rstrip=True, normalized=False)])
    t.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True, normalized=False)])
    yield "added", t.to_str()

    spm = d.Sequence([d.Replace("\u2581", " "), d.ByteFallback(), d.Fuse(), d.Strip(" ", 1, 0)])
    t = sentencepiece(n.Sequence([n.Prepend("\u2581"), n.Replace(" ", "\u2581")]), None, spm,
                      byte_fallback=True, fuse_unk=True)
    t.post_processor = bos_template(t)
    yield "llama2", t.to_str()
    yield "mistral", sentencepiece(None, p.Metaspace(prepend_scheme="first", split=False), spm,
                                   byte_fallback=True).to_str()
    yield "gemma", sentencepiece(n.Replace(" ", "\u2581"), p.Split(" ", "merged_with_previous"),
                                 d.Sequence([d.Replace("\u2581", " "), d.ByteFallback(), d.Fuse()]),
                                 across=False, byte_fallback=True, fuse_unk=True).to_str()
    yield "metaspace", sentencepiece(n.Strip(), p.Metaspace(), d.Metaspace(), with_bytes=False,
                                     fuse_unk=True).to_str()
    yield "words", sentencepiece(
        n.Sequence([n.NFKD(), n.Replace(Regex(r"\s+"), " "), n.Lowercase()]),
        p.Sequence([p.WhitespaceSplit(), p.Punctuation("contiguous"), p.Digits()]), None,
        with_bytes=False).to_str()
    yield "behaviors", byte_level(p.Whitespace(), split(r"\d\b|\bt", "merged_with_next"),
                                  split(r"[aeiou]", "merged_with_previous"),
                                  split(r"[^\w\s]|\W", "contiguous"),
                                  split(r"\w+?h", "removed", True), normalizer=n.NFD()).to_str()
