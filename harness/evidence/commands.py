"""`python -m harness evidence COMMAND`: list a store, explain staleness, check, clean, export and import."""

import argparse
import io
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness.errors import OneLineError
from harness.evidence.archive import read_archive, write_archive
from harness.evidence.csv_table import in_text, write_csv
from harness.evidence.garbage import garbage
from harness.evidence.level_file import densities
from harness.evidence.store import Store, is_held
from harness.evidence.stored_cell import StoredCell, inventory
from harness.files import in_bytes, replace_file

OK, FOUND = 0, 1
"""Exit codes: success; damage or a refused cell."""
_SHORT = 12


def add(parser: argparse.ArgumentParser, default: str) -> None:
    """Declare the commands. default: the evidence folder where --evidence names none."""
    commands = parser.add_subparsers(dest="evidence_command", required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], says: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=says, description=says)
        added.set_defaults(run=run)
        added.add_argument("--evidence", metavar="DIR", type=Path, default=Path(default), help=f"default: {default}")
        return added

    ls = command("ls", _ls, "list the cells: their experiment, progress and validity")
    which = ls.add_mutually_exclusive_group()
    which.add_argument(
        "--stale", action="store_true", help="only cells that are stale, so that the current engine can't use them"
    )
    which.add_argument("--partial", action="store_true", help="only cells that are not finished")
    show = command("show", _show, "show one cell: its settings, its engine, and the return of each level")
    show.add_argument("key", metavar="KEY")
    why = command("why", _why, "say why cells are stale")
    why.add_argument("keys", nargs="*", metavar="KEY")
    verify = command("verify", _verify, "read every file and name the damaged ones")
    verify.add_argument("keys", nargs="*", metavar="KEY")
    gc = command("gc", _gc, "list files that nothing can use any more")
    gc.add_argument("--delete", action="store_true", help="remove these files")
    export = command("export", _export, "write finished cells to a tar archive, or all levels to a CSV table")
    export.add_argument("archive", nargs="?", type=Path, metavar="ARCHIVE.tar")
    export.add_argument("keys", nargs="*", metavar="KEY")
    export.add_argument("--csv", metavar="FILE", help="write a row per cell, level and seed instead; - prints it")
    export.add_argument("--stale", action="store_true", help="also cells that the current engine can't use")
    take = command("import", _import, "check the cells of an archive and add them to the store")
    take.add_argument("archive", type=Path, metavar="ARCHIVE.tar")


def _ls(chosen: argparse.Namespace) -> int:
    cells = _cells(chosen.evidence)
    states = {cell.key: "in progress" if is_held(chosen.evidence, cell.key) else cell.state for cell in cells}
    apart = _set_apart(cells)
    shown = [cell for cell in cells if not chosen.stale or cell.staleness()]
    shown = [cell for cell in shown if not chosen.partial or len(cell.finished) < len(cell.levels)]
    rows = [("key", "what", "condition", "seeds", "levels", "state", "CPU s", "size")]
    for cell in shown:
        seeds = cell.identity.get("seeds", ["?"])
        names = ("task.type", "learner.type", "network.hidden")
        what = [str(in_text(cell.settings.get(name, "?"))) for name in names]
        what += [f"{name.split('.')[-1]}={in_text(cell.settings[name])}" for name in apart[cell.key]]
        condition, counted = cell.identity.get("condition", "?"), f"{len(cell.finished)}/{len(cell.levels)}"
        measured = (states[cell.key], f"{cell.cpu_seconds:.0f}", in_bytes(cell.size))
        rows.append((cell.key[:_SHORT], " ".join(what), condition, f"{seeds[0]}-{seeds[-1]}", counted, *measured))
    _print_aligned(rows)
    counts = ", ".join(f"{count} {state}" for state, count in sorted(Counter(states[c.key] for c in shown).items()))
    seconds, size = sum(cell.cpu_seconds for cell in shown), sum(cell.size for cell in shown)
    print(f"{len(shown)} cells{f' ({counts})' if counts else ''}, {seconds:.0f} CPU s, {in_bytes(size)}")
    return OK


def _show(chosen: argparse.Namespace) -> int:
    (cell,) = _named(chosen.evidence, [chosen.key])
    print(f"{cell.key}  {cell.state}")
    if not cell.description:
        print(f"  {next(cell.damage())}")
        return FOUND
    print(f"  condition {cell.identity['condition']}, seeds {', '.join(map(str, cell.identity['seeds']))}")
    _print_aligned([(f"  {name}", str(in_text(value))) for name, value in sorted(cell.settings.items())])
    engine = cell.description["engine"]
    versions = ", ".join(f"{library} {version}" for library, version in sorted(engine.get("versions", {}).items()))
    print(f"  engine  {versions}, {len(engine.get('modules', {}))} modules, {len(engine.get('files', {}))} files")
    rows = [("  level", "density", "scored return, mean ± sd", "min", "max", "trained", "CPU s", "kernels")]
    _print_aligned(rows + [_level_row(cell, level) for level in cell.finished])
    return OK


def _level_row(cell: StoredCell, level: int) -> tuple[str, ...]:
    arrays, seconds = cell.arrays(level), cell.cost(level)
    if arrays is None or not cell.is_readable:
        return f"  {level}", "damaged" if cell.is_readable else "of another version", "", "", "", "", "", ""
    returns = arrays["scores"].mean(axis=1)
    return (
        f"  {level}",
        f"{100 * densities(arrays).mean():.2f} %",
        f"{returns.mean():.1f} ± {returns.std(ddof=1) if len(returns) > 1 else 0:.1f}",
        f"{returns.min():.1f}",
        f"{returns.max():.1f}",
        f"{100 * arrays['trained_fraction'].mean():.0f} %",
        "?" if seconds is None else f"{seconds:.1f}",
        cell.kernels(level),
    )


def _why(chosen: argparse.Namespace) -> int:
    for cell in _named(chosen.evidence, chosen.keys):
        unseen = f", as far as is known without {', '.join(cell.rests_on)}" if cell.rests_on else ""
        print(f"{cell.key}  {'; '.join(cell.staleness()) or 'valid'}{unseen}")
    return OK


def _verify(chosen: argparse.Namespace) -> int:
    cells = _named(chosen.evidence, chosen.keys)
    damage = _print_damage(cells, sys.stdout)
    levels = sum(len(cell.finished) for cell in cells)
    print(f"{len(cells)} cells, {levels} levels: {f'{damage} damaged' if damage else 'none is damaged'}")
    return FOUND if damage else OK


def _gc(chosen: argparse.Namespace) -> int:
    _cells(chosen.evidence)
    count = size = 0
    for found in garbage(chosen.evidence, chosen.delete):
        count, size = count + 1, size + found.size
        print(f"{in_bytes(found.size):>9}  {found.path.relative_to(chosen.evidence)}  {found.reason}")
    what = "removed" if chosen.delete else "can be removed with gc --delete"
    print(f"{in_bytes(size)} in {count} entries {what}")
    return OK


def _export(chosen: argparse.Namespace) -> int:
    names = [*([str(chosen.archive)] if chosen.csv and chosen.archive else []), *chosen.keys]
    if not (chosen.csv or chosen.archive):
        raise OneLineError("name the archive to write, or a table with --csv")
    cells = _named(chosen.evidence, names)
    if not (names or chosen.stale):
        cells = [cell for cell in cells if not (cell.description and cell.staleness())]
    if chosen.csv:
        return _export_table(cells, chosen.csv)
    if chosen.archive.is_dir():
        raise OneLineError(f"{chosen.archive} is a folder; name the archive to write")
    finished = [cell for cell in cells if cell.description and len(cell.finished) == len(cell.levels)]
    if _print_damage(finished, sys.stdout):
        print("nothing was exported; compute the damaged cells again first")
        return FOUND
    write_archive(chosen.archive, finished)
    print(f"{len(finished)} cells, {in_bytes(chosen.archive.stat().st_size)}, in {chosen.archive}")
    return OK


def _export_table(cells: Sequence[StoredCell], name: str) -> int:
    """Write the undamaged rows; damage is printed and gives the exit code."""
    table, path = io.StringIO(), Path(name)
    count = write_csv(cells, table)
    if name == "-":
        sys.stdout.write(table.getvalue())
    else:
        replace_file(path.resolve(), table.getvalue().encode())
    damage = _print_damage(cells, sys.stderr)
    if name != "-":
        print(f"{count} rows in {name}")
    return FOUND if damage else OK


def _import(chosen: argparse.Namespace) -> int:
    if not chosen.archive.is_file():
        raise OneLineError(f"there is no archive {chosen.archive}")
    Store(chosen.evidence).prepare()
    outcomes = Counter[str]()
    for key, outcome in read_archive(chosen.archive, chosen.evidence):
        outcomes[outcome.split(":")[0]] += 1
        if outcome.startswith("refused"):
            print(f"{key}  {outcome}")
    print(", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items())))
    return FOUND if outcomes["refused"] else OK


def _cells(store: Path) -> list[StoredCell]:
    if not (store / "cells").is_dir():
        raise OneLineError(f"there is no evidence in {store}; name another folder with --evidence")
    return inventory(store)


def _named(store: Path, keys: Sequence[str]) -> list[StoredCell]:
    """The cells with these keys, or unique beginnings of keys; all if none is given."""
    cells, chosen = _cells(store), {}
    for key in keys:
        found = [cell for cell in cells if cell.key.startswith(key)]
        if not found:
            raise OneLineError(f"no cell in {store} has a key that starts with {key!r}; `ls` lists the keys")
        if len(found) > 1:
            raise OneLineError(f"{len(found)} cells in {store} have keys that start with {key!r}; give more of the key")
        chosen[key] = found[0]
    return list(dict.fromkeys(chosen.values())) if keys else cells


def _set_apart(cells: Sequence[StoredCell]) -> dict[str, list[str]]:
    """By key, the settings that not all cells of its task, learner and condition have in common."""
    alike: dict[Any, list[StoredCell]] = {}
    for cell in cells:
        alike.setdefault(
            (*map(cell.settings.get, ("task.type", "learner.type")), cell.identity.get("condition")), []
        ).append(cell)
    found = {}
    for group in alike.values():
        settings = [{(name, repr(value)) for name, value in cell.settings.items()} for cell in group]
        shared = settings[0].intersection(*settings)
        for cell, own in zip(group, settings, strict=True):
            found[cell.key] = sorted({name for name, _ in own - shared} - {"network.hidden"})
    return found


def _print_damage(cells: Sequence[StoredCell], stream: Any) -> int:
    lines = [line for cell in cells for line in cell.damage()]
    for line in lines:
        print(line, file=stream)
    return len(lines)


def _print_aligned(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
