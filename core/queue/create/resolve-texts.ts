import {
  type RequestedSettings,
  type ResolvedSettings,
  resolveSettings,
  type SettingsIssue,
} from '../../brands/resolve.ts'
import type { Queryable } from '../../database/sql.ts'
import { VisionError } from '../../domain/errors.ts'
import type { NewText } from '../rows/texts.ts'
import type { NewJob } from './new-job.ts'

/** A problem with a text of a job. */
export type TextIssue = SettingsIssue & {
  /** The index of the job's output, from 0; undefined where the job itself describes its text. */
  readonly output?: number | undefined
}

/** Jobs cannot be created as requested. */
export class InvalidJobs extends VisionError {
  readonly issues: readonly (TextIssue & {
    /** The position of the job in the call, from 0. */
    readonly index: number
  })[]

  constructor(issues: InvalidJobs['issues']) {
    super(issues.every(({ code }) => code === 'brand.not_found') ? 'brand.not_found' : 'request.invalid')
    this.issues = issues
  }
}

type RequestedTexts = Pick<NewJob, keyof RequestedSettings | 'outputs'>

/**
 * The texts of jobs, all of which must be valid: see `resolveTexts`.
 *
 * @param indexes the positions of the jobs in the call
 * @throws InvalidJobs with every issue of every job
 */
export async function requireTexts(
  on: Queryable,
  userId: string,
  jobs: readonly RequestedTexts[],
  indexes: readonly number[] = jobs.map((_, at) => at),
): Promise<readonly (readonly NewText[])[]> {
  const resolved = await resolveTexts(on, userId, jobs)
  const issues = resolved.flatMap((job, at) => job.issues.map((issue) => ({ ...issue, index: indexes[at] ?? at })))
  if (issues.length > 0) throw new InvalidJobs(issues)
  return resolved.map(({ texts }) => texts)
}

/** The texts to make for a job, and the issues of those that cannot be made. */
interface ResolvedTexts {
  readonly texts: readonly NewText[]
  readonly issues: readonly TextIssue[]
}

interface Requested {
  readonly index: number
  readonly output: number | undefined
  readonly variants: number
  readonly settings: RequestedSettings
}

/** The texts of jobs, with the current versions of the brands that they name: see `resolveSettings`. */
export async function resolveTexts(
  on: Queryable,
  userId: string,
  jobs: readonly RequestedTexts[],
): Promise<readonly ResolvedTexts[]> {
  const requested = jobs.flatMap((job, index): Requested[] =>
    job.outputs === undefined
      ? [{ index, output: undefined, variants: 1, settings: job }]
      : job.outputs.map(({ variants = 1, brandId = job.brandId, ...text }, output) => ({
          index,
          output,
          variants,
          settings: { ...text, brandId },
        })),
  )
  const resolved = await resolveSettings(
    on,
    userId,
    requested.map(({ settings }) => settings),
  )
  const all = requested.map((one, at) => ({ ...one, result: resolved[at] as ResolvedSettings | SettingsIssue }))
  const ofJob = Map.groupBy(all, ({ index }) => index)
  return jobs.map((_, index) => {
    const own = ofJob.get(index) ?? []
    const alike = new Map<string, number>()
    const texts = own.flatMap(({ result, variants }) => {
      if ('code' in result) return []
      return Array.from({ length: variants }, () => {
        const key = JSON.stringify(result)
        const variant = (alike.get(key) ?? 0) + 1
        alike.set(key, variant)
        return { ...result, variant }
      })
    })
    const issues = own.flatMap(({ result, output }) => ('code' in result ? [{ ...result, output }] : []))
    return { texts, issues }
  })
}
