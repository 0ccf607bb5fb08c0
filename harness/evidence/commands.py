"""`python -m harness evidence COMMAND`: what is in a store, why it is valid or not, and how it is carried about."""

import argparse
import io
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.evidence.archive import ArchiveError, read_archive, write_archive
from harness.evidence.folder import cost
from harness.evidence.garbage import garbage, remove
from harness.evidence.inventory import StoredCell, densities, inventory
from harness.evidence.rows import write_csv
from harness.evidence.store import Store, StoreError
from harness.files import in_bytes, replace_file

OK, FOUND, UNWRITABLE, USAGE = 0, 1, 3, 4
"""Exit codes: as asked; damage or a refusal was found; the disk does not take it; a bad argument (as pytest's)."""
_SHORT = 12


class CommandError(Exception):
    """A bad argument; the message is one line."""


def add(parser: argparse.ArgumentParser, default: str) -> None:
    """Declare the commands. default: the evidence folder where --evidence names none."""
    commands = parser.add_subparsers(dest="evidence_command", required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], says: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=says, description=says)
        added.set_defaults(run=run)
        added.add_argument("--evidence", metavar="DIR", type=Path, default=Path(default), help=f"default: {default}")
        return added

    ls = command("ls", _ls, "a line per cell: what it is, how far it is, whether it is valid")
    which = ls.add_mutually_exclusive_group()
    which.add_argument("--stale", action="store_true", help="only what the current engine can't use")
    which.add_argument("--partial", action="store_true", help="only what is not finished")
    command("show", _show, "one cell: settings, engine, and what each level returned").add_argument(
        "key", metavar="KEY"
    )
    command("why", _why, "name what makes cells stale").add_argument("keys", nargs="*", metavar="KEY")
    command("verify", _verify, "read every file and name what is damaged").add_argument(
        "keys", nargs="*", metavar="KEY"
    )
    gc = command("gc", _gc, "list what nothing can use any more")
    gc.add_argument("--delete", action="store_true", help="remove it")
    export = command("export", _export, "finished cells into one zip archive, or all levels into a table")
    export.add_argument("archive", nargs="?", type=Path, metavar="ARCHIVE.zip")
    export.add_argument("keys", nargs="*", metavar="KEY")
    export.add_argument("--csv", metavar="FILE", help="a row per cell, level and seed instead; - for the terminal")
    export.add_argument("--stale", action="store_true", help="also what the current engine can't use")
    take = command("import", _import, "check the cells of an archive and take them into the store")
    take.add_argument("archive", type=Path, metavar="ARCHIVE.zip")


def main(chosen: argparse.Namespace) -> int:
    """Run a command; its exit code. What is wrong is one line."""
    try:
        code: int = chosen.run(chosen)
        return code
    except (CommandError, ArchiveError) as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    except StoreError as error:
        print(f"error: {error}", file=sys.stderr)
        return UNWRITABLE
    except BrokenPipeError:  # the reader of a pipe has seen enough
        sys.stderr.close()
        return OK
    except OSError as error:
        print(f"error: {error.filename or chosen.evidence}: {(error.strerror or str(error)).lower()}", file=sys.stderr)
        return UNWRITABLE


def _ls(chosen: argparse.Namespace) -> int:
    cells = _cells(chosen.evidence)
    states = {cell.folder: cell.state for cell in cells}
    shown = [
        cell
        for cell in cells
        if not (chosen.stale and not cell.staleness()) and not (chosen.partial and not cell.is_partial)
    ]
    differing = _differing(cells)
    rows = [("key", "what", "condition", "seeds", "levels", "state", "CPU s", "size")]
    for cell in shown:
        seeds = cell.identity.get("seeds", [])
        rows.append(
            (
                cell.key[:_SHORT],
                _what(cell, differing),
                cell.identity.get("condition", "?"),
                f"{seeds[0]}-{seeds[-1]}" if seeds else "?",
                f"{len(cell.finished)}/{len(cell.levels)}",
                states[cell.folder],
                f"{cell.cpu_seconds:.0f}",
                in_bytes(cell.size),
            )
        )
    for line in _aligned(rows, right=(6, 7)):
        print(line)
    counted = Counter(states[cell.folder].split(" by ")[0] for cell in shown)
    parts = ", ".join(f"{number} {state}" for state, number in sorted(counted.items()))
    seconds, size = sum(cell.cpu_seconds for cell in shown), sum(cell.size for cell in shown)
    print(f"{len(shown)} cells{f' ({parts})' if parts else ''}, {seconds:.0f} CPU s, {in_bytes(size)}")
    return OK


def _show(chosen: argparse.Namespace) -> int:
    for cell in _named(chosen.evidence, [chosen.key]):
        print(f"{cell.key}  {cell.state}")
        if not cell.description:
            print(f"  {next(cell.damage())}")
            continue
        print(f"  condition {cell.identity['condition']}, seeds {', '.join(map(str, cell.identity['seeds']))}")
        for line in _aligned([(f"  {name}", _text(value)) for name, value in sorted(cell.settings.items())]):
            print(line)
        engine = cell.description["engine"]
        versions = ", ".join(f"{library} {it}" for library, it in sorted(engine.get("versions", {}).items()))
        print(f"  engine  {versions}, {len(engine.get('modules', {}))} modules, {len(engine.get('files', {}))} files")
        rows: list[tuple[str, ...]] = [
            ("  level", "density", "scored return, mean ± sd", "min", "max", "trained", "CPU s")
        ]
        rows += [_level_row(cell, level) for level in cell.finished]
        for line in _aligned(rows, right=range(7)):
            print(line)
    return OK


def _level_row(cell: StoredCell, level: int) -> tuple[str, ...]:
    arrays = cell.arrays(level)
    if arrays is None:
        return f"{level}", "damaged", "", "", "", "", ""
    returns = arrays["scores"].mean(axis=1)
    spread = returns.std(ddof=1) if len(returns) > 1 else 0.0
    seconds = cost(cell.folder, level)
    return (
        f"{level}",
        f"{100 * densities(arrays).mean():.2f} %",
        f"{returns.mean():.1f} ± {spread:.1f}",
        f"{returns.min():.1f}",
        f"{returns.max():.1f}",
        f"{100 * np.mean(arrays['share']):.0f} %",
        "?" if seconds is None else f"{seconds:.1f}",
    )


def _why(chosen: argparse.Namespace) -> int:
    for cell in _named(chosen.evidence, chosen.keys):
        changed = cell.staleness()
        unseen = f", as far as can be told without {', '.join(cell.rests_on)}" if cell.rests_on else ""
        print(f"{cell.key}  {'; '.join(changed) if changed else 'valid'}{unseen}")
    return OK


def _verify(chosen: argparse.Namespace) -> int:
    cells = _named(chosen.evidence, chosen.keys)
    damage = [line for cell in cells for line in cell.damage()]
    for line in damage:
        print(line)
    levels = sum(len(cell.finished) for cell in cells)
    print(f"{len(cells)} cells, {levels} levels: {f'{len(damage)} damaged' if damage else 'all are what was written'}")
    return FOUND if damage else OK


def _gc(chosen: argparse.Namespace) -> int:
    _cells(chosen.evidence)
    found = garbage(chosen.evidence)
    kept = []
    for entry in found:
        print(f"{in_bytes(entry.size):>9}  {entry.path.relative_to(chosen.evidence)}  {entry.reason}")
        if chosen.delete and not remove(chosen.evidence, entry):
            kept.append(entry)
            print(f"{'':9}  kept: a process uses or changed it by now")
    size = sum(entry.size for entry in found if entry not in kept)
    what = "removed" if chosen.delete else "could be removed, by gc --delete"
    print(f"{in_bytes(size)} in {len(found) - len(kept)} entries {what}")
    return OK


def _export(chosen: argparse.Namespace) -> int:
    names = [*([str(chosen.archive)] if chosen.csv and chosen.archive else []), *chosen.keys]
    if not (chosen.csv or chosen.archive):
        raise CommandError("name the archive to write, or a table with --csv")
    cells = _named(chosen.evidence, names)
    if not (names or chosen.stale):
        unread = [cell for cell in cells if not cell.description]  # which engine they are of can't be told
        cells = [cell for cell in cells if not cell.staleness()]
    else:
        unread = []
    if chosen.csv:
        return _export_table(cells, unread, chosen.csv)
    if chosen.archive.is_dir():
        raise CommandError(f"{chosen.archive} is a folder; name the archive to write")
    finished = [cell for cell in cells if not cell.is_partial]
    damage = [line for cell in finished for line in cell.damage()]
    for line in damage:
        print(line)
    if damage:
        print("nothing was exported: the damage above is mended when the cells are computed again")
        return FOUND
    write_archive(chosen.archive, finished)
    print(f"{len(finished)} cells, {in_bytes(chosen.archive.stat().st_size)}, in {chosen.archive}")
    return OK


def _export_table(cells: Sequence[StoredCell], unread: Sequence[StoredCell], name: str) -> int:
    """The sound rows, whatever else is damaged: what they lack is said, and in the exit code."""
    table, path = io.StringIO(), Path(name)
    count = write_csv(cells, table)
    if name == "-":
        sys.stdout.write(table.getvalue())
    elif path.exists() and not path.is_file():  # a pipe or a device: to be written, not replaced
        path.write_text(table.getvalue())
    else:
        replace_file(path.resolve(), table.getvalue().encode())
    damage = [line for cell in (*cells, *unread) for line in cell.damage()]
    for line in damage:
        print(line, file=sys.stderr)
    if name != "-":
        print(f"{count} rows in {name}")
    return FOUND if damage else OK


def _import(chosen: argparse.Namespace) -> int:
    if not chosen.archive.is_file():
        raise CommandError(f"there is no archive {chosen.archive}")
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
        raise CommandError(f"there is no evidence in {store}; name another folder with --evidence")
    return inventory(store)


def _named(store: Path, keys: Sequence[str]) -> list[StoredCell]:
    """The cells with these keys, or unique beginnings of keys; all if none is given."""
    cells = _cells(store)
    chosen: dict[Path, StoredCell] = {}
    for key in keys:
        found = [cell for cell in cells if cell.key.startswith(key)]
        if not found:
            raise CommandError(f"no cell in {store} has a key that starts with {key!r}; see ls")
        if len({cell.key for cell in found}) > 1:
            raise CommandError(f"{len(found)} cells in {store} have keys that start with {key!r}; say more of it")
        chosen |= {cell.folder: cell for cell in found}
    return list(chosen.values()) if keys else cells


def _kind(cell: StoredCell) -> tuple[Any, ...]:
    return cell.settings.get("task.type"), cell.settings.get("learner.type")


def _differing(cells: Sequence[StoredCell]) -> dict[tuple[Any, ...], set[str]]:
    """Per task and learner, the settings that set their cells apart: by value, or since not all of a condition have
    them (a dense cell says where it rewinds to only if it does)."""
    seen: dict[tuple[Any, ...], dict[str, set[str]]] = {}
    held: dict[tuple[Any, ...], Counter[str]] = {}
    counts: Counter[tuple[Any, ...]] = Counter()
    for cell in cells:
        if not cell.identity:
            continue
        kind = (*_kind(cell), cell.identity["condition"])
        counts[kind] += 1
        held.setdefault(kind, Counter()).update(cell.settings.keys())
        for name, value in cell.settings.items():
            seen.setdefault(_kind(cell), {}).setdefault(name, set()).add(repr(value))
    apart = {kind: {name for name, values in settings.items() if len(values) > 1} for kind, settings in seen.items()}
    for kind, names in held.items():
        apart[kind[:-1]] |= {name for name, count in names.items() if count < counts[kind]}
    return {kind: names - {"network.hidden"} for kind, names in apart.items()}


def _what(cell: StoredCell, differing: dict[tuple[Any, ...], set[str]]) -> str:
    """Task, learner, units, and what else sets it apart here."""
    settings = cell.settings
    names = [settings.get(name, "?") for name in ("task.type", "learner.type")]
    units = _text(settings.get("network.hidden", "?"))
    apart = [
        f"{name.split('.')[-1]}={_text(settings[name])}"
        for name in sorted(differing.get(_kind(cell), set()) & settings.keys())
    ]
    return " ".join([*map(str, names), units, *apart])


def _text(value: Any) -> str:
    return "-".join(map(str, value)) if isinstance(value, list) else str(value)


def _aligned(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            text.rjust(width) if place in right else text.ljust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines
