import { sql } from 'drizzle-orm'
import { bigint, customType, int } from 'drizzle-orm/mysql-core'
import { asDate } from './as-date.ts'
import type { RunStats } from './values.ts'

// Keys and tokens compare byte by byte: the default collations ignore case and think two emoji equal.
export const key = customType<{ data: string; config: { length: number } }>({
  dataType: (config) => `varchar(${config?.length}) character set ascii collate ascii_bin`,
})

export const word = <T extends string>(name: string) =>
  customType<{ data: T }>({ dataType: () => 'varchar(20) character set ascii collate ascii_bin' })(name)

/**
 * A word of a list, as the server's ENUM: a byte in the row and in each index, in the order of the list. Add one at the end, which
 * rewrites no row. In capitals, since drizzle-kit takes `enum(` apart and loses what follows.
 */
export const wordOf = <T extends string>(name: string, words: readonly T[]) =>
  customType<{ data: T }>({
    dataType: () => `ENUM(${words.map((one) => `'${one}'`).join(',')}) character set ascii collate ascii_bin`,
  })(name)

export const text = customType<{ data: string; config: { length: number } }>({
  dataType: (config) => `varchar(${config?.length}) character set utf8mb4 collate utf8mb4_bin`,
})

// The server's text type and this codec, so that JSON is the same, byte for byte, on MariaDB and on MySQL.
export const json = <T>(name: string) =>
  customType<{ data: T; driverData: string }>({
    dataType: () => 'mediumtext character set utf8mb4 collate utf8mb4_bin',
    toDriver: (value) => JSON.stringify(value),
    fromDriver: (value) => JSON.parse(value) as T,
  })(name)

// UTC with milliseconds, always written by the database's own UTC_TIMESTAMP(3).
export const time = (name: string) =>
  customType<{ data: Date; driverData: string }>({
    dataType: () => 'datetime(3)',
    toDriver: (date) => date.toISOString().replace('T', ' ').replace('Z', ''),
    fromDriver: asDate,
  })(name)
export const id = (name: string) => bigint(name, { mode: 'number', unsigned: true })
export const count = (name: string) => int(name, { unsigned: true }).notNull().default(0)

/** As the provider reports it; null if it does not. */
export const tokenCount = (name: string) => int(name, { unsigned: true })
export const amount = (name: string) => bigint(name, { mode: 'number' })
export const total = (name: string) => amount(name).notNull().default(0)

/** The waits, durations and failures of runs; null in rows of earlier releases. */
export const runStats = () => ({ stats: json<RunStats>('stats') })

/** The counters of a worker, in jobs and runs. */
export const tallies = () => ({
  claimed: count('claimed'),
  completed: count('completed'),
  retried: count('retried'),
  failed: count('failed'),
  released: count('released'),
  lost: count('lost'),
  reclaimed: count('reclaimed'),
  expired: count('expired'),
})

/** What one column says in the rows in which another has one of a few values, and null in all others: kept by the server. */
export const whereOneOf = (column: string, values: readonly string[], of: string) =>
  sql.raw(`if(${column} in (${values.map((value) => `'${value}'`).join(', ')}), ${of}, null)`)
export const stored = { mode: 'stored' } as const

export const oneOf = (column: string, values: readonly string[]) =>
  sql.raw(`${column} in (${values.map((value) => `'${value}'`).join(', ')})`)
