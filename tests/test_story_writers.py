"""Every code path that writes a story's state is found, and each that brings a story before readers asks the gate.

Generated from the source: nothing here names a function, so that a new way to readers is found whoever adds it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.test_architecture import modules

QUERYSET_WRITES = {
    "update",
    "create",
    "get_or_create",
    "update_or_create",
    "bulk_create",
    "bulk_update",
    "filter_update",
}
PUBLIC = "PUBLISHED"
WRITER = "newsroom.publishing.moving.move"


@dataclass(frozen=True)
class Write:
    """One place that writes, or has written, a story's state: where, and the expression it writes."""

    where: str
    value: str
    node: ast.AST
    function: ast.AST


def scopes(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Each function, and the module's own body for what stands outside of all functions."""

    def inside(node: ast.AST, path: str) -> Iterator[tuple[str, ast.AST]]:
        for child in ast.iter_child_nodes(node):
            is_scope = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            name = f"{path}.{child.name}" if is_scope else path  # type: ignore[attr-defined]
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield name, child
            yield from inside(child, name)

    yield "", tree
    yield from inside(tree, "")


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope that belong to no function within it."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
            yield from own_nodes(child)


def writes(name: str, tree: ast.Module) -> Iterator[Write]:
    """The writes of a field `state`, by assignment, keyword, name in a list, `setattr`, or SQL that names the table."""
    for path, function in scopes(tree):
        for node in own_nodes(function):
            for value in _written(node):
                yield Write(name + path, value, node, function)


def _written(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            if isinstance(target, ast.Attribute) and target.attr == "state" and _is_story(target.value):
                yield ast.unparse(node.value) if node.value else ""
    if isinstance(node, ast.Call):
        yield from _written_by_call(node)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        sql = node.value.lower()
        if "newsroom_story" in sql and any(word in sql for word in ("update ", "insert ", "replace ")):
            yield "sql"


def _written_by_call(node: ast.Call) -> Iterator[str]:
    called = ast.unparse(node.func)
    method = called.rpartition(".")[2]
    is_write = method in QUERYSET_WRITES or method in ("Story", "setattr", "__setattr__")
    if not is_write or (method in QUERYSET_WRITES and _is_foreign(called)):
        return
    for keyword in node.keywords:
        is_table = keyword.arg in ("defaults", "create_defaults", None)
        if keyword.arg == "state" or (is_table and "'state'" in ast.unparse(keyword.value)):
            yield ast.unparse(keyword.value)
    for argument in node.args:
        if isinstance(argument, ast.List | ast.Tuple | ast.Constant) and "'state'" in ast.unparse(argument):
            yield "by name"


def _is_story(owner: ast.expr) -> bool:
    text = ast.unparse(owner).lower()
    return text.rpartition(".")[2].strip("_") in ("story", "self", "obj", "instance", "one", "found", "due", "subject")


def _is_foreign(called: str) -> bool:
    """Whether the call names another model's manager outright."""
    return ".objects." in called and not called.startswith(("Story.objects", "models.Story.objects"))


OURS = [module for module in modules() if module.name.startswith("newsroom")]
FOUND = [write for module in OURS for write in writes(module.name, module.tree)]


@pytest.mark.parametrize("write", FOUND, ids=lambda write: f"{write.where}-{write.node.lineno}")
def test_a_storys_state_is_written_in_one_place(write: Write) -> None:
    """F01."""
    assert write.where == WRITER, f"{write.where} line {write.node.lineno} writes {write.value}"  # type: ignore[attr-defined]


def test_that_place_is_found_at_all() -> None:
    assert {write.where for write in FOUND} == {WRITER}


def moves() -> list[tuple[str, ast.Call, ast.AST]]:
    """Every call of the writer: where, the call, and the function that makes it."""
    found = []
    for module in OURS:
        for path, function in scopes(module.tree):
            for node in own_nodes(function):
                is_call = isinstance(node, ast.Call) and ast.unparse(node.func) in ("moving.move", "move")
                if is_call and module.name.startswith("newsroom.publishing"):
                    found.append((module.name + path, node, function))
    return found


def publishers() -> list[tuple[str, ast.AST]]:
    """The functions that may bring a story before readers: what they write isn't another state, spelled out."""
    known = ("DRAFT", "SUBMITTED", "SCHEDULED", "WITHDRAWN")
    found = []
    for where, call, function in moves():
        written = ast.unparse(call.args[2])
        if written.rpartition(".")[2] in known:
            continue
        if isinstance(call.args[2], ast.Name) and not any(PUBLIC in text for text in _values_of(function, written)):
            continue
        found.append((where, function))
    return found


def _values_of(function: ast.AST, name: str) -> list[str]:
    """Everything a local name is given in a function; an unknown origin counts as the worst."""
    given = []
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                names = target.elts if isinstance(target, ast.Tuple) else [target]
                if any(isinstance(one, ast.Name) and one.id == name for one in names):
                    # `to, action = (a, b) if … else (c, d)`: the state is what is bound to this very name.
                    position = next(i for i, one in enumerate(names) if isinstance(one, ast.Name) and one.id == name)
                    given += [ast.unparse(value) for value in _parts(node.value, position)]
    return given or [PUBLIC]


def _parts(value: ast.expr, position: int) -> list[ast.expr]:
    if isinstance(value, ast.IfExp):
        return _parts(value.body, position) + _parts(value.orelse, position)
    return [value.elts[position]] if isinstance(value, ast.Tuple) else [value]


def test_there_is_one_function_that_brings_a_story_before_readers() -> None:
    assert [where for where, _function in publishers()] == ["newsroom.publishing.going_out.let_out"]


@pytest.mark.parametrize("where", [where for where, _function in publishers()])
def test_whoever_calls_it_hands_over_the_gates_answer_given_in_the_same_transaction(where: str) -> None:
    """F01, F07. The answer is a call of the gate's own, in the very `with transaction.atomic()` in which it is used."""
    name = where.rpartition(".")[2]
    calls = 0
    for module in modules():
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.With) or "transaction.atomic()" not in ast.unparse(node.items[0]):
                continue
            inside = [one for one in ast.walk(node) if isinstance(one, ast.Call)]
            of_it = [one for one in inside if ast.unparse(one.func).rpartition(".")[2] == name]
            asked = [one for one in inside if ast.unparse(one.func) in ("gate.authorise", "gate.authorise_anyway")]
            calls += len(of_it)
            assert len(asked) >= len(of_it), f"{module.name} line {node.lineno}"
    everywhere = sum(
        isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == name
        for module in modules()
        for node in ast.walk(module.tree)
    )
    assert calls == everywhere > 1


def test_it_moves_nothing_that_the_gate_refused() -> None:
    """F01: before the move stands a way out for every answer that is a refusal."""
    [(_where, function)] = publishers()
    assert isinstance(function, ast.FunctionDef)
    first = function.body[1]
    assert isinstance(first, ast.If)
    assert ast.unparse(first.test) == "not decision.is_allowed"
    assert isinstance(first.body[-1], ast.Return)


@pytest.mark.parametrize(
    "source",
    [
        "def f(story): story.state = 'published'",
        "def f(rows): rows.update(state='published')",
        "def f(): Story.objects.filter(pk=1).update(state='published')",
        "def f(): Story(slug='x', state='published').save()",
        "def f(story): setattr(story, 'state', 'published')",
        "def f(rows): Story.objects.bulk_update(rows, ['state'])",
        "def f(): Story.objects.update_or_create(slug='x', defaults={'state': 'published'})",
        "def f(rows): rows.update(**{'state': 'published'})",
        "def f(c): c.execute('UPDATE newsroom_story SET state = 1')",
        "class A:\n    def g(self):\n        self.state = 'published'",
    ],
)
def test_no_way_of_writing_it_is_overlooked(source: str) -> None:
    assert [write.value for write in writes("x", ast.parse(source))], source
