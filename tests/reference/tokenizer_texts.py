# SPDX-License-Identifier: BSD-2-Clause
"""Texts that tokenizers have been known to disagree on."""

TEXTS = [
    "", " ", "  ", "   x", "x   ", "\n", "\r\n", "a\r\nb\rc\nd", "\t\t x \n\n  y", "hello", " hello",
    "Hello, world! It's 2024; we'll see, I'D SAY'S 'Tis don'\u017f.", "The the THE the the the",
    "the quick brown fox jumps over the lazy dog", "1 12 123 1234 12345 3.14 1,000,000 \u00b2\u00bd\u2167",
    "สวัสดีครับ ผมชื่ออเล็กซ์", "น้ำแข็ง", "नमस्ते दुनिया हिन्दी", "مرحبا تَشْكِيل", "שלום נִקּוּד",
    "你好，世界。日本語カタカナ", "안녕하세요 \u1112\u1161\u11ab\u1100\u1173\u11af", "Привет, мир! η γρήγορη Σς",
    "Tiếng Việt \u0130stanbul \u0131\u015f\u0131k", "caf\u00e9 cafe\u0301 Cafe\u0301 CAF\u00c9",
    "a\u0323\u0307 a\u0307\u0323 \u1e69 s\u0323\u0307 s\u0307\u0323", "q\u0307\u0323\u0301\u0334\u0308" * 3,
    "\u212b \u2126 \ufb01 \ufdfa \u00c5 \u1e9e \u0344 \u0958 \u2adc", "👩\u200d👩\u200d👧 🏳\ufe0f\u200d🌈 👍🏽 🇫🇷",
    "\u00a0nbsp\u00a0\u00a0x \u3000ideographic\u2003em", "a\u0085b \u0085 c", "a\u180eb \u180e c",
    "a\u200bb \ufeffbom", "\u2028line\u2029para", "\u0663\u0664\u0665 \u0967\u0968\u0969 １２３ \U0001d7d8 \u2460\u3220",
    "\x00\x01\x1f\x7f\x80\x9f", "tab\x0bvt\x0cff", "\u00ad\u0378\ue000\U000f0000\U0010ffff\ufffe",
    "\U00031350\U0002ebf0\U0001e030\u1c89 \U00010d40\U00010d69 \U0001cc00",
    "snake_case camelCase HTTPServer x_1 __init__ \u24b6\u24d0", "def f(x):\n    if x == 0:\n        return [1, 2]\n",
    "https://www.example.com/a?b=c&d=%20#e user@example.org", "!!! ??? ... --- *** ,,,;;;", "({[<>]})\"'`~", "$+<=>^`|~",
    "a" * 70, "ab" * 60, " " * 70, "\n" * 60, " \n" * 20, "=" * 65, "the" * 30, "\u0e01" * 50, "x" * 200 + " y",
    "<|endoftext|>", "a<|endoftext|>b", "<s>", "<s>hello</s>", " <s> hello </s> ", "<s><s></s>", "<|endoftext", "<unk>",
    "<0x41><0x0A>", "<|start|><|start_header_id|>user<|eot_id|>", "<|start_header", "<think>so</think>",
    "WORD word WORDS aWORD WORD", "x  [L]  y  [R]  z [l]", "<mask>  <mask> a <mask>.", "ab cab ab  ab abc", "ab\u0301 ab",
    "\u2581the\u2581\u2581 \u2581", "the\u2581the the", "  the  the", "e the", "\u00e9\u4e00\U0001f600x\u00ff",
    "\ua8a0\ua8a1 q\u1234", "th\u0e01h the 5 5a t5 '5'", "100一二c123", "' 's 're\u2019s",
]
