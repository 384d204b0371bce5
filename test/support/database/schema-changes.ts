import type { Connection, RowDataPacket } from 'mysql2/promise'

// What a migration must not do to code that is still running, or that somebody goes back to: "expand and contract".

interface Column {
  readonly type: string
  readonly isNullable: boolean
  /** Whether an INSERT may leave it out. */
  readonly isOptional: boolean
  readonly collation: string
  /** What the server derives it from; empty for a column that is written. */
  readonly generated: string
}

/** What code can depend on in a database. */
export interface Schema {
  /** By `table.column`. */
  readonly columns: ReadonlyMap<string, Column>
  /** By `table.index`: its columns in order, and whether it is unique. */
  readonly indexes: ReadonlyMap<string, string>
  /** By `table.check`. */
  readonly checks: ReadonlyMap<string, string>
}

/** Reads the schema of the database that a connection uses, its bookkeeping of migrations left out. */
export async function readSchema(connection: Connection): Promise<Schema> {
  const rows = async (sql: string) => (await connection.query<RowDataPacket[]>(sql))[0]
  const ours = "table_schema = DATABASE() AND table_name NOT IN ('__drizzle_migrations', 'vision_migration_progress')"
  const columns = await rows(
    `SELECT table_name AS t, column_name AS c, column_type AS type, is_nullable AS n, column_default AS d, extra AS e,
      COALESCE(collation_name, '') AS collation, COALESCE(generation_expression, '') AS g FROM information_schema.columns WHERE ${ours}`,
  )
  const indexes = await rows(
    `SELECT table_name AS t, index_name AS i, MIN(non_unique) AS n,
      GROUP_CONCAT(CONCAT(column_name, COALESCE(CONCAT('(', sub_part, ')'), '')) ORDER BY seq_in_index) AS c
      FROM information_schema.statistics WHERE ${ours} GROUP BY table_name, index_name`,
  )
  // MariaDB names them by table, MySQL by database and elsewhere.
  const owners = new Map(
    (
      await rows(
        `SELECT table_name AS t, constraint_name AS k FROM information_schema.table_constraints
          WHERE ${ours} AND constraint_type = 'CHECK'`,
      )
    ).map((row) => [row.k, row.t]),
  )
  const checks = await rows('SELECT * FROM information_schema.check_constraints WHERE constraint_schema = DATABASE()')
  return {
    columns: new Map(
      columns.map((row) => [
        `${row.t}.${row.c}`,
        {
          type: String(row.type),
          isNullable: row.n === 'YES',
          isOptional: row.n === 'YES' || row.d !== null || /auto_increment|generated/i.test(row.e),
          collation: String(row.collation),
          generated: String(row.g),
        },
      ]),
    ),
    indexes: new Map(indexes.map((row) => [`${row.t}.${row.i}`, `${Number(row.n) === 0 ? 'unique ' : ''}${row.c}`])),
    checks: new Map(
      checks.map((row) => [
        `${row.TABLE_NAME ?? owners.get(row.CONSTRAINT_NAME)}.${row.CONSTRAINT_NAME}`,
        // MySQL writes _utf8mb4\\'open\\' where MariaDB writes 'open'.
        String(row.CHECK_CLAUSE)
          .replaceAll(/_\w+(?=\\?')/g, '')
          .replaceAll("\\'", "'"),
      ]),
    ),
  }
}

/**
 * What code that knows the old schema cannot live with in the new one, a sentence each. What it does with rows, such as other
 * values that an UPDATE writes into them, is not seen here.
 */
export function contractions(before: Schema, after: Schema): string[] {
  const tableOf = (name: string) => name.slice(0, name.indexOf('.'))
  const oldTables = new Set([...before.columns.keys()].map(tableOf))
  const isNewTable = (name: string) => !oldTables.has(tableOf(name))
  const found: string[] = []
  for (const [name, old] of before.columns) {
    const now = after.columns.get(name)
    if (!now) found.push(`${name} is gone, or has another name`)
    else {
      if (!holds(now.type, old.type)) found.push(`${name} was ${old.type} and is ${now.type}, which holds less`)
      if (old.isNullable && !now.isNullable) found.push(`${name} takes no NULL any more`)
      if (old.isOptional && !now.isOptional) found.push(`${name} may not be left out any more`)
      if (old.generated !== now.generated)
        found.push(`${name} is derived in another way: ${now.generated || 'by nothing'}`)
      if (old.collation !== now.collation) found.push(`${name} compares by ${now.collation}, not by ${old.collation}`)
    }
  }
  for (const [name, { isOptional }] of after.columns) {
    if (before.columns.has(name) || isNewTable(name) || isOptional) continue
    found.push(`${name} is new and may not be left out: give it a default`)
  }
  for (const [name, columns] of before.indexes) {
    // Statements name them: FORCE INDEX.
    if (after.indexes.get(name) !== columns) found.push(`the index ${name} (${columns}) is gone, or is another one`)
  }
  for (const [name, columns] of after.indexes) {
    const isNew = !before.indexes.has(name) && !isNewTable(name)
    if (isNew && columns.startsWith('unique ')) found.push(`${name} (${columns}) refuses rows that were taken`)
  }
  for (const [name, clause] of after.checks) {
    if (isNewTable(name)) continue
    const old = before.checks.get(name)
    if (old === undefined) {
      const columns = [...after.columns.keys()].filter(
        (one) => tableOf(one) === tableOf(name) && before.columns.has(one),
      )
      const isOfNewColumns = !columns.some((one) => clause.includes(`\`${one.slice(one.indexOf('.') + 1)}\``))
      if (!isOfNewColumns) found.push(`the check ${name} is new: ${clause}`)
    } else if (!allows(clause, old)) found.push(`the check ${name} allows less: ${clause}`)
  }
  return found
}

const integers = ['tinyint', 'smallint', 'mediumint', 'int', 'bigint']
const texts = ['tinytext', 'text', 'mediumtext', 'longtext']
const blobs = ['tinyblob', 'blob', 'mediumblob', 'longblob']

/** Whether every value of one type is one of the other. */
function holds(wide: string, narrow: string): boolean {
  if (wide === narrow) return true
  const [now, old] = [partsOf(wide), partsOf(narrow)]
  if (now.rest !== old.rest) return false
  for (const family of [integers, texts, blobs]) {
    if (family.includes(now.base) && family.includes(old.base))
      return family.indexOf(now.base) >= family.indexOf(old.base)
  }
  if (now.base !== old.base) return false
  // A number of digits after the point leaves fewer before it.
  const whole = (numbers: readonly number[]) => (numbers[0] ?? 0) - (now.base === 'decimal' ? (numbers[1] ?? 0) : 0)
  return whole(now.numbers) >= whole(old.numbers) && (now.numbers[1] ?? 0) >= (old.numbers[1] ?? 0)
}

function partsOf(type: string) {
  const [, base = '', list = '', rest = ''] = /^(\w+)(?:\(([^)]*)\))?(.*)$/.exec(type) ?? []
  const isInteger = integers.includes(base)
  return { base, numbers: isInteger ? [] : list.split(',').filter(Boolean).map(Number), rest: rest.trim() }
}

/** Whether a check that lists values lists all that it did; of any other that differs nobody can say. */
function allows(now: string, old: string): boolean {
  if (now === old) return true
  const values = (clause: string) => new Set(clause.match(/'(?:[^'\\]|\\.)*'/g) ?? [])
  const shape = (clause: string) => clause.replaceAll(/\s*'(?:[^'\\]|\\.)*'\s*,?/g, '')
  return shape(now) === shape(old) && [...values(old)].every((value) => values(now).has(value))
}
