"""The shape of the house, asserted: floors, one writer each, where dangerous libraries may be imported, and sizes."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("detection", "newsroom")

FLOORS: tuple[frozenset[str], ...] = (
    frozenset({"vocabulary", "errors", "conf", "signals", "correlation", "logs", "redaction", "counting"}),
    frozenset({"addresses", "results", "backoff", "signing", "intake", "sandbox", "policy", "wording"}),
    frozenset({"registry", "providers", "models", "stored"}),
    frozenset(
        {
            *("audit", "budgets", "four_eyes", "pulse", "queue", "ratelimit", "sampling", "switches", "standing"),
            *("tallies", "waiting"),
        }
    ),
    frozenset(
        {
            *("scanning", "overlays", "callbacks", "noting", "reviewing", "gate", "checking", "history", "ruling"),
            *("forgetting", "keys", "sweeping"),
        }
    ),
    frozenset(
        {
            *(
                "apps",
                "middleware",
                "tasks",
                "receivers",
                "checks",
                "metrics",
                "reach",
                "screens",
                "concluded",
                "forms",
                "views",
                "urls",
            ),
            *("admin", "templatetags", "management", "testing", "doctor", "watching"),
        }
    ),
)
"""Column names of `detection` by floor. A floor imports lower ones; a new module must be given its place here."""
WITHIN: dict[str, set[str]] = {
    "budgets": {"audit"},
    "models": {"registry"},
    "queue": {"pulse"},
    "standing": {"audit", "queue", "sampling", "waiting"},
    "switches": {"audit"},
    "waiting": {"sampling"},
    "callbacks": {"scanning"},
    "checking": {"scanning"},
    "noting": {"reviewing"},
    "sweeping": {"scanning", "callbacks", "checking", "history", "ruling", "forgetting", "keys"},
    "forgetting": {"history"},
}
"""What may be seen of one's own floor, on floors 2 to 4. The two lowest are free of cycles, and the doors are doors."""
ANYWHERE = {"signals"}


@dataclass(frozen=True)
class Module:
    """One source file, parsed."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def column(self) -> str:
        """`scanning` of detection.scanning.running; "" for the package itself."""
        return (self.name.split(".") + [""])[1]

    def imports(self, *, everywhere: bool = True) -> Iterator[str]:
        """Dotted names imported at run time; `everywhere`: also inside functions. Type-checking blocks don't count."""
        yield from _imports(self.tree, everywhere=everywhere)


def _imports(node: ast.AST, *, everywhere: bool) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and child.level == 0 and child.module:
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        elif everywhere or not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _imports(child, everywhere=everywhere)


@cache
def modules() -> tuple[Module, ...]:
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if "migrations" in parts:
                continue
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            text = path.read_text(encoding="utf-8")
            found.append(Module(name, path, text, ast.parse(text)))
    return tuple(found)


def of(package: str) -> list[Module]:
    return [one for one in modules() if one.name.split(".")[0] == package]


def floor_of(column: str) -> int:
    return next((number for number, floor in enumerate(FLOORS) if column in floor), -1)


def functions(module: Module) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{module.name}.{node.name}", node


# Which way imports point.


def test_every_module_of_the_app_has_its_floor() -> None:
    assert {one.column for one in of("detection") if one.column and floor_of(one.column) < 0} == set()


def test_a_floor_imports_lower_floors_only() -> None:
    wrong = []
    for module in of("detection"):
        for name in module.imports():
            package, _, rest = name.partition(".")
            column = rest.split(".")[0]
            if package != "detection" or floor_of(column) < 0 or column in {module.column, *ANYWHERE}:
                continue
            here, there = floor_of(module.column), floor_of(column)
            may_see = there == here and (here in (0, 1, 5) or column in WITHIN.get(module.column, set()))
            if module.column and not (there < here or may_see):
                wrong.append(f"{module.name} imports {column}")
    assert wrong == []


def test_the_app_never_imports_the_newsroom() -> None:
    assert [one.name for one in of("detection") for name in one.imports() if name.split(".")[0] == "newsroom"] == []


LIBRARIES = {
    "requests": ("detection.providers", "detection.testing"),
    "urllib3": ("detection.providers", "detection.testing"),
    "tenacity": ("detection.providers", "detection.testing"),
    "django_q": ("detection.queue",),
    "PIL": ("detection.intake", "detection.overlays", "detection.providers", "detection.testing", "newsroom.demo"),
    "pillow_heif": ("detection.intake", "detection.providers", "detection.testing"),
    "c2pa": ("detection.providers.provenance", "detection.testing"),
    "environ": ("newsroom.settings",),
    "boto3": ("newsroom.bucket",),
    "botocore": ("newsroom.bucket",),
    "storages": ("newsroom.bucket",),
    "multiprocessing": (),
    "pickle": (),
}
"""Where a library may be imported; drawing demo pictures opens none that a stranger sent."""


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_that_could_do_harm_stays_in_its_place(library: str) -> None:
    homes = LIBRARIES[library]
    found = {one.name for one in modules() for name in one.imports() if name.split(".")[0] == library}
    assert {name for name in found if not any(name == home or name.startswith(f"{home}.") for home in homes)} == set()


def test_there_is_no_import_cycle() -> None:
    names = {one.name for one in modules()}
    edges = {
        one.name: {target for name in one.imports(everywhere=False) for target in _targets(name, names)} - {one.name}
        for one in modules()
    }
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " → ".join([*path[path.index(name) :], name])
        if name not in done:
            for target in sorted(edges[name]):
                visit(target, (*path, name))
            done.add(name)

    for name in sorted(names):
        visit(name, ())


def _targets(name: str, names: set[str]) -> set[str]:
    """The module that `from package import thing` really needs: the thing where it is a module, else the package."""
    return {name} if name in names else {name.rpartition(".")[0]} & names


def test_first_party_imports_stand_at_the_top() -> None:
    late = []
    for module in modules():
        at_top = sorted(module.imports(everywhere=False))
        inside = list(module.imports())
        for name in at_top:
            inside.remove(name)
        late += [f"{module.name}: {name}" for name in inside if name.split(".")[0] in PACKAGES]
    assert len(late) <= 2, late


# Sizes and manners.


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_is_over_300_lines(package: str) -> None:
    sizes = {one.name: one.text.count("\n") for one in of(package)}
    assert {name: size for name, size in sizes.items() if size > 300} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_function_is_over_50_lines(package: str) -> None:
    sizes = {
        name: (node.end_lineno or 0) - node.lineno + 1 for module in of(package) for name, node in functions(module)
    }
    assert {name: size for name, size in sizes.items() if size > 50} == {}


def test_no_module_is_named_for_nothing() -> None:
    empty = {"utils", "util", "helpers", "helper", "services", "service", "manager", "managers", "common", "misc"}
    assert {one.name for one in modules() if one.name.rpartition(".")[2] in empty} == set()


def test_every_module_says_what_it_decides_and_annotates_lazily() -> None:
    with_code = [one for one in modules() if one.tree.body]
    assert [one.name for one in with_code if not ast.get_docstring(one.tree)] == []
    lacking = []
    for module in with_code:
        first = module.tree.body[1] if len(module.tree.body) > 1 else None
        if first is not None and ast.unparse(first) != "from __future__ import annotations":
            lacking.append(module.name)
    assert lacking == []


def _is_public(name: str) -> bool:
    return not name.startswith("_")


def _documented(module: Module) -> Iterator[tuple[str, bool]]:
    """Public functions and classes of a module's surface, each with whether it has a docstring."""
    for node in module.tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and _is_public(node.name):
            yield f"{module.name}.{node.name}", ast.get_docstring(node) is not None


def test_every_public_function_and_class_of_the_app_has_a_docstring() -> None:
    found = dict(pair for module in of("detection") for pair in _documented(module))
    assert [name for name, has in found.items() if not has] == []
    assert len(found) > 200


BROAD = {
    "detection.tasks": "the worker's door: django-q2 would run a task that raised again and again",
    "detection.queue": "each broker raises errors of its own",
    "detection.checking": "whatever a test met is told on its page before it goes on to the worker's log",
    "detection.sweeping": "one row that cannot be dealt with must not keep the others from being found",
    "detection.management.commands.detection_worker": "the bell rings on, whatever one round met",
    "detection.doctor": "whatever is broken must not break the doctor, which says what it is",
    "detection.receivers": "the upload's door: it never fails because of detection",
    "detection.intake": "decoders raise anything for hostile bytes",
    "detection.sandbox.child": "the sandbox's child answers, whatever the job raised",
    "detection.sandbox": "the child is ended whatever happens, and the exception goes on",
    "detection.redaction": "a line that cannot be masked says nothing, and breaks nothing",
    "detection.stored": "each storage raises errors of its own; here all of them become one of ours",
    "detection.providers.tokens": "each cache raises errors of its own; here all of them become one of ours",
    "detection.providers.sockets": "a resolver thread hands whatever it met to the thread that waits",
    "detection.views.handed": "the address is a credential: an error that went on would carry it into logs and mails",
    "detection.views.health": "whatever a part of the house raises, the answer is that it is not ready",
    "newsroom.filecache": "half a pickle may raise anything; what cannot be read is a miss",
    "newsroom.publishing.timetable": "the schedule: one broken story must not keep the others from going out",
    "newsroom.uploads": "a check that cannot be requested stops nobody on the way to the gate, which says so",
}
"""Where everything may be caught, and why."""


def test_everything_is_caught_only_where_a_reason_is_written_down() -> None:
    found: dict[str, int] = {}
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ExceptHandler):
                caught = ast.unparse(node.type) if node.type else "BaseException"
                if caught in ("Exception", "BaseException"):
                    found[module.name] = found.get(module.name, 0) + 1
    assert set(found) <= set(BROAD), found
    assert sum(found.values()) <= len(BROAD) + 1


# One writer each.


def _calls(module: Module, *methods: str) -> Iterator[ast.Call]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in methods:
            yield node


def _writes(model: str, fields: set[str]) -> set[str]:
    """Modules that update, or assign on an object of that name, one of these fields."""
    found = set()
    variable = model.lower()
    for module in modules():
        for call in _calls(module, "update", "create", "update_or_create", "get_or_create", "bulk_create"):
            text = ast.unparse(call.func)
            named = {keyword.arg for keyword in call.keywords}
            defaults = next((ast.unparse(k.value) for k in call.keywords if k.arg == "defaults"), "")
            if f"{model}.objects" in text and (named & fields or any(f"'{field}'" in defaults for field in fields)):
                found.add(module.name)
        for node in ast.walk(module.tree):
            targets = node.targets if isinstance(node, ast.Assign) else []
            for target in targets:
                if isinstance(target, ast.Attribute) and target.attr in fields:
                    owner = ast.unparse(target.value).lower()
                    if owner == variable or owner.endswith(f".{variable}"):
                        found.add(module.name)
    return found


STANDING = {"signal", "row", "why", "evidence", "conclusion", "standing", "standing_version", "policy_number"}


def test_only_the_row_itself_writes_an_analysis_s_status() -> None:
    writers = set()
    for module in modules():
        for call in _calls(module, "update"):
            named = {keyword.arg for keyword in call.keywords}
            text = ast.unparse(call.func)
            is_overlay = module.name == "detection.overlays" or "StoredOverlay" in text
            if "status" in named and module.name.startswith("detection") and not is_overlay:
                writers.add(module.name)
    assert writers == {"detection.models.analyses"}
    assert _writes("Analysis", {"status"}) <= {"detection.models.analyses"}


def test_only_standing_writes_what_the_house_thinks_of_a_picture() -> None:
    assert _writes("Asset", STANDING) <= {"detection.standing"}
    setters = [one.name for one in of("detection") if "standing_version" in one.text and "F(" in one.text]
    assert set(setters) <= {"detection.standing", "detection.models.assets", "detection.queue", "detection.tasks"}


def test_only_audit_adds_to_the_history() -> None:
    adders = {
        module.name
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[0] in ("AuditEvent", "AuditSeal")
        if ast.unparse(node.func) in ("AuditEvent", "AuditSeal") or ast.unparse(node.func).endswith("create")
    }
    assert adders == {"detection.audit", "detection.audit.chain"}


def test_only_publishing_moves_a_story() -> None:
    assert _writes("Story", {"state", "status"}) <= {"newsroom.publishing.moving"}


def test_the_analysis_is_the_only_thing_a_task_carries() -> None:
    """A task carries one primary key: it may be lost, doubled or late without harm. `asks` only chooses its queue."""
    for module in of("detection"):
        for call in _calls(module, "wake"):
            assert len(call.args) == 2, f"{module.name} line {call.lineno}"
            assert {one.arg for one in call.keywords} <= {"asks"}, f"{module.name} line {call.lineno}"


def test_the_tree_is_the_one_that_is_installed() -> None:
    spec = importlib.util.find_spec("detection")
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).is_relative_to(ROOT)
