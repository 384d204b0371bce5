import type * as z from 'zod'
import { type BatchRow, joining } from '../../batches/batches.ts'
import { type FieldProblem, fieldProblemsOf, InvalidInput } from '../../http/invalid-input.ts'
import { describeIssue } from '../../http/validation.ts'
import { createMany } from '../jobs/create.ts'
import { CreateJob } from '../jobs/schema.ts'
import type { Caller } from '../procedure.ts'
import type { AddedJobsView } from './schema.ts'

type Fields = Readonly<Record<string, unknown>>

interface Valid {
  readonly index: number
  readonly request: z.output<typeof CreateJob>
}

/**
 * Adds jobs to a batch, all or, where the batch skips those that cannot be made, the others.
 *
 * @param jobs as they were sent, in parts that the batch's defaults may leave out
 * @throws InvalidInput that names every job that cannot be made, or what `createMany` throws
 */
export async function addJobs(
  caller: Caller,
  batch: BatchRow,
  jobs: readonly Fields[],
  batchKey: string | undefined,
): Promise<AddedJobsView> {
  const owned = { userId: caller.actor.userId, batchId: batch.id }
  const problems: FieldProblem[] = []
  let valid = jobs.flatMap((job, index): Valid[] => {
    const parsed = CreateJob.safeParse(withDefaults(batch.defaults, job), { error: describeIssue })
    if (parsed.success) return [{ index, request: parsed.data }]
    const issues = parsed.error.issues.map((issue) => ({ ...issue, path: ['jobs', index, ...issue.path] }))
    problems.push(...fieldProblemsOf(issues))
    return []
  })
  const skips = batch.onInvalid === 'skip'
  if (problems.length > 0 && !skips) throw new InvalidInput(problems)
  for (;;) {
    try {
      const indexes = valid.map(({ index }) => index)
      const requests = valid.map(({ request }) => request)
      const options = { batchKey, batch: joining(owned), batchId: batch.id, asked: jobs, indexes }
      const created = valid.length === 0 ? [] : await createMany(caller, requests, options)
      return {
        jobs: created.map((job, at) => ({ index: indexes[at] ?? at, ...job })),
        rejected: [...Map.groupBy(problems, indexOf)]
          .toSorted(([one], [other]) => one - other)
          .map(([index, errors]) => ({ index, errors })),
      }
    } catch (error) {
      // The images and brands of jobs are looked at by those who make them.
      const refused = skips && error instanceof InvalidInput ? error.fields : []
      const left = valid.filter(({ index }) => !refused.some((problem) => indexOf(problem) === index))
      if (left.length === valid.length) throw error
      problems.push(...refused)
      valid = left
    }
  }
}

function indexOf({ pointer }: FieldProblem): number {
  return Number(/^#\/jobs\/(\d+)(\/|$)/.exec(pointer)?.[1] ?? -1)
}

/** What a job says itself, also where by that a default makes no sense any more, and the defaults for the rest. */
function withDefaults(defaults: Fields, job: Fields): Fields {
  const { outputs, platform, ...others } = defaults
  // What is wanted is said in one of two ways.
  if (Object.hasOwn(job, 'outputs')) {
    const { outputFormat: _, language: __, ...rest } = others
    return { ...rest, ...job }
  }
  const said = Object.hasOwn(job, 'outputFormat')
  const fits = !said || job.outputFormat === 'social_post'
  return {
    ...others,
    ...(outputs !== undefined && !said && { outputs }),
    ...(platform !== undefined && fits && { platform }),
    ...job,
  }
}
