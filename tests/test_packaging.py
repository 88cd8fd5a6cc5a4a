"""What is built from this source tree: the wheels, with and without the library, the sdist, the kernels."""

import ast
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType

import pytest

from initkit.version import __version__

ROOT = Path(__file__).parent.parent
UNCHANGED: Mapping[str, str] = MappingProxyType({})
IN_EVERY_WHEEL = ("*.py", "*.h", "*.cu", "*.yaml", "*.json", "py.typed")

needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang", "cl"))), reason="needs a C compiler"
)
posix_only = pytest.mark.skipif(os.name != "posix", reason="another program stands in for the C compiler")


def run(*command: str | Path, cwd: Path = ROOT, variables: Mapping[str, str] = UNCHANGED) -> str:
    """Output of a command that has to succeed, with these environment variables changed."""
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **variables}, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source tree, in which the library of an earlier build lies about."""
    copy = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, copy)
    leave = shutil.ignore_patterns("__pycache__", "_initkit.*")
    shutil.copytree(ROOT / "initkit", copy / "initkit", ignore=leave)
    (copy / "initkit" / "kernels" / "_initkit.old").write_bytes(b"not a library")
    return copy


def build(source: Path, into: Path, hook: str, variables: Mapping[str, str] = UNCHANGED) -> Path:
    """The archive that a build hook makes, with the tools of this environment and without the network."""
    code = f"from scikit_build_core.build import {hook}; print({hook}({str(into)!r}))"
    return into / run(sys.executable, "-c", code, cwd=source, variables=variables).split()[-1]


@pytest.fixture(scope="module")
def compiled_wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel built here."""
    return build(source, tmp_path_factory.mktemp("compiled"), "build_wheel")


@pytest.fixture(scope="module")
def pure_wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel built where the C compiler fails."""
    failing = shutil.which("false")
    assert failing is not None
    return build(source, tmp_path_factory.mktemp("pure"), "build_wheel", {"CC": failing})


def names_in(wheel: Path) -> set[str]:
    """The files of a wheel that come from the package."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if name.startswith("initkit/")}


def package_files(*patterns: str) -> set[str]:
    """The files of the source package that match, by their names in an archive."""
    found = (path for pattern in patterns for path in (ROOT / "initkit").rglob(pattern))
    return {path.relative_to(ROOT).as_posix() for path in found}


@needs_compiler
def test_wheel_holds_the_library_and_serves_every_python(compiled_wheel: Path) -> None:
    """Beside Python files and headers the wheel has one library; its tags name a platform but no Python."""
    assert compiled_wheel.name.startswith(f"initkit-{__version__}-py3-none-")
    assert not compiled_wheel.name.endswith("-any.whl")
    suffix = {"win32": "dll", "darwin": "dylib"}.get(sys.platform, "so")
    assert names_in(compiled_wheel) == package_files(*IN_EVERY_WHEEL) | {f"initkit/kernels/_initkit.{suffix}"}


@posix_only
def test_wheel_without_a_working_compiler_is_pure(pure_wheel: Path) -> None:
    """Where the compiler fails the wheel is for any platform and has no library, not even one from before."""
    assert pure_wheel.name == f"initkit-{__version__}-py3-none-any.whl"
    assert names_in(pure_wheel) == package_files(*IN_EVERY_WHEEL)


REPORT = """
import hashlib, json, sys
# An editable install adds a finder that comes before every path; Python's own finders are classes.
sys.meta_path[:] = [finder for finder in sys.meta_path if isinstance(finder, type)]
import initkit as ik

kernels = ik.show_config("dict")["kernels"]
laws = (ik.RandomNormal(seed=7), ik.TruncatedNormal(seed=7), ik.RandomUniform(seed=7))
values = [law((99, 7), dtype) for law in laws for dtype in ("float32", "float64", "bfloat16")]
kernels["digest"] = hashlib.sha256(b"".join(array.tobytes() for array in values)).hexdigest()
print(json.dumps(kernels))
"""


def unpack(wheel: Path, into: Path) -> Path:
    """The folder into which a wheel was unpacked, as an installer would."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(into)
    return into


def kernels_of(installed: Path) -> dict[str, str]:
    """What initkit says of its kernels when imported from that folder, and the digest of some values."""
    variables = {"PYTHONPATH": str(installed), "INITKIT_SIMD": ""}
    reported: dict[str, str] = json.loads(
        run(sys.executable, "-c", REPORT, cwd=installed, variables=variables)
    )
    return reported


@needs_compiler
def test_compiled_wheel_runs_on_its_own_library(compiled_wheel: Path, tmp_path: Path) -> None:
    """Unpacked anywhere, the package finds the library beside its own files and computes with it."""
    kernels = kernels_of(unpack(compiled_wheel, tmp_path))
    assert Path(kernels["library"]).parent.samefile(tmp_path / "initkit" / "kernels")
    assert kernels["instruction_set"] in {"avx512", "avx2", "neon", "baseline"}


@posix_only
@needs_compiler
def test_pure_wheel_gives_the_same_values(compiled_wheel: Path, pure_wheel: Path, tmp_path: Path) -> None:
    """Without the library the package computes with NumPy, says why, and the values are the same."""
    pure = kernels_of(unpack(pure_wheel, tmp_path / "pure"))
    assert pure["library"] == "none"
    assert pure["instruction_set"] == "numpy"
    assert "none were built" in pure["reason"]
    assert pure["digest"] == kernels_of(unpack(compiled_wheel, tmp_path / "compiled"))["digest"]


@needs_compiler
def test_library_older_than_its_sources_is_not_used(compiled_wheel: Path, tmp_path: Path) -> None:
    """In a source tree the library is used while the C files are those it was built from, and not after."""
    here = unpack(compiled_wheel, tmp_path) / "initkit" / "kernels"
    for name in package_files("*.c", "CMakeLists.txt"):
        shutil.copy(ROOT / name, here)
    assert kernels_of(tmp_path)["library"] != "none"
    with (here / "fill.c").open("a", encoding="utf-8") as file:
        file.write("/* a change */\n")
    changed = kernels_of(tmp_path)
    assert changed["library"] == "none"
    assert "older than their sources" in changed["reason"]


@needs_compiler
def test_the_tests_run_on_the_compiled_kernels() -> None:
    """Where there is a compiler the installation under test has its library, so that these tests test it."""
    kernels = kernels_of(ROOT)
    assert kernels["library"] != "none", kernels["reason"]


def test_sdist_holds_what_a_build_needs(source: Path, tmp_path: Path) -> None:
    """The source archive has all that a build takes, C files and licence included, and nothing built."""
    with tarfile.open(build(source, tmp_path, "build_sdist")) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= package_files(*IN_EVERY_WHEEL, "*.c", "CMakeLists.txt")
    assert names >= {"LICENSE", "README.md", "pyproject.toml"}
    assert not any("_initkit." in name for name in names)


def test_installed_version_is_the_one_written_down() -> None:
    """The metadata of the installation and the package name the same version."""
    assert version("initkit") == __version__


def top_level_imports(path: Path) -> Iterator[str]:
    """The packages that a Python file imports when it is imported itself."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            yield node.module.partition(".")[0]


def test_only_declared_dependencies_are_imported() -> None:
    """No file but those of interop, imported only on purpose, needs more than the declared dependencies."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert [name.partition(">")[0] for name in project["dependencies"]] == ["numpy", "ml_dtypes", "PyYAML"]
    files = [path for path in (ROOT / "initkit").rglob("*.py") if path.parent.name != "interop"]
    imported = {name for path in files for name in top_level_imports(path)}
    assert imported - sys.stdlib_module_names <= {"initkit", "numpy", "ml_dtypes", "yaml"}


def test_importing_initkit_imports_no_optional_package() -> None:
    """After `import initkit` none of the packages that only an extra installs has been imported."""
    imported = run(sys.executable, "-c", "import initkit, sys; print(*sys.modules)").split()
    assert "initkit" in imported
    assert not {"cupy", "dask", "jax", "keras", "rich", "safetensors", "scipy", "torch"} & set(imported)


def compiled_with(build_folder: Path, variables: Mapping[str, str]) -> list[list[str]]:
    """The flags with which each file of the kernels would be compiled, given these environment variables."""
    cmake = (sys.executable, "-m", "cmake", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON")
    run(*cmake, "-S", ROOT / "initkit" / "kernels", "-B", build_folder, variables=variables)
    listed = json.loads((build_folder / "compile_commands.json").read_text(encoding="utf-8"))
    return [entry["command"].split() for entry in listed]


@posix_only
@needs_compiler
def test_no_environment_makes_the_compiler_contract(tmp_path: Path) -> None:
    """No file may fuse a multiply with an add or reorder arithmetic, whatever CFLAGS asks for."""
    for flags in compiled_with(tmp_path, {"CFLAGS": "-ffast-math -ffp-contract=fast"}):
        assert [flag for flag in flags if flag.startswith("-ffp-contract")][-1] == "-ffp-contract=off"
        assert [flag for flag in flags if flag.endswith("fast-math")][-1] == "-fno-fast-math"


@posix_only
@needs_compiler
def test_compiler_that_lacks_an_instruction_set_builds_the_rest(tmp_path: Path) -> None:
    """An instruction set that the compiler refuses is left out, and the library is built without it."""
    real = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))))
    old = tmp_path / "old-cc"
    old.write_text(f'#!/bin/sh\ncase "$*" in *-mavx512*) exit 1;; esac\nexec {real} "$@"\n', encoding="utf-8")
    old.chmod(0o755)
    flags = {flag for flags in compiled_with(tmp_path / "build", {"CC": str(old)}) for flag in flags}
    assert "-DIK_ISA=baseline" in flags
    assert not flags & {"-DIK_ISA=avx512", "-DIK_HAVE_AVX512", "-mavx512f"}
    run(sys.executable, "-m", "cmake", "--build", tmp_path / "build")
