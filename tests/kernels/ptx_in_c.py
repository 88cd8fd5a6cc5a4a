"""PTX written as C: each instruction becomes a statement that does what the PTX ISA says of it.

Only what occurs in initkit's programs is known. Anything else is an error, not a guess.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tests.kernels.ptx import EntryPoint

_BYTES = {f"{kind}{bits}": bits // 8 for kind in "busf" for bits in (8, 16, 32, 64)}
_SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "and": "&", "or": "|", "xor": "^"}
# Comparisons of floats that are true of a NaN are known by a u behind, but for C's != among them.
_COMPARISONS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "neu": "!="}
_LINE = re.compile(r"(?:@(!?)%(p\d+) )?([a-z][a-z0-9_.]*)(?: (.*))?;")
# A move in braces, for a register that is used nowhere else.
_WITH_SCRAP = re.compile(r"\{ \.reg \.b\d+ tmp; (mov\.b\d+ \{tmp, %\w+\}, %\w+;) \}")
_ADDRESS = re.compile(r"\[([%\w]+)(?:\+(-?\d+))?\]")


class UnknownInstructionError(Exception):
    """PTX that is not written as C here."""


def in_c(entry: EntryPoint, name: str) -> str:
    """An entry point as a function of C that runs one thread.

    Args:
        entry: The entry point.
        name: The function's name.

    Returns:
        The function, which takes the addresses of the parameters.
    """
    lines = [f"static void {name}(const u64 *parameters) {{"]
    for line in entry.body.splitlines():
        text = " ".join(line.split())
        if text.startswith(".reg"):
            lines.append(_registers(text))
        elif text.endswith(":"):
            lines.append(f"{_label(text[:-1])}: ;")
        elif text and not text.startswith((".pragma", "//")):
            lines.append(_statement(text).replace(f"{entry.mangled}_param_", "parameter"))
    numbers = range(len(entry.parameters))
    declared = [f"const u64 parameter{number} = parameters[{number}];" for number in numbers]
    return "\n".join((lines[0], *declared, *lines[1:], "}"))


def _registers(text: str) -> str:
    """`.reg .b64 %rd<3>;` in C."""
    found = re.fullmatch(r"\.reg \.(\w+) %(\w+)<(\d+)>;", text)
    if found is None:
        raise UnknownInstructionError(text)
    kind, name, count = found.groups()
    # What holds floats holds their bits, as a register does.
    held = kind.replace("f", "u")
    return f"{held} {', '.join(f'{name}{number}' for number in range(int(count)))};"


def _label(text: str) -> str:
    return text.replace("$", "")


def _statement(text: str) -> str:
    found = _LINE.fullmatch(_WITH_SCRAP.sub(r"\1", text).replace("{tmp,", "{_,"))
    if found is None:
        raise UnknownInstructionError(text)
    negated, predicate, name, rest = found.groups()
    operands = re.findall(r"\{[^}]*\}|[^,\s]+", rest or "")
    statement = _unconditional(name, operands)
    return statement if predicate is None else f"if ({negated}{predicate}) {{ {statement} }}"


def _unconditional(name: str, operands: Sequence[str]) -> str:
    if name == "ret":
        return "return;"
    if name in ("bra", "bra.uni"):
        return f"goto {_label(operands[0])};"
    op, *how, kind = name.split(".")
    if op in ("ld", "st"):
        return _access(op, how, kind, operands)
    into, *given = operands
    if op == "mov" and into.startswith("{"):
        return _halves(kind, into, given[0])
    return f"{_bits(into)} = {_result(op, how, kind, given)};"


def _access(op: str, how: Sequence[str], kind: str, operands: Sequence[str]) -> str:
    """A load of parameters or of memory, or a store, of one value or of several at once."""
    space, *rest = how
    if space not in ("param", "global") or set(rest) - {"wb", "v2", "v4"}:
        raise UnknownInstructionError(op, how, kind)
    address, values = operands if op == "st" else operands[::-1]
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise UnknownInstructionError(address)
    place = f"{_bits(found[1])} + ({found[2] or 0})"
    registers = [_bits(each) for each in values.strip("{}").replace(",", " ").split()]
    size = _BYTES[kind]
    held = f"u{8 * size}"
    if op == "st":
        listed = ", ".join(registers)
        return f"{{ const {held} values[] = {{{listed}}}; store({place}, values, sizeof values); }}"
    read = f"{held} values[{len(registers)}]; memcpy(values, at({place}, sizeof values), sizeof values);"
    set_all = " ".join(f"{each} = values[{number}];" for number, each in enumerate(registers))
    return f"{{ {read} {set_all} }}"


def _halves(kind: str, into: str, value: str) -> str:
    """Both halves of a register, each to a register of its own, or to none."""
    width = 4 * _BYTES[kind]
    halves = zip(into.strip("{}").split(","), (0, width), strict=True)
    kept = [(_bits(each.strip()), shift) for each, shift in halves if each.strip() != "_"]
    return " ".join(f"{each} = {_bits(value)} >> {shift};" for each, shift in kept)


def _bits(operand: str) -> str:
    """An operand as the bits of a register."""
    if operand.startswith("0f"):
        return f"0x{operand[2:]}u"
    if operand.startswith("0d"):
        return f"0x{operand[2:]}ull"
    if re.fullmatch(r"-?\d+", operand):
        return f"({operand}{'ull' if int(operand) > 0 else 'll'})"
    return operand.removeprefix("%")


def _typed(operand: str, kind: str) -> str:
    """An operand as a value of a type."""
    return f"as_{kind}({_bits(operand)})" if kind[0] == "f" else f"({kind})({_bits(operand)})"


def _result(op: str, how: Sequence[str], kind: str, given: Sequence[str]) -> str:
    """What an instruction puts into its register, in C."""
    is_float = kind[0] == "f"
    values = [_typed(each, kind) for each in given]
    match op, *how:
        case "setp", "nan":
            return f"{values[0]} != {values[0]} || {values[1]} != {values[1]}"
        case "setp", "num":
            return f"{values[0]} == {values[0]} && {values[1]} == {values[1]}"
        case "setp", comparison if comparison in _COMPARISONS and (comparison != "ne" or not is_float):
            return f"{values[0]} {_COMPARISONS[comparison]} {values[1]}"
        case ("mov",):
            return f"{_bits(given[0])} != 0" if kind == "pred" else _bits(given[0])
        case "cvta", "to", "global":
            return _bits(given[0])
        case ("selp",):
            return f"{_bits(given[2])} ? {_bits(given[0])} : {_bits(given[1])}"
        case ("not",) if kind == "pred":
            return f"!{_bits(given[0])}"
        case ("and" | "or" | "xor",):
            return f"{values[0]} {_SIGNS[op]} {values[1]}"
        case ("abs",) if is_float:
            return f"{_bits(given[0])} & ~(({'u32' if kind == 'f32' else 'u64'})1 << {8 * _BYTES[kind] - 1})"
        case (("max" | "min"),) if is_float:
            return f"bits_{kind}({op}_{kind}({values[0]}, {values[1]}))"
        case "cvt", "rn", ("bf16x2" | "f16x2") if kind == "f32":
            return f"two_{how[-1][:-2]}({values[0]}, {values[1]})"
        case "cvt", *rounding, to:
            return _converted(rounding, to, kind, values[0])
        case (("add" | "sub" | "mul" | "div"), "rn") if is_float:
            return f"bits_{kind}({values[0]} {_SIGNS[op]} {values[1]})"
        case "rcp", "rn" if is_float:
            return f"bits_{kind}(1 / {values[0]})"
        case "sqrt", "rn" if is_float:
            return f"bits_{kind}({'sqrtf' if kind == 'f32' else 'sqrt'}({values[0]}))"
    if is_float:
        raise UnknownInstructionError(op, how, kind)
    return _integer_result(op, how, kind, given, values)


def _integer_result(
    op: str, how: Sequence[str], kind: str, given: Sequence[str], values: Sequence[str]
) -> str:
    wide = f"{kind[0]}64"
    match op, *how:
        case (("add" | "sub" | "div"),):
            return f"{values[0]} {_SIGNS[op]} {values[1]}"
        case "mul", "lo":
            return f"{values[0]} * {values[1]}"
        case "mul", "wide" if kind[1:] == "32":
            return f"({wide}){values[0]} * ({wide}){values[1]}"
        case "mul", "hi" if kind[1:] == "32":
            return f"({wide}){values[0]} * ({wide}){values[1]} >> 32"
        case "mad", "lo":
            return f"{values[0]} * {values[1]} + {values[2]}"
        case ("neg",):
            return f"-{values[0]}"
        case ("min",):
            return f"{values[0]} < {values[1]} ? {values[0]} : {values[1]}"
        case (("shl" | "shr"),):
            return f"{op.upper()}({kind}, {_bits(given[0])}, (u32){_bits(given[1])})"
        case "shf", "l", "wrap":
            # The upper word of two, moved to the left.
            both = f"((u64){values[1]} << 32 | {values[0]})"
            return f"{both} << ((u32){_bits(given[2])} & 31) >> 32"
        case ("bfi",) if kind == "b64":
            return f"insert_b64({', '.join(map(_bits, given))})"
    raise UnknownInstructionError(op, how, kind)


def _converted(rounding: Sequence[str], to: str, kind: str, value: str) -> str:
    """A conversion: exact, cut off at the width of an integer, or rounded to the nearest float."""
    narrows = to[0] == "f" and (kind[0] != "f" or _BYTES[to] < _BYTES[kind])
    if list(rounding) != ["rn"] * narrows or (kind[0] == "f" and to[0] != "f"):
        raise UnknownInstructionError("cvt", rounding, to, kind)
    return f"bits_{to}({value})" if to[0] == "f" else f"({to}){value}"
