"""Does every room know only those that it may know?"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]
PACKAGE = "understudy"
# Which modules (by dotted beginning) may not import which, and who is excused
FORBIDDEN = [
    ("core", ("bpy", "bpy_extras", "bmesh", "mathutils", f"{PACKAGE}.blender_addon"), ()),
    ("blender_addon", ("torch", "safetensors", "soundfile", "sounddevice"), ()),
    ("core.body", (f"{PACKAGE}.core.face",), ()),
    ("core.face", (f"{PACKAGE}.core.body",), ()),
    ("core", (f"{PACKAGE}.core.training",), ("core.training", "core.__main__", "core.commands", "core.bench")),
    ("blender_addon", (f"{PACKAGE}.core.training",), ()),
]
ONLY_DOOR = f"{PACKAGE}.core.contract"


def sources(room: str) -> list[Path]:
    return sorted((REPO / room).rglob("*.py"))


def module_name(path: Path, root: Path = REPO) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join((PACKAGE, *(parts[:-1] if parts[-1] == "__init__" else parts)))


def imports(source: str, module: str, is_package: bool = False) -> Iterator[tuple[str, str]]:
    """Absolute names of everything that a module imports, wherever in it: `from a import b` gives a with a.b, `import a` a with ""."""
    home = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = home[: len(home) - node.level + 1] if node.level else []
            base = ".".join([*start, *(node.module.split(".") if node.module else [])])
            yield from ((base, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("__import__", "import_module"):
            yield from ((str(name.value).lstrip("."), "") for name in node.args[:1] if isinstance(name, ast.Constant))


def imported(source: str, module: str, is_package: bool = False) -> set[str]:
    """The same as one set: `from a import b` gives a and a.b."""
    return {name for pair in imports(source, module, is_package) for name in pair if name}


def is_below(name: str, roots: tuple[str, ...]) -> bool:
    return any(name == root or name.startswith(root + ".") for root in roots)


def imports_of(path: Path) -> set[str]:
    return imported(path.read_text(encoding="utf-8"), module_name(path), path.name == "__init__.py")


def arrows(room: str) -> dict[str, set[str]]:
    """Which module of a room leans on which others of it. `from a import b` leans on a only where b is no module."""
    paths = {module_name(path): path for path in sources(room)}
    return {
        name: {whole if whole in paths else base for base, whole in imports(path.read_text(encoding="utf-8"), name, path.name == "__init__.py")}
        & paths.keys()
        for name, path in paths.items()
    }


def circle(leans_on: dict[str, set[str]]) -> list[str]:
    """Modules that come back to the first one by their imports; empty where no module does."""
    done: set[str] = set()

    def followed(way: list[str]) -> list[str]:
        for name in sorted(leans_on.get(way[-1], set()) - done):
            if name in way:
                return [*way[way.index(name) :], name]
            if found := followed([*way, name]):
                return found
        done.add(way[-1])
        return []

    return next((found for start in sorted(leans_on) if start not in done and (found := followed([start]))), [])


def path_edits(source: str) -> Iterator[str]:
    """Lines that change sys.path or reload a module."""
    for node in ast.walk(ast.parse(source)):
        text = ast.unparse(node) if isinstance(node, ast.expr | ast.stmt) else ""
        if isinstance(node, ast.Call):
            function = ast.unparse(node.func)
            owner, _, method = function.rpartition(".")
            edits = owner in ("sys.path", "_sys.path") and method in ("append", "insert", "extend", "remove", "pop", "clear", "__setitem__")
            if edits or method in ("reload", "addsitedir") or function in ("reload", "addsitedir"):
                yield text
        elif isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete):
            targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else [node.target]
            if any(ast.unparse(target).split("[")[0] in ("sys.path", "sys.meta_path", "sys.path_hooks") for target in targets):
                yield text
        elif isinstance(node, ast.ImportFrom) and node.module in ("sys", "importlib"):
            yield from (text for alias in node.names if alias.name in ("path", "reload", "meta_path"))


@pytest.mark.parametrize(("room", "unwanted", "excused"), FORBIDDEN, ids=lambda value: str(value)[:60])
def test_rooms_import_only_what_they_may(room: str, unwanted: tuple[str, ...], excused: tuple[str, ...]) -> None:
    excused_modules = tuple(f"{PACKAGE}.{name}" for name in excused)
    wrong = {
        (module_name(path), name)
        for path in sources(room.split(".")[0])
        if is_below(module_name(path), (f"{PACKAGE}.{room}",)) and not is_below(module_name(path), excused_modules)
        for name in imports_of(path)
        if is_below(name, unwanted)
    }
    assert wrong == set()


def test_there_is_something_to_check() -> None:
    assert len(sources("core")) > 20 and len(sources("blender_addon")) > 3


def test_the_add_on_enters_the_core_by_its_door() -> None:
    wrong = {
        (module_name(path), name)
        for path in sources("blender_addon")
        for name in imports_of(path)
        if is_below(name, (f"{PACKAGE}.core", "core")) and not is_below(name, (ONLY_DOOR,)) and name != f"{PACKAGE}.core"
    }
    assert wrong == set()


def test_the_contract_imports_the_standard_library_and_numpy() -> None:
    own = (ONLY_DOOR,)
    tops = {name for path in (REPO / "core" / "contract").rglob("*.py") for name in imports_of(path) if not is_below(name, own)}
    assert {name.split(".")[0] for name in tops} <= set(sys.stdlib_module_names) | {"numpy"}


@pytest.mark.parametrize("room", ["core", "blender_addon"])
def test_imports_never_come_back_to_where_they_began(room: str) -> None:
    """Also those inside functions, which only hide a circle."""
    assert circle(arrows(room)) == []


def test_the_search_for_circles_finds() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


@pytest.mark.parametrize("room", ["core", "blender_addon"])
def test_nobody_edits_the_module_path_or_reloads(room: str) -> None:
    assert {path.name: found for path in sources(room) if (found := list(path_edits(path.read_text(encoding="utf-8"))))} == {}


def loaded_by(statement: str) -> set[str]:
    """Modules that a fresh interpreter holds after a statement. The add-on's own __init__, which needs Blender, is left out."""
    stubs = {PACKAGE: REPO, f"{PACKAGE}.blender_addon": REPO / "blender_addon"}
    start = "".join(
        f"p = types.ModuleType({name!r}); p.__path__ = [{str(path)!r}]; sys.modules[{name!r}] = p\n" for name, path in stubs.items()
    )
    code = f"import sys, types\n{start}before = set(sys.modules)\n{statement}\nprint(*sorted(set(sys.modules) - before))"
    result = subprocess.run([sys.executable, "-s", "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return {name for name in result.stdout.split() if not name.startswith(("cython_runtime", "_cython_"))}


@pytest.mark.parametrize("module", ["core.contract", "blender_addon.engine.client", "blender_addon.engine.setup"])
def test_the_door_and_the_engine_load_numpy_and_nothing_else(module: str) -> None:
    loaded = loaded_by(f"import {PACKAGE}.{module}")
    assert {"numpy", ONLY_DOOR} <= loaded
    assert {name.split(".")[0] for name in loaded} - set(sys.stdlib_module_names) == {"numpy", PACKAGE}
    own = {name for name in loaded if is_below(name, (f"{PACKAGE}.core",))}
    assert {name for name in own if not is_below(name, (ONLY_DOOR,))} == {f"{PACKAGE}.core"}


def test_the_worker_greets_before_it_loads_torch() -> None:
    assert "torch" not in loaded_by(f"import {PACKAGE}.core.worker, {PACKAGE}.core.commands, {PACKAGE}.core.training.commands")


@pytest.mark.parametrize(("source", "expected"), [
    ("import torch.nn as n", {"torch.nn"}),
    ("def f():\n    from torch import Tensor", {"torch", "torch.Tensor"}),
    ("from . import service", {"understudy.core.body", "understudy.core.body.service"}),
    ("from ..face import x", {"understudy.core.face", "understudy.core.face.x"}),
    ("from ...blender_addon.engine import client", {"understudy.blender_addon.engine", "understudy.blender_addon.engine.client"}),
    ("import importlib\nimportlib.import_module('bpy')", {"importlib", "bpy"}),
    ("__import__('bpy')", {"bpy"}),
    ("if TYPE_CHECKING:\n    import bpy", {"bpy"}),
])  # fmt: skip
def test_the_search_for_imports_finds(source: str, expected: set[str]) -> None:
    assert imported(source, "understudy.core.body.flow") == expected


def test_the_search_for_imports_knows_where_a_package_stands() -> None:
    assert imported("from .errors import A", "understudy.core.contract", is_package=True) >= {"understudy.core.contract.errors"}


@pytest.mark.parametrize("line", [
    "sys.path.append('x')", "sys.path.insert(0, 'x')", "sys.path = []", "sys.path += ['x']", "sys.path[0] = 'x'", "sys.path[:0] = ['x']",
    "del sys.path[0]", "importlib.reload(m)", "from importlib import reload", "from sys import path", "site.addsitedir('x')",
])  # fmt: skip
def test_the_search_for_path_edits_finds(line: str) -> None:
    assert list(path_edits(f"def f():\n    {line}"))


@pytest.mark.parametrize(
    "line", ["print(sys.path)", "os.path.join('a')", "for p in sys.path: pass", "path = sys.path[0]", "card.reloaded = 1"]
)
def test_reading_the_path_is_allowed(line: str) -> None:
    assert not list(path_edits(line))
