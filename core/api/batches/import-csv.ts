import type { BatchRow } from '../../batches/batches.ts'
import { type FieldProblem, fieldProblemsOf, InvalidInput } from '../../http/invalid-input.ts'
import { hashOf } from '../jobs/idempotency.ts'
import type { Caller } from '../procedure.ts'
import { createValid, jobParser, type Valid } from './add-jobs.ts'
import { type CsvRow, readCsv } from './read-csv.ts'
import type { ImportedCsvView } from './schema.ts'

/** How many jobs are created in one transaction. */
const atOnce = 100
/** The most invalid rows that a response names. */
const maxRejected = 1_000

/**
 * Adds the rows of a CSV to a batch, a hundred at a time while there is time. The same CSV creates the same jobs, so it may
 * be sent again after a timeout or an error.
 *
 * @param key identifies the CSV; its own bytes do if left out
 * @throws InvalidInput with every invalid row, unless the batch skips them, or what `createMany` throws
 */
export async function importCsv(
  caller: Caller,
  batch: BatchRow,
  csv: string,
  key: string | undefined,
  hasTime: () => boolean,
): Promise<ImportedCsvView> {
  const rows = readCsv(csv)
  const asked = [hashOf(csv)]
  const options = { batchKey: key ?? `csv-${batch.id}-${asked[0]?.slice(0, 40)}`, asked }
  const problems: FieldProblem[] = []
  const parse = await jobParser(batch.defaults)
  const valid = rows.flatMap((row, index): Valid[] => {
    const parsed = parse(merged(batch.defaults, row.job))
    if (parsed.success) return [{ index, request: parsed.data }]
    const issues = parsed.error.issues.map((issue) => ({ ...issue, path: ['jobs', index, ...issue.path] }))
    problems.push(...fieldProblemsOf(issues))
    return []
  })
  const skips = batch.onInvalid === 'skip'
  if (problems.length > 0 && !skips) throw new InvalidInput(problems.map((problem) => inCsv(problem, rows)))
  let jobs = 0
  let replayed = 0
  let at = 0
  for (; at < valid.length && hasTime(); at += atOnce) {
    try {
      const { created } = await createValid(caller, batch, valid.slice(at, at + atOnce), problems, options)
      jobs += created.length
      replayed += created.filter((job) => job.replayed).length
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error
      throw new InvalidInput(
        error.fields.map((problem) => inCsv(problem, rows)),
        error.code,
      )
    }
  }
  const byRow = Map.groupBy(problems, ({ pointer }) => indexIn(pointer))
  const rejected = [...byRow].toSorted(([one], [other]) => one - other)
  return {
    rows: rows.length,
    jobs,
    replayed,
    rejectedRows: rejected.length,
    rejected: rejected.slice(0, maxRejected).map(([index, errors]) => ({
      line: rows[index]?.line ?? 0,
      errors: errors.map(({ pointer, code, detail }) => ({ column: columnIn(pointer, rows[index]), code, detail })),
    })),
    more: at < valid.length,
  }
}

/** The cells of a row, with the batch's defaults. */
function merged({ facts, metadata }: Readonly<Record<string, unknown>>, job: CsvRow['job']): CsvRow['job'] {
  const both = (name: string, common: unknown) =>
    job[name] === undefined ? {} : { [name]: { ...(common as object | undefined), ...(job[name] as object) } }
  return { ...job, ...both('facts', facts), ...both('metadata', metadata) }
}

/** Translates a problem's position to the lines and columns of the text. */
function inCsv({ pointer, code, detail }: FieldProblem, rows: readonly CsvRow[]): FieldProblem {
  const row = rows[indexIn(pointer)]
  if (row === undefined) return { pointer, code, detail }
  return { pointer: '#/csv', code, detail: `line ${row.line}, column ${columnIn(pointer, row)}: ${detail}` }
}

function indexIn(pointer: string): number {
  return Number(/^#\/jobs\/(\d+)/.exec(pointer)?.[1] ?? -1)
}

function columnIn(pointer: string, row: CsvRow | undefined): string {
  const path = pointer
    .split('/')
    .slice(3)
    .map((part) => decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~'))
  const name = path[0] === 'facts' && path[1] !== undefined ? path[1] : path[0] === 'metadata' ? 'sku' : (path[0] ?? '')
  return row?.columnOf[name] ?? name
}
