"""A template can neither reach out, nor fill the memory, nor go on forever."""

from __future__ import annotations

import time
from itertools import count
from typing import TYPE_CHECKING

import pytest
from codeconductor import InputError, PromptLimits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from codeconductor import Prompt

    Render = Callable[..., Prompt]


@pytest.fixture
def of_source(render: Render, project_templates: Path) -> Callable[[str], str]:
    """Render a template of that source."""

    def of_source(source: str) -> str:
        (project_templates / "own.md.j2").write_text(source)
        return render(limits=PromptLimits(template="own")).text

    return of_source


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock on which each look takes a millisecond: five thousand looks are the limit, however fast the machine."""
    looks = count()
    monkeypatch.setattr(time, "monotonic", lambda: next(looks) / 1_000)


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ task['__class__'] }}",
        "{{ task.items.__func__ }}",
        "{{ '{0.__class__}'.format(task) }}",
        "{{ '%s' | format(task) }}",
        "{{ task.context.append(1) }}",
        "{{ task.update(text='x') }}",
        "{{ task | attr('__class__') }}",
        "{{ self.__init__.__globals__ }}",
        "{{ namespace.__init__.__globals__ }}",
        "{{ range.__self__ }}",
        "{{ lipsum.__globals__ }}",
        "{{ cycler.__init__ }}",
        "{{ environment }}",
        "{% include '/etc/passwd' %}",
        "{% include '../../../etc/passwd' %}",
        "{% include 'file//etc/passwd' %}",
        "{% import 'os' as os %}{{ os.getcwd() }}",
    ],
)
def test_there_is_no_way_out(of_source: Callable[[str], str], source: str) -> None:
    """Attributes of Python's own, changes of the data, and files outside of the templates' folders are refused."""
    with pytest.raises(InputError, match=r"own\.md\.j2"):
        of_source(source)


NAMESPACE = "{% set ns = namespace(x='aaaaaaaaaa') %}{% for i in range(60) %}"


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * 50000000 }}",
        "{{ [1] * 1000000000 }}",
        "{{ 10 ** 100000000 }}",
        "{% set ns = namespace(x=3) %}{% for i in range(99) %}{% set ns.x = ns.x * ns.x %}{% endfor %}",
        "{{ '%1000000000d' % 1 }}",
        "{{ 'a'.ljust(1000000000) }}",
        "{{ 'a'.replace('', 'b') }}",
        "{{ '{:>1000000000}'.format('a') }}",
        "{{ 'a' | center(1000000000) }}",
        "{{ range(1000000000) | list }}",
        "{% for i in range(99999) %}{{ 'a' * 1000 }}{% endfor %}",
        NAMESPACE + "{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
        NAMESPACE + "{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}",
        NAMESPACE + "{% set ns.x = [ns.x, ns.x] | join %}{% endfor %}{{ ns.x }}",
        NAMESPACE + "{% set ns.x = ns.x | replace('a', 'aa') %}{% endfor %}{{ ns.x }}",
        NAMESPACE + "{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
        NAMESPACE + "{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x | tojson }}",
        NAMESPACE + "{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x | string | length }}",
        NAMESPACE + "{% set x %}{{ ns.x }}{{ ns.x }}{% endset %}{% set ns.x = x %}{% endfor %}",
        "{% set x = 'a' * 1000000 %}" + "{% set x %}{{ x }}{{ x }}{% endset %}" * 30,
        "{% set x = 'a' * 1000000 %}{{ range(99999) | join(x) }}",
        "{% macro f(s) %}{{ s }}{{ s }}{% endmacro %}{% set x = f(f('a' * 4000000)) %}",
    ],
)
def test_memory_has_a_bound(of_source: Callable[[str], str], source: str) -> None:
    """Whatever makes much of little ends with a message, before the memory is taken."""
    with pytest.raises(InputError, match=r"own\.md\.j2"):
        of_source(source)


TWINS = (
    "{% set ns = namespace(x=['a'], y=['a']) %}{% for i in range(60) %}"
    "{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}{% endfor %}"
)


@pytest.mark.parametrize(
    "use", ["ns.x == ns.y", "ns.x in [ns.y]", "ns.x is eq(ns.y)", "[ns.x].count(ns.y)", "[ns.x, ns.y] | unique | list"]
)
def test_comparing_has_an_end(of_source: Callable[[str], str], use: str) -> None:
    """Lists that hold one list many times compare in a time that doubles with their depth, and cannot be stopped."""
    with pytest.raises(InputError, match="8 million"):
        of_source(f"{TWINS}{{{{ {use} }}}}")


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    "source",
    [
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "{% macro f(n) %}{% if n %}{% set a = f(n - 1) %}{% set b = f(n - 1) %}{% endif %}{% endmacro %}{{ f(60) }}",
        "{% for i in [1, 2] recursive %}{{ loop([1, 2]) if loop.depth < 60 }}{% endfor %}",
        "{% for i in range(9999) %}{% set x = range(9) | map('string') | list %}{% endfor %}",
    ],
)
def test_time_has_a_bound(of_source: Callable[[str], str], source: str) -> None:
    """Loops, macros and filters look at the clock."""
    with pytest.raises(InputError, match="takes longer than 5 s"):
        of_source(source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "{% for i in [1, 2, 3] %}{{ loop.index }}/{{ loop.length }}{{ ',' if not loop.last }}{% endfor %}",
            "1/3,2/3,3/3",
        ),
        ("{% for i in [] %}x{% else %}none{% endfor %}", "none"),
        ("{% for k, v in {'a': 1}.items() %}{{ k ~ '=' ~ v }}{% endfor %}", "a=1"),
        ("{% for i in [[1], []] recursive %}{{ loop.depth }}{{ loop(i) if i is iterable }}{% endfor %}", "121"),
        ("{% set x | upper %}a{% endset %}{{ x }}", "A"),
        ("{% filter upper %}a{% endfilter %}", "A"),
        ("{% macro f(a, b=2) %}{{ a + b }}{% endmacro %}{{ f(1) }}", "3"),
        ("{% set ns = namespace(n=0) %}{% for i in [1, 2] %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}", "3"),
        ("{{ [{'a': 2}, {'a': 1}] | sort(attribute='a') | map(attribute='a') | join('-') }}", "1-2"),
        (
            "{{ [{'a': 2}, {'a': 1}] | join('+', attribute='a') }}={{ [{'a': 2}, {'a': 1}] | sum(attribute='a') }}",
            "2+1=3",
        ),
        ("{{ 'a\nb' | indent(2) }}", "a\n  b"),
        ("{{ 'aXa' | replace('X', '-') }}{{ 'a b'.split() | last }}{{ 7 % 4 }}{{ 2 ** 3 }}{{ '-' * 3 }}", "a-ab38---"),
        ("{{ {'a': [1, 'ü']} | tojson }}", '{"a": [1, "ü"]}'),
        ("{{ nothing | default('d') }}{{ nothing is defined }}", "dFalse"),
        ("{{ task.context }}", "[]"),
    ],
)
def test_templates_can_do_what_templates_do(of_source: Callable[[str], str], source: str, expected: str) -> None:
    """The limits change nothing for a template that stays within them."""
    assert of_source(source) == expected + "\n"


def test_a_template_sees_plain_data_alone(of_source: Callable[[str], str]) -> None:
    """Nothing that it is given has methods or attributes of ours."""
    text = of_source(
        "{% for value in [task, consensus, project, limits, consensus.witness, consensus.choice] %}"
        "{{ value is mapping }} {% endfor %}{{ consensus.choice | tojson }} {{ project.root }}"
    )
    assert text == 'True True True True True True {"model": "acme/a", "sample": 0} project\n'
