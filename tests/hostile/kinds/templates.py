"""Chat templates that never end, take all memory, reach for Python, raise, or write what acts on a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random

from tests.hostile.case import MOST_BYTES, ROWS, Case, Content, Fifo, Link, recipe
from tests.hostile.strings import ATTACKS

TEMPLATES = {
    "syntax": "{% if %}",
    "unclosed": "{{ messages",
    "unknown tag": "{% nonsense %}",
    "unknown filter": "{{ messages | nonsense }}",
    "undefined": "{{ a.b.c }}",
    "raises": "{{ raise_exception('no\x1b[2J<script>') }}",
    "raises nothing": "{{ raise_exception() }}",
    "division": "{{ 1 // 0 }}",
    "types": "{{ messages + 1 }}",
    "number": "{{ 7 }}",
    "nothing": "",
    "empty output": "{% if false %}x{% endif %}",
    "roles only": "{% for m in messages %}{{ m.role }}{% endfor %}",
    "endless quiet loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "endless loops that write": "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
    "endless macro": "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
    "recursive loop": "{% for m in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}",
    "memory": "{{ 'x' * 99999999999 }}",
    "memory by format": "{{ '%99999999999d' % 1 }}",
    "memory by center": "{{ 'x' | center(99999999999) }}",
    "memory by indent": "{{ 'x' | indent(99999999999) }}",
    "memory by doubling": "{% set n = namespace(x='x') %}"
    "{% for a in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}{{ n.x }}",
    "power": "{{ 9 ** 9 ** 9 }}",
    "long output": "{{ 'word ' * 2000 }}",
    "range too large": "{% for a in range(999999999) %}x{% endfor %}",
    "class": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "globals": "{{ raise_exception.__globals__ }}",
    "import": "{% import 'os' as os %}{{ os }}",
    "include": "{% include '/etc/hostname' %}",
    "cycler": "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "mutation": "{{ messages.clear() }}",
    "do": "{% do messages.append(1) %}",
    "sorting": "{{ messages | sort }}",
    "date": "{{ strftime_now('%s' * 3000) }}",
    "bad date": "{{ strftime_now(3) }}",
    "tojson of itself": "{{ namespace(x=namespace) | tojson }}",
    "generation without end": "{% generation %}",
    "generation": "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}",
    "surrogates": "{{ '\\ud800' }}{{ messages }}",
    "deep": "{{ " + "(" * 500 + "1" + ")" * 500 + " }}",
    "deep ifs": "{% if true %}" * 300 + "{% endif %}" * 300,
    "many tags": "{{ 1 }}" * 3_000,
    "path": "nowhere.jinja",
    "path of a folder": ".",
    "path of a FIFO": "pipe",
    "path of a device": "endless",
    "long path": "a" * 2_000,
    "repr of parts": "{% for m in messages %}<|turn>{{ m.role }}\n{{ m.content }}<turn|>\n{% endfor %}",
    "random": "{% for m in messages %}{{ [1,2,3,4,5,6,7,8] | random }}{{ m.content }}{% endfor %}",
}


def cases(chance: Random) -> Iterator[Case]:
    """Each template with a command that renders."""
    files: dict[str, Content | None] = {"rows.jsonl": ROWS, "pipe": Fifo(), "endless": Link("/dev/zero")}
    for name, text in TEMPLATES.items():
        for command in (
            ("check", "infer") if chance.random() < 0.5 else (chance.choice(("inspect", "check", "export")),)
        ):
            output = chance.choice(("text", "json"))
            written = recipe(
                chat_template="jinja",
                chat_template_jinja=json.dumps(text),
                processor_type=None if chance.random() < 0.2 else "AutoProcessor",
            )
            arguments = [command, "recipe.yaml", "--rows", "2", "--format", output]
            # What a template builds inside is bounded by the machine alone: it must end in words all the same.
            most = 4 << 30 if name.startswith("memory") else MOST_BYTES
            yield Case(f"{name} ({command})", arguments, {**files, "recipe.yaml": written}, most_bytes=most)
    for attack in ATTACKS:
        text = "{% for m in messages %}" + attack.replace("{", "(") + "{{ m.role }}{{ m.content }}<turn|>{% endfor %}"
        written = recipe(chat_template="jinja", chat_template_jinja=json.dumps(text))
        arguments = [chance.choice(("inspect", "check", "infer")), "recipe.yaml", "--rows", "2"]
        yield Case(f"writes {attack[:9]!r}", arguments, {**files, "recipe.yaml": written})
