import type * as z from 'zod'
import { type BatchRow, joining } from '../../batches/batches.ts'
import { VisionError } from '../../domain/errors.ts'
import { type FieldProblem, fieldProblemsOf, InvalidInput } from '../../http/invalid-input.ts'
import { describeIssue } from '../../http/validation.ts'
import type { CreatedJob } from '../../queue/create/idempotency.ts'
import { createMany, type ManyOptions, refusedJobs } from '../jobs/create.ts'
import type { CreateJob } from '../jobs/schema.ts'
import type { Caller } from '../procedure.ts'
import type { AddedJobsView } from './schema.ts'

type Fields = Readonly<Record<string, unknown>>

/** A job whose fields are valid. */
export interface Valid {
  /** Its index in the call, from 0. */
  readonly index: number
  readonly request: z.output<typeof CreateJob>
}

/**
 * Adds jobs to a batch: all of them, or, where the batch skips invalid ones, the valid ones.
 *
 * @param jobs as they were sent, with fields left to the batch's defaults
 * @throws InvalidInput with every invalid job, or what `createMany` throws
 */
export async function addJobs(
  caller: Caller,
  batch: BatchRow,
  jobs: readonly Fields[],
  batchKey: string | undefined,
): Promise<AddedJobsView> {
  const problems: FieldProblem[] = []
  const parse = await jobParser(batch.defaults)
  const valid = jobs.flatMap((job, index): Valid[] => {
    const parsed = parse(job)
    if (parsed.success) return [{ index, request: parsed.data }]
    const issues = parsed.error.issues.map((issue) => ({ ...issue, path: ['jobs', index, ...issue.path] }))
    problems.push(...fieldProblemsOf(issues))
    return []
  })
  if (problems.length > 0 && batch.onInvalid === 'refuse') throw new InvalidInput(problems)
  const { created, indexes } = await createValid(caller, batch, valid, problems, { batchKey, asked: jobs })
  return {
    jobs: created.map((job, at) => ({ index: indexes[at] ?? at, ...job })),
    rejected: rejectedOf(problems),
  }
}

/** How many problems a response contains in full. */
const maxProblems = 1_000

/** The problems of jobs, in order: after many problems, only the first one of each further job. */
export function rejectedOf(problems: readonly FieldProblem[]): AddedJobsView['rejected'] {
  let told = 0
  return [...Map.groupBy(problems, indexOf)]
    .toSorted(([one], [other]) => one - other)
    .map(([index, errors]) => {
      const shown = errors.slice(0, Math.max(1, maxProblems - told))
      told += shown.length
      return { index, errors: shown }
    })
}

/** Validates jobs by their schema, each with the defaults of its batch applied. */
export async function jobParser(defaults: Fields) {
  const { CreateJob } = await import('../jobs/schema.ts')
  return (job: Fields) => CreateJob.safeParse(withDefaults(defaults, job), { error: describeIssue })
}

/**
 * Creates jobs in a batch. If it skips invalid ones, jobs whose images, brands or keys are refused are left out; so are the
 * new ones of a call with existing ones, if the batch takes none any more.
 *
 * @param problems receives their problems
 */
export async function createValid(
  caller: Caller,
  batch: BatchRow,
  jobs: readonly Valid[],
  problems: FieldProblem[],
  options: Pick<ManyOptions, 'batchKey' | 'asked'>,
): Promise<{ readonly created: readonly CreatedJob[]; readonly indexes: readonly number[] }> {
  const owned = { userId: caller.actor.userId, batchId: batch.id }
  for (let valid = jobs; ; ) {
    const indexes = valid.map(({ index }) => index)
    if (valid.length === 0) return { created: [], indexes }
    try {
      const requests = valid.map(({ request }) => request)
      const created = await createMany(caller, requests, {
        ...options,
        batch: joining(owned),
        batchId: batch.id,
        indexes,
      })
      return { created, indexes }
    } catch (error) {
      // Images and brands are checked when the jobs are created.
      const refused = batch.onInvalid === 'skip' && error instanceof InvalidInput ? error.fields : []
      const left = valid.filter(({ index }) => !refused.some((problem) => indexOf(problem) === index))
      if (left.length === valid.length) {
        // Of this call some jobs exist, under keys of other requests: the caller learns of each.
        if (!(error instanceof VisionError) || !takesNone(error) || !problems.some(({ jobId }) => jobId)) throw error
        problems.push(...refusedJobs(error.code, indexes).fields)
        return { created: [], indexes: [] }
      }
      problems.push(...refused)
      valid = left
    }
  }
}

function takesNone({ code }: VisionError): boolean {
  return code === 'batch.closed' || code === 'batch.full'
}

/** The index of the job that a problem belongs to; -1 for none. */
export function indexOf({ pointer }: FieldProblem): number {
  return Number(/^#\/jobs\/(\d+)(\/|$)/.exec(pointer)?.[1] ?? -1)
}

/** A job's own fields, and the batch's defaults for the rest, except defaults that conflict with them. */
function withDefaults(defaults: Fields, job: Fields): Fields {
  const { outputs, platform, ...others } = defaults
  // The outputs can be specified in two ways.
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
