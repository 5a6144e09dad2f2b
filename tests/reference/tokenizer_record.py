# SPDX-License-Identifier: BSD-2-Clause
"""Writes tests/data/tokenizer: small tokenizers and what the `tokenizers` package makes of the texts.

    python3 tests/reference/tokenizer_record.py tests/data/tokenizer
"""
import json
import pathlib
import random
import sys

from tokenizers import Tokenizer

from tokenizer_kinds import kinds
from tokenizer_texts import TEXTS


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def decode(t, ids):
    """As the package decodes, but a run of byte pieces that is not UTF-8 loses what is broken and no
    more (the package turns every byte of such a run into U+FFFD, which no stream can know in time)."""
    if "ByteFallback" not in str(t.decoder):
        return t.decode(ids, skip_special_tokens=False)
    out = b""
    for piece in map(t.id_to_token, ids):
        is_byte = len(piece) == 6 and piece.startswith("<0x")
        out += bytes([int(piece[3:5], 16)]) if is_byte else piece.replace("\u2581", " ").encode()
    text = out.decode("utf-8", "replace")
    return text[1:] if "Strip" in str(t.decoder) and text.startswith(" ") else text


def record(text):
    """Per text: ids with specials recognised, ids without if they differ, decodes if not the text."""
    t = Tokenizer.from_str(text)
    cases = []
    for s in TEXTS:
        t.encode_special_tokens = False
        special = t.encode(s, add_special_tokens=False).ids
        t.encode_special_tokens = True
        case = {"special": special}
        plain = t.encode(s, add_special_tokens=False).ids
        if plain != special:
            case["plain"] = plain
        for name, skip in (("decoded", False), ("skipped", True)):
            decoded = t.decode(special, skip_special_tokens=skip)
            if decoded != s:
                case[name] = decoded
        cases.append(case)
    t.encode_special_tokens = False
    template = t.encode("the fox", add_special_tokens=True).ids
    rng = random.Random(7)
    known = sorted(t.get_vocab(with_added_tokens=True).values())
    streams = []
    for _ in range(12):
        ids = [rng.choice(known) for _ in range(rng.randrange(1, 30))]
        streams.append({"ids": ids, "decoded": decode(t, ids)})
    return {"template": template, "cases": cases, "streams": streams}


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "texts.json").write_text(compact({"texts": TEXTS}) + "\n")
    for name, text in kinds():
        (folder / f"{name}.json").write_text(compact(json.loads(text)) + "\n")
        (folder / f"{name}.golden.json").write_text(compact(record(text)) + "\n")


main()
