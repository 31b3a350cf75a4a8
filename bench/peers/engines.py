"""The other stores, each set up the way its own documentation recommends for such events.

Every engine loads the events of one NDJSON file in batches of 1,000 as a service would receive them, makes the indexes
that help its answers, and answers the seven questions. Nothing here is tuned against an engine: an index that makes a
question faster is there if the engine has one.
"""

import json
import os
import shutil
import subprocess
import tempfile

from questions import NEWEST, millis, text_time

BATCH = 1000
COLUMNS = "ms,catalog,code,account,actor,target,address,session,outcome,params,message"


def rows(path):
    """Tuples in the order of COLUMNS; `ms` since 1970."""
    with open(path) as file:
        for line in file:
            event = json.loads(line)
            yield (
                millis(event["occurred_at"]),
                event["catalog"],
                event["code"],
                event["account"],
                event["actor"]["id"],
                event["targets"][0]["id"] if event.get("targets") else "",
                event.get("origin", {}).get("address", ""),
                event["session"]["id"],
                event["outcome"],
                json.dumps(event.get("params", {}), separators=(",", ":"), ensure_ascii=False),
                event.get("message", ""),
            )


def batches(path):
    batch = []
    for row in rows(path):
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def tree_bytes(folder):
    return sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(folder) for name in names)


class Sql:
    """What the engines with SQL have in common; `day` and `word` are each one's own. `db` is a DB-API connection."""

    listed = "ms, code, session"

    def sql(self, name, asked):
        newest = f"ORDER BY ms DESC LIMIT {NEWEST}"
        return {
            "q1": f"SELECT {self.listed} FROM events WHERE account = '{asked['account']}' {newest}",
            "q2_count": f"SELECT count(*) FROM events WHERE actor = '{asked['actor']}'",
            "q2": f"SELECT {self.listed} FROM events WHERE actor = '{asked['actor']}' {newest}",
            "q3": f"SELECT {self.day}, count(*) FROM events WHERE code = '{asked['code_common']}' GROUP BY 1 ORDER BY 1",
            "q4": "SELECT actor, count(*) AS n FROM events GROUP BY actor ORDER BY n DESC, actor LIMIT 10",
            "q5": f"SELECT {self.listed} FROM events WHERE {self.word(asked['rare'])}",
            "q6": "SELECT account, count(DISTINCT actor) FROM events GROUP BY account",
            "q7": f"SELECT {self.listed} FROM events WHERE session = '{asked['session']}'",
        }[name]

    def answer(self, name, asked):
        found = self.query(self.sql(name, asked))
        if name == "q2_count":
            return int(found[0][0])
        if name in ("q3", "q6"):
            return {str(key): int(count) for key, count in found}
        if name == "q4":
            return [(str(actor), int(count)) for actor, count in found]
        return [(int(ms), str(code), str(session)) for ms, code, session in found]

    def query(self, sql):
        return self.db.execute(sql).fetchall()

    def size(self):
        return tree_bytes(self.folder)

    def close(self):
        self.db.close()


class Sqlite(Sql):
    name = "SQLite (FULL, FTS5)"
    durable = "yes"
    day = "strftime('%Y-%m-%d', ms / 1000, 'unixepoch')"

    def __init__(self, folder):
        import sqlite3

        self.folder = folder
        self.db = sqlite3.connect(os.path.join(folder, "events.db"), isolation_level=None)
        self.db.executescript(
            """PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -200000;
            CREATE TABLE events (id INTEGER PRIMARY KEY, ms INTEGER, catalog TEXT, code TEXT, account TEXT, actor TEXT,
              target TEXT, address TEXT, session TEXT, outcome TEXT, params TEXT, message TEXT);
            CREATE INDEX by_account ON events (account, ms); CREATE INDEX by_actor ON events (actor, ms);
            CREATE INDEX by_code ON events (code, ms); CREATE INDEX by_session ON events (session);
            CREATE VIRTUAL TABLE words USING fts5(message, params, content='events', content_rowid='id');
            CREATE TRIGGER filled AFTER INSERT ON events BEGIN
              INSERT INTO words (rowid, message, params) VALUES (new.id, new.message, new.params); END;"""
        )

    def load(self, path):
        marks = ",".join("?" * len(COLUMNS.split(",")))
        for batch in batches(path):
            self.db.execute("BEGIN")
            self.db.executemany(f"INSERT INTO events ({COLUMNS}) VALUES ({marks})", batch)
            self.db.execute("COMMIT")
        self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.db.execute("ANALYZE")

    def word(self, word):
        return f"id IN (SELECT rowid FROM words WHERE words MATCH '{word}')"


class DuckDb(Sql):
    name = "DuckDB"
    durable = "yes"
    day = "strftime(make_timestamp(ms * 1000), '%Y-%m-%d')"

    def __init__(self, folder):
        import duckdb

        self.folder = folder
        self.db = duckdb.connect(os.path.join(folder, "events.duckdb"))
        columns = ", ".join(f"{column} VARCHAR" for column in COLUMNS.split(",")[1:])
        self.db.execute(f"CREATE TABLE events (ms BIGINT, {columns})")

    def load(self, path):
        # Row by row DuckDB takes hours; its own reader of JSON is what its documentation recommends.
        self.db.execute(
            f"""INSERT INTO events SELECT epoch_ms(occurred_at::TIMESTAMPTZ), catalog, code, account, actor.id,
            targets[1].id, origin.address, session.id, outcome, params::VARCHAR, message
            FROM read_json('{path}', format = 'newline_delimited', sample_size = 20000, columns = {{
              occurred_at: 'VARCHAR', catalog: 'VARCHAR', code: 'VARCHAR', account: 'VARCHAR', actor: 'STRUCT(id VARCHAR)',
              targets: 'STRUCT(id VARCHAR)[]', origin: 'STRUCT(address VARCHAR)', session: 'STRUCT(id VARCHAR)',
              outcome: 'VARCHAR', params: 'JSON', message: 'VARCHAR'}})"""
        )
        self.db.execute("CHECKPOINT")

    def word(self, word):
        return f"(contains(message, '{word}') OR contains(params, '{word}'))"


class ClickHouse(Sql):
    name = "ClickHouse (chdb)"
    durable = "no"
    day = "formatDateTime(fromUnixTimestamp64Milli(ms, 'UTC'), '%Y-%m-%d')"

    def __init__(self, folder):
        from chdb import session

        self.folder = folder
        self.db = session.Session(os.path.join(folder, "db"))
        self.db.query("CREATE DATABASE bench ENGINE = Atomic")
        self.db.query("USE bench")
        self.db.query(
            """CREATE TABLE bench.events (ms Int64 CODEC(Delta, ZSTD), catalog LowCardinality(String),
            code LowCardinality(String), account LowCardinality(String), actor LowCardinality(String), target String CODEC(ZSTD),
            address String CODEC(ZSTD), session String CODEC(ZSTD), outcome LowCardinality(String),
            params String CODEC(ZSTD), message String CODEC(ZSTD),
            INDEX by_actor actor TYPE bloom_filter GRANULARITY 1, INDEX by_session session TYPE bloom_filter GRANULARITY 1,
            INDEX by_message message TYPE tokenbf_v1(16384, 2, 0) GRANULARITY 1,
            INDEX by_params params TYPE tokenbf_v1(16384, 2, 0) GRANULARITY 1)
            ENGINE = MergeTree ORDER BY ms"""
        )

    def load(self, path):
        self.db.query(
            f"""INSERT INTO bench.events SELECT toUnixTimestamp64Milli(parseDateTime64BestEffort(occurred_at, 3, 'UTC')),
            catalog, code, account, actor.id, targets[1].id, origin.address, session.id, outcome, params, message
            FROM file('{path}', 'JSONEachRow', 'occurred_at String, catalog String, code String, account String,
              actor Tuple(id String), targets Array(Tuple(id String)), origin Tuple(address String),
              session Tuple(id String), outcome String, params String, message String')"""
        )
        self.db.query("OPTIMIZE TABLE bench.events FINAL")

    def word(self, word):
        return f"(hasToken(message, '{word}') OR hasToken(params, '{word}'))"

    def query(self, sql):
        text = str(self.db.query(sql.replace("FROM events", "FROM bench.events"), "JSONCompact"))
        return json.loads(text)["data"]

    def size(self):
        found = self.db.query("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'events'", "CSV")
        return int(str(found).strip())

    def close(self):
        self.db.close()


class Postgres(Sql):
    name = "PostgreSQL (B-tree, GIN)"
    durable = "yes"
    # Its parser would take a host name in a parameter for one word.
    words = "to_tsvector('simple', translate(message || ' ' || params, './:|', '    '))"
    day = "to_char(to_timestamp(ms / 1000) AT TIME ZONE 'UTC', 'YYYY-MM-DD')"

    def __init__(self, folder):
        import glob

        self.folder = folder
        # The server refuses to run as root; its package brings a user for it.
        self.user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        if self.user:
            shutil.chown(folder, "postgres")
        programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        if not programs:
            raise RuntimeError("PostgreSQL is not installed (Debian: postgresql)")
        self.bin = programs[-1]
        self.data = os.path.join(folder, "data")
        self.run(["initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "-D", self.data])
        options = f"-k {folder} -c listen_addresses= -c shared_buffers=1GB -c max_wal_size=4GB -c work_mem=64MB"
        self.run(["pg_ctl", "-w", "-D", self.data, "-o", options, "-l", os.path.join(folder, "log"), "start"])
        self.psql = subprocess.Popen(
            [*self.user, os.path.join(self.bin, "psql"), "-h", folder, "-d", "postgres", "-qAtX", "-F", "\t"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.query(
            f"""CREATE TABLE events (ms bigint, catalog text, code text, account text, actor text, target text,
            address text, session text, outcome text, params text, message text);
            CREATE INDEX ON events (account, ms); CREATE INDEX ON events (actor, ms); CREATE INDEX ON events (code, ms);
            CREATE INDEX ON events (session);
            CREATE INDEX ON events USING gin ({self.words});"""
        )

    def run(self, command):
        program = os.path.join(self.bin, command[0])
        subprocess.run([*self.user, program, *command[1:]], check=True, stdout=subprocess.DEVNULL, cwd="/")

    def load(self, path):
        def cell(value):
            return str(value).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")

        for batch in batches(path):
            text = "".join("\t".join(map(cell, row)) + "\n" for row in batch)
            self.psql.stdin.write(f"COPY events ({COLUMNS}) FROM STDIN;\n{text}\\.\n")
        self.query("VACUUM ANALYZE events;")
        self.query("CHECKPOINT;")

    def word(self, word):
        return f"{self.words} @@ to_tsquery('simple', '{word}')"

    def query(self, sql):
        self.psql.stdin.write(f"{sql.rstrip(';')};\n\\echo ---end---\n")
        self.psql.stdin.flush()
        found = []
        for line in self.psql.stdout:
            if line == "---end---\n":
                return found
            found.append(line.rstrip("\n").split("\t"))
        raise RuntimeError("psql ended")

    def size(self):
        return int(self.query("SELECT pg_total_relation_size('events')")[0][0])

    def close(self):
        self.psql.stdin.close()
        self.psql.wait()
        self.run(["pg_ctl", "-D", self.data, "-m", "fast", "stop"])


ENGINES = {"sqlite": Sqlite, "duckdb": DuckDb, "clickhouse": ClickHouse, "postgres": Postgres}


def with_folder(kind, use):
    """Calls `use` with a fresh engine in a folder that is gone afterwards."""
    folder = tempfile.mkdtemp(prefix=f"bench-{kind}-", dir=os.environ.get("BENCH_FOLDER"))
    os.chmod(folder, 0o755)
    engine = ENGINES[kind](folder)
    try:
        return use(engine)
    finally:
        engine.close()
        shutil.rmtree(folder, ignore_errors=True)


__all__ = ["ENGINES", "text_time", "with_folder"]
