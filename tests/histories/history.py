"""A random history as plain data.

{load, steps}: `load` are transactions from before the daemon's first start. A step is one of
  {do: transaction, statements, end, guarded, deferred}: `end` is commit, rollback or two-phase. Guarded, a statement that fails is
     rolled back to a savepoint; else it takes its transaction along. Deferred, all constraints that can be are.
  {do: interleaved, transactions: [two], order}: two sessions, `order` says whose statement is next.
  {do: around, transaction, split, steps}: `steps` happen while a transaction is open that has done `split` of its statements.
  {do: start}, {do: stop}, {do: kill}: the daemon's life.  {do: check}: it catches up, and the graph is compared.
  {do: add, what, pick, number}: the same, and something is put into the graph (additions.py).
  {do: alter, ...}: a table is altered (alterations.py).
  {do: remap, to, running}: the mapping is changed to another one of the case's `remappings`; by the daemon that runs, or by `apply`.

A statement: {do: insert | copy, table, columns, rows, conflict}, {do: update, table, set, keys}, {do: shift, table, keys, to},
{do: delete, table, keys}, {do: truncate, tables, cascade}, {do: savepoint, statements, end}; with `prepared`, it is a prepared
one. A value is None, a text for PostgreSQL, or {big: seed, length}: a long text. `keys` are maps of key columns; None stands for
all rows. `moves_key` marks an update of a key.

The rows are followed as if every statement succeeded, only so that most of them have something to work on.
"""
import copy

from .column_types import ELEMENTS, TYPES, array_text


def random_history(rng, tables, quiet_start=False):
    """`quiet_start`: nothing happens while the tables are loaded, and they can be read after each commit: what is open then has
    truncated none."""
    return _Writer(rng, tables, quiet_start).history(quiet_start)


def nested_lists(lists):
    """These lists of steps or statements, and all those in them."""
    found = list(lists)
    for list_ in found:
        for item in list_:
            found += [item[name] for name in ("steps", "statements") if name in item]
            found += [plan["statements"] for plan in [item.get("transaction"), *item.get("transactions", [])] if plan]
    return found


def add_remappings(rng, steps, count):
    """One step for each other mapping, in order, at any time after the first start."""
    for number, place in enumerate(sorted(rng.choices(range(1, len(steps) + 1), k=count))):
        steps.insert(place + number, {"do": "remap", "to": number, "running": rng.random() < 0.4})


class _Writer:
    def __init__(self, rng, tables, readable):
        self.rng, self.tables = rng, tables
        self.readable, self.overlapping = readable, False
        self.by_id = {table["id"]: table for table in tables}
        self.types = {table["id"]: {c["name"]: TYPES[c["type"]] for c in table["columns"]} for table in tables}
        self.rows = {table["id"]: [] for table in tables}
        self.additions = 0

    def history(self, quiet_start):
        load = [self.transaction([self.insert(table, rows_max=6)]) for table in self.in_order()
                for _ in range(self.rng.choice([0, 1, 1, 2]))]
        load += [self.transaction() for _ in range(self.rng.choice([0, 0, 1]))]
        steps = []
        if self.rng.random() < 0.15 and not quiet_start:
            steps.append({"do": "around", **self.open_transaction(), "steps": [{"do": "start"}, self.transaction()]})
        else:
            steps.append({"do": "start"})
        for _ in range(self.rng.randint(4, 16)):
            steps += self.step()
        return {"load": load, "steps": steps}

    def in_order(self):
        return [self.by_id[id] for id in sorted(self.by_id)]

    # Steps

    def step(self):
        chance = self.rng.random()
        if chance < 0.60:
            return [self.transaction()]
        if chance < 0.70:
            return [self.interleaved()]
        if chance < 0.77:
            inside = [self.transaction() for _ in range(self.rng.randint(1, 2))]
            return [{"do": "around", **self.open_transaction(), "steps": inside}]
        if chance < 0.85:
            away = [self.transaction() for _ in range(self.rng.randint(1, 3))]
            return [{"do": self.rng.choice(["stop", "kill"])}, *away, {"do": "start"}]
        if chance < 0.88:
            return [{"do": "check"}]
        return [self.addition() for _ in range(self.rng.randint(1, 2))]

    def transaction(self, statements=None):
        self.focus = self.neighbours(self.rng.choice(self.tables))
        statements = statements or [self.statement() for _ in range(self.rng.choice([1, 2, 3, 5, 8]))]
        return {"do": "transaction", "statements": statements, "guarded": self.rng.random() < 0.8,
                "deferred": self.rng.random() < 0.15,
                "end": self.rng.choices(["commit", "rollback", "two-phase"], [18, 1, 1])[0]}

    def neighbours(self, table):
        """The table and what it refers to or is referred to by: most transactions stay among them."""
        near = {reference["to"] for reference in table["references"]} | {table["id"]}
        return [other for other in self.tables
                if other["id"] in near or table["id"] in {reference["to"] for reference in other["references"]}]

    def open_transaction(self):
        self.overlapping = True
        transaction = self.transaction()
        self.overlapping = False
        return {"transaction": transaction, "split": self.rng.randint(1, len(transaction["statements"]))}

    def interleaved(self):
        self.overlapping = True
        transactions = [self.transaction(), self.transaction()]
        self.overlapping = False
        order = [number for number in (0, 1) for _ in transactions[number]["statements"]]
        self.rng.shuffle(order)
        return {"do": "interleaved", "transactions": transactions, "order": order}

    def addition(self):
        self.additions += 1
        what = self.rng.choice(["label", "property", "node", "relationship", "between", "relationship property"])
        return {"do": "add", "what": what, "pick": self.rng.randrange(1000), "number": self.additions}

    # Statements

    def statement(self):
        if self.rng.random() < 0.08:
            return self.savepoint()
        table = self.rng.choice(self.focus if self.rng.random() < 0.85 else self.tables)
        makers = [(self.insert, 28), (self.update, 24), (self.change_key, 14), (self.swap, 5), (self.shift, 4), (self.delete, 12),
                  (self.replace, 6), (self.truncate, 3), (self.update_all, 3)]
        made = self.rng.choices([maker for maker, _ in makers], [weight for _, weight in makers])[0](table)
        if made is None:
            made = self.insert(table)
        if made["do"] in ("insert", "update", "delete") and self.rng.random() < 0.2:
            made["prepared"] = True
        return made

    def savepoint(self):
        end = self.rng.choices(["rollback", "release"], [3, 1])[0]
        before = copy.deepcopy(self.rows)
        statements = [self.statement() for _ in range(self.rng.randint(1, 3))]
        if end == "rollback":
            self.rows = before
        return {"do": "savepoint", "statements": statements, "end": end}

    def insert(self, table, rows_max=3):
        rows = [self.new_row(table) for _ in range(self.rng.randint(1, rows_max))]
        columns = [column["name"] for column in self.writable(table)
                   if column.get("not_null") or column["name"] in table["key"] or self.rng.random() < 0.9]
        do = "copy" if self.rng.random() < 0.2 else "insert"
        made = {"do": do, "table": table["id"], "columns": columns,
                "rows": [[row[column] for column in columns] for row in rows]}
        if do == "insert" and not table["deferrable"] and self.rng.random() < 0.12:
            made["conflict"] = self.rng.choice(["nothing", "update"])
        return made

    def update(self, table):
        rows = self.pick_rows(table)
        columns = [column for column in self.writable(table) if column["name"] not in table["key"]]
        if not rows or not columns:
            return None
        chosen = self.rng.sample(columns, self.rng.randint(1, min(3, len(columns))))
        values = {column["name"]: self.value(table, column) for column in chosen}
        values.update(self.references(table, {column["name"] for column in chosen}))
        return self.updated(table, rows, values)

    def update_all(self, table):
        columns = [column for column in self.writable(table) if column["name"] not in table["key"]]
        if not columns:
            return None
        column = self.rng.choice(columns)
        values = self.references(table, {column["name"]}) or {column["name"]: self.value(table, column)}
        made = self.updated(table, self.rows[table["id"]], values)
        made["keys"] = None
        return made

    def change_key(self, table):
        rows = self.pick_rows(table)[:1]
        if not rows:
            return None
        row = self.new_row(table, keep=False)
        # One column of the key, or all of them, and now and then something else too.
        columns = table["key"] if self.rng.random() < 0.5 else [self.rng.choice(table["key"])]
        values = {column: row[column] for column in columns}
        others = [column for column in self.writable(table) if column["name"] not in table["key"]]
        if others and self.rng.random() < 0.4:
            column = self.rng.choice(others)
            values[column["name"]] = self.value(table, column)
        return {**self.updated(table, rows, values), "moves_key": True}

    def updated(self, table, rows, values):
        keys = [self.key_of(table, row) for row in rows]
        for row in rows:
            row.update(values)
        return {"do": "update", "table": table["id"], "set": values, "keys": keys}

    def swap(self, table):
        """Two rows change keys: in one statement where the key is deferrable, else by way of a third key."""
        rows = self.rows[table["id"]]
        if len(rows) < 2:
            return None
        one, other = self.rng.sample(rows, 2)
        keys = [self.key_of(table, one), self.key_of(table, other)]
        if table["deferrable"]:
            return self.shifted(table, [one, other], keys[::-1])
        free = self.key_of(table, self.new_row(table, keep=False))
        one.update(keys[1])
        other.update(keys[0])
        ways = [(keys[0], free), (keys[1], keys[0]), (free, keys[1])]
        return {"do": "savepoint", "end": "release", "statements": [
            {"do": "update", "table": table["id"], "set": to, "keys": [key], "moves_key": True} for key, to in ways]}

    def shift(self, table):
        """One statement in which rows take the keys that others leave."""
        rows = self.rows[table["id"]]
        if len(rows) < 2:
            return None
        # Older rows are updated first, mostly, so each finds the next one's key free.
        chosen = [row for row in rows if self.rng.random() < 0.7][:3] or rows[:2]
        free = self.key_of(table, self.new_row(table, keep=False))
        return self.shifted(table, chosen, [free, *(self.key_of(table, row) for row in chosen[:-1])])

    def shifted(self, table, rows, to):
        keys = [self.key_of(table, row) for row in rows]
        for row, key in zip(rows, to):
            row.update(key)
        return {"do": "shift", "table": table["id"], "keys": keys, "to": to}

    def delete(self, table):
        rows = self.pick_rows(table)
        if not rows:
            return None
        for row in rows:
            self.rows[table["id"]] = [other for other in self.rows[table["id"]] if other is not row]
        return {"do": "delete", "table": table["id"], "keys": [self.key_of(table, row) for row in rows]}

    def replace(self, table):
        """A row goes and another comes with the same key."""
        rows = self.pick_rows(table)[:1]
        if not rows:
            return None
        key = self.key_of(table, rows[0])
        rows[0].update({**self.new_row(table, keep=False), **key})
        columns = [column["name"] for column in self.writable(table)]
        return {"do": "savepoint", "end": "release", "statements": [
            {"do": "delete", "table": table["id"], "keys": [key]},
            {"do": "insert", "table": table["id"], "columns": columns, "rows": [[rows[0][column] for column in columns]]}]}

    def truncate(self, table):
        if self.readable and self.overlapping:
            return None
        tables = [table]
        if self.rng.random() < 0.4:
            tables += self.rng.sample(self.tables, self.rng.randint(1, len(self.tables)))
        ids = sorted({table["id"] for table in tables})
        for id in ids:
            self.rows[id] = []
        return {"do": "truncate", "tables": ids, "cascade": self.rng.random() < 0.6}

    # Rows and values

    def writable(self, table):
        return [column for column in table["columns"] if not column.get("generated") and not column.get("serial")]

    def key_of(self, table, row):
        return {column: row[column] for column in table["key"]}

    def pick_rows(self, table):
        rows = self.rows[table["id"]]
        return self.rng.sample(rows, min(len(rows), self.rng.choice([1, 1, 1, 2, 3])))

    def new_row(self, table, keep=True):
        taken = [self.key_of(table, row) for row in self.rows[table["id"]]]
        for _ in range(10):
            row = {column["name"]: self.value(table, column) for column in self.writable(table)}
            row.update(self.references(table, set(row)))
            if self.key_of(table, row) not in taken:
                break
        if keep:
            self.rows[table["id"]].append(row)
        return row

    def value(self, table, column):
        type = TYPES[column["type"]]
        refers = any(column["name"] in reference["columns"] for reference in table["references"])
        if not column.get("not_null") and self.rng.random() < 0.25:
            return None
        if column.get("among"):
            return self.rng.choice(column["among"])
        if column["name"] in table["key"] or refers or column.get("small"):
            return self.rng.choice(type.keys)
        if column.get("elements"):
            return self.array(TYPES[ELEMENTS[column["type"]]].keys)
        if column["type"] == "text" and self.rng.random() < (0.5 if column.get("external") else 0.1):
            return {"big": self.rng.randrange(1000), "length": self.rng.choice([2500, 9000, 30_000])}
        return self.rng.choice(type.values)

    def array(self, values):
        count = self.rng.choice([0, 1, 2, 2, 3, 4, 6])
        return array_text([None if self.rng.random() < 0.15 else self.rng.choice(values) for _ in range(count)], self.rng)

    def references(self, table, columns):
        """Values for the references that have one of the columns: mostly rows that are there."""
        values = {}
        for reference in table["references"]:
            if not columns & set(reference["columns"]):
                continue
            target = self.by_id[reference["to"]]
            there = self.rows[target["id"]]
            chance = self.rng.random()
            loose = 0.2 if reference["declared"] == "no" else 0.02
            nullable = not self.not_null(table, reference["columns"][0])
            if nullable and (chance < 0.15 or not there):
                values.update({column: None for column in reference["columns"]})
            elif there and chance > 0.15 + loose:
                row = self.rng.choice(there)
                values.update(zip(reference["columns"], (row[column] for column in reference.get("key") or target["key"])))
            else:
                values.update({column: self.rng.choice(self.types[table["id"]][column].keys)
                               for column in reference["columns"]})
        return values

    def not_null(self, table, name):
        column = next(column for column in table["columns"] if column["name"] == name)
        return column.get("not_null") or name in table["key"] or name in table["primary_key"]
