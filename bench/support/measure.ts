import { sql } from 'drizzle-orm'
import { type Database, openDatabase } from '../../core/database/client.ts'
import { rowsOf } from '../../core/database/sql.ts'
import { openLooker, type PlanStep } from '../../test/support/database/looker.ts'
import { startProxy } from '../../test/support/database/proxy.ts'

/** An operation of the queue that is measured. */
export interface Operation {
  readonly name: string
  /** Prepares the queue, so that the operation finds something to do. */
  readonly prepare?: (on: Database) => Promise<void>
  readonly work: (on: Database) => Promise<unknown>
  /** Undoes the operation, given its result. */
  readonly undo?: (result: unknown) => Promise<void>
}

export interface Measured {
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** Index entries and rows that the server read, in all statements of the operation: the median, and the most. */
  readonly reads: number
  readonly mostReads: number
  readonly statements: number
  /** Of its statements on the queue's tables: each plan once, in the order in which they are sent. */
  readonly plans: readonly string[]
  /** Plans that read a whole table or index, or sort one: there should be none. */
  readonly faults: readonly string[]
}

export interface Meter {
  measure(operation: Operation, rounds: number): Promise<Measured>
  close(): Promise<void>
}

export async function openMeter(url: string): Promise<Meter> {
  // One connection, whose own counters are read.
  const database = openDatabase(url, { connections: 1, random: Math.random })
  const proxy = await startProxy(url)
  const traced = openDatabase(proxy.url(url), { connections: 1, random: Math.random })
  const looker = await openLooker(url)
  const count = async () => {
    const rows = await database.run((on) =>
      rowsOf<{ Value: string }>(on, sql`SHOW SESSION STATUS LIKE 'Handler\\_read%'`),
    )
    return rows.reduce((sum, { Value }) => sum + Number(Value), 0)
  }
  const round = async (
    { prepare, work, undo }: Operation,
    on: Database,
    around: (run: () => Promise<void>) => Promise<void>,
  ) => {
    await prepare?.(on)
    let result: unknown
    await around(async () => {
      result = await work(on)
    })
    await undo?.(result)
  }
  return {
    measure: async (operation, rounds) => {
      const times: number[] = []
      const reads: number[] = []
      const warmUp = Math.ceil(rounds / 10)
      for (let number = -warmUp; number < rounds; number++) {
        await round(operation, database, async (run) => {
          const first = await count()
          const before = await count()
          const began = performance.now()
          await run()
          const took = performance.now() - began
          // Reading the counters counts as well: by as much as the first two readings differ.
          const read = (await count()) - before - (before - first)
          if (number < 0) return
          times.push(took)
          reads.push(read)
        })
      }
      const sent: string[] = []
      await round(operation, traced, async (run) => {
        proxy.statements.length = 0
        await run()
        sent.push(...proxy.statements.filter((statement) => /vision_(job|user|usage|lane)/.test(statement)))
      })
      const plans = new Set<string>()
      const faults: string[] = []
      for (const statement of sent.filter((one) => !/^insert/i.test(one))) {
        const steps = await looker.planOf(statement)
        plans.add(
          `${/^\W*(\w+)/.exec(statement)?.[1]?.toUpperCase()} ${[...new Set(steps.flatMap(inShort))].join(' + ') || 'of no row: it is gone by now'}`,
        )
        if (steps.some(isFault)) faults.push(`${statement.slice(0, 200)} ${JSON.stringify(steps)}`)
      }
      return {
        p50: quantile(times, 0.5),
        p99: quantile(times, 0.99),
        reads: quantile(reads, 0.5),
        mostReads: quantile(reads, 1),
        statements: sent.length,
        plans: [...plans],
        faults,
      }
    },
    close: async () => {
      await looker.close()
      await traced.close()
      await proxy.close()
      await database.close()
    },
  }
}

const aliases: Readonly<Record<string, string>> = { a: 'job_attempts', u: 'usage' }

/** As in `jobs.claim ref`; a derived table has no name, and is left out. */
function inShort({ table, type, key }: PlanStep): string[] {
  if (table === null || table.startsWith('<')) return []
  const name = aliases[table] ?? table.replace('vision_', '')
  return [`${name}.${key ?? 'none'} ${type}`]
}

function isFault({ table, type, Extra }: PlanStep): boolean {
  if (table === null || table.startsWith('<')) return false
  return type === 'ALL' || type === 'index' || /filesort|temporary/.test(Extra ?? '')
}

export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** Milliseconds in words. */
export function ms(value: number): string {
  return value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString('en')
}
