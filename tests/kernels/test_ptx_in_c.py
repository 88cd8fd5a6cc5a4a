"""PTX as C: what is not known is refused, for what is run on the host has to be what a GPU would run."""

from __future__ import annotations

import pytest

from tests.kernels.ptx import EntryPoint
from tests.kernels.ptx_in_c import UnknownInstructionError, in_c

UNKNOWN = [
    "fma.rn.f32 %f1, %f2, %f3, %f4;",
    "add.f32 %f1, %f2, %f3;",
    "add.rn.ftz.f32 %f1, %f2, %f3;",
    "mul.rz.f32 %f1, %f2, %f3;",
    "sqrt.approx.f32 %f1, %f2;",
    "rcp.approx.ftz.f64 %fd1, %fd2;",
    "setp.ne.f32 %p1, %f1, %f2;",
    "setp.ltu.f32 %p1, %f1, %f2;",
    "cvt.f32.s32 %f1, %r1;",
    "cvt.rz.f32.f64 %f1, %fd1;",
    "cvt.rni.s32.f32 %r1, %f1;",
    "mul.wide.u16 %r1, %rs1, %rs2;",
    "st.shared.u32 [%rd1], %r1;",
    "bar.sync 0;",
    "call.uni helper, (%r1);",
]


def entry(body: str) -> EntryPoint:
    """An entry point of one parameter."""
    return EntryPoint("", "ik_fill", "_Z7ik_fill", (16,), body)


@pytest.mark.parametrize("instruction", UNKNOWN)
def test_what_is_not_known_is_an_error(instruction: str) -> None:
    """No instruction is taken for a similar one."""
    with pytest.raises(UnknownInstructionError):
        in_c(entry(f"\n\t{instruction}\n"), "thread")


def test_an_entry_point() -> None:
    """Registers, labels, predicates, parameters and memory."""
    body = """
	.reg .pred 	%p<2>;
	.reg .f32 	%f<2>;

	ld.param.v2.f32 	{%f0, %f1}, [_Z7ik_fill_param_0+8];
	setp.lt.f32 	%p1, %f0, 0f3F800000;
	@!%p1 bra 	$L__BB0_2;
$L__BB0_2:
	sub.rn.f32 	%f1, %f0, %f1;
	ret;
"""
    assert in_c(entry(body), "thread").splitlines() == [
        "static void thread(const u64 *parameters) {",
        "const u64 parameter0 = parameters[0];",
        "pred p0, p1;",
        "u32 f0, f1;",
        "{ u32 values[2]; memcpy(values, at(parameter0 + (8), sizeof values), sizeof values);"
        " f0 = values[0]; f1 = values[1]; }",
        "p1 = as_f32(f0) < as_f32(0x3F800000u);",
        "if (!p1) { goto L__BB0_2; }",
        "L__BB0_2: ;",
        "f1 = bits_f32(as_f32(f0) - as_f32(f1));",
        "return;",
        "}",
    ]
