"""Words that no parameter, loop or local may be called in the generated C."""

from __future__ import annotations

from tinycc_ml.loopir.math_functions import MATH

# C11 and C++17 keywords, and what the headers that generated files include define.
_WORDS = """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t
    class compl const const_cast constexpr continue decltype default delete do double dynamic_cast
    else enum explicit export extern false float for friend goto if inline int long mutable
    namespace new noexcept not not_eq nullptr operator or or_eq private protected public register
    reinterpret_cast restrict return short signed sizeof static static_assert static_cast struct
    switch template this thread_local throw true try typedef typeid typename typeof union unsigned
    using virtual void volatile wchar_t while xor xor_eq linux unix main
    int8_t uint8_t int16_t uint16_t int32_t uint32_t int64_t uint64_t size_t ptrdiff_t NULL
    memcpy memmove memset memcmp strlen INFINITY NAN
"""

RESERVED = frozenset((*_WORDS.split(), *(function.c_name for function in MATH.values())))
