"""Which kinds of events and problems the sources can emit, read from them without running them.

Enough for how this code is written: a kind is a string at the call, or a parameter that a function
of the same file hands on, with a fixed word before it at most.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator


def said_kinds(tree: ast.Module, *, root: str, at: int | None) -> Iterator[str]:
    """Every value that reaches the `kind` of a `root(…)`, followed through functions of the file.

    A function that hands one of its parameters on as the kind is followed to its callers, with
    whatever it puts before it. What comes from elsewhere is `*` and must be none of an event's.
    """
    sinks: list[tuple[str, str, int | None, str]] = [(root, "kind", at, "")]
    seen = set()
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    while sinks:
        name, keyword, position, before = sinks.pop()
        if (name, keyword, before) in seen:
            continue
        seen.add((name, keyword, before))
        for function in [*functions, tree]:
            for call in calls_in(function, name):
                for value in handed(call, keyword, position):
                    yield from literals(value, before)
                    for parameter, put in parameters_in(value):
                        if not isinstance(function, ast.Module):
                            index = index_of(function, parameter)
                            if index is not None:
                                sinks.append((function.name, parameter, index, before + put))


def calls_in(scope: ast.AST, name: str) -> Iterator[ast.Call]:
    """Calls in a function but not in those defined inside it, nor twice from the module."""
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.Call):
            if called_name(node) == name:
                yield node
            for index, given in enumerate(node.args):  # `in_thread(function, argument, …)`
                if isinstance(given, ast.Name) and given.id == name:
                    yield ast.Call(given, node.args[index + 1 :], node.keywords)
        yield from calls_in(node, name)


def handed(call: ast.Call, keyword: str, position: int | None) -> Iterator[ast.expr]:
    """What a call hands on, as a keyword or at its place."""
    yield from (k.value for k in call.keywords if k.arg == keyword)
    if position is not None and len(call.args) > position:
        yield call.args[position]


def literals(value: ast.expr, before: str) -> Iterator[str]:
    """Strings that an expression may be."""
    match value:
        case ast.Constant(value=str(text)) if text:
            yield before + text
        case ast.IfExp(body=first, orelse=second):
            yield from literals(first, before)
            yield from literals(second, before)
        case _:
            pass  # not a string that stands here


def parameters_in(value: ast.expr) -> Iterator[tuple[str, str]]:
    """(name, what is put before it) of a name handed on, alone or at the end of an f-string."""
    match value:
        case ast.Name(id=name):
            yield name, ""
        case ast.JoinedStr(values=[ast.Constant(value=str(put)), ast.FormattedValue(value=inner)]):
            yield from ((name, put + after) for name, after in parameters_in(inner))
        case _:
            pass  # not a name handed on


def index_of(function: ast.FunctionDef | ast.AsyncFunctionDef, parameter: str) -> int | None:
    names = [a.arg for a in function.args.args if a.arg != "self"]
    if parameter in names:
        return names.index(parameter)
    return len(names) if parameter in [a.arg for a in function.args.kwonlyargs] else None


def called_name(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))
