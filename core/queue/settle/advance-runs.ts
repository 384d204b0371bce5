import { matchedBy, type Queryable } from '../../database/sql.ts'
import { SqlText } from '../../database/sql-text.ts'
import type { RowUpdate } from '../../database/update-rows.ts'
import { type MadeText, textMade } from '../rows/text-row.ts'

/** What a run writes into the row of its job, its own, and that of a text. */
export interface Advance {
  /** The assignments of the job's row `j`, a constant of ours; the same for many jobs. */
  readonly job: string
  /** The update of the run's own row. */
  readonly attempt: RowUpdate
  /** The text that it has made, and the version of its job that introduces it. */
  readonly made: (MadeText & { readonly version: number }) | undefined
}

const ofText = ['t.revision = x.revision', 't.version = x.version', textMade.set]

/**
 * Updates the rows of jobs that the transaction has locked, of their runs, and of the texts that these have made: one statement for all that
 * change the same columns. It is for few: the server sets rows of joined tables aside, and of a hundred jobs that costs more than
 * two further statements.
 *
 * @returns whether each found all its rows: a text must wait for this revision
 */
export async function advanceRuns(tx: Queryable, advances: readonly Advance[]): Promise<boolean> {
  const form = ({ job, attempt, made }: Advance) => `${job} ${Object.keys(attempt.columns)} ${made === undefined}`
  const advance = async (alike: readonly Advance[]) => {
    const [first] = alike
    if (first === undefined) return true
    const columns = Object.keys(first.attempt.columns)
    const names = [
      ...Object.keys(first.attempt.key),
      ...columns,
      ...(first.made ? ['text', 'revision', 'version'] : []),
    ]
    const values = alike.map(({ attempt: { key, columns: written }, made }) => [
      ...Object.values(key),
      ...columns.map((name) => written[name] ?? null),
      ...(made ? [made.text, made.revision, made.version] : []),
    ])
    const text = new SqlText().add('UPDATE ').rows(names, values)
    text.add(` x STRAIGHT_JOIN vision_jobs j FORCE INDEX (PRIMARY) ON j.id = x.job_id
      STRAIGHT_JOIN vision_job_attempts a FORCE INDEX (job_attempt) ON a.job_id = x.job_id AND a.attempt = x.attempt`)
    if (first.made) {
      text.add(` STRAIGHT_JOIN vision_job_texts t FORCE INDEX (PRIMARY) ON t.job_id = x.job_id AND t.text = x.text
      AND ${textMade.only}`)
    }
    const taken = [...columns.map((name) => `a.${name} = x.${name}`), ...(first.made ? ofText : [])]
    const update = text.add(` SET ${[first.job, ...taken].join(', ')}`).done()
    // The server counts the rows of each table.
    return (await matchedBy(tx, update)) >= alike.length * (first.made ? 3 : 2)
  }
  return !(await Promise.all([...Map.groupBy(advances, form).values()].map(advance))).includes(false)
}
