import { getBatch } from '../../batches/batches.ts'
import { type FieldProblem, fieldProblemsOf } from '../../http/invalid-input.ts'
import { resolveTexts } from '../../queue/create/resolve-texts.ts'
import { indexOf, jobParser, type Valid } from '../batches/add-jobs.ts'
import { owned } from '../batches/reply.ts'
import { fieldProblemsOfJobs } from '../jobs/invalid-jobs.ts'
import { refusedImages } from '../jobs/take-images.ts'
import type { Caller } from '../procedure.ts'

type Fields = Readonly<Record<string, unknown>>

/** The result of a check. */
export interface Checked {
  /** The number of texts of each valid job. */
  readonly texts: readonly number[]
  /** The problems of the others. */
  readonly problems: readonly FieldProblem[]
}

/**
 * Checks jobs as their creation would: their fields, images and brands. Stores nothing and fetches nothing.
 *
 * @param batchId the batch whose defaults apply, if any
 * @throws VisionError `batch.not_found`
 */
export async function checkJobs(
  caller: Caller,
  jobs: readonly Fields[],
  { defaults = {}, batchId }: { readonly defaults?: Fields | undefined; readonly batchId?: number | undefined },
): Promise<Checked> {
  const { services, actor } = caller
  const common = batchId === undefined ? defaults : (await getBatch(services.database, owned(caller, batchId))).defaults
  const problems: FieldProblem[] = []
  const parse = await jobParser(common)
  const parsed = jobs.flatMap((job, index): Valid[] => {
    const result = parse(job)
    if (result.success) return [{ index, request: result.data }]
    const issues = result.error.issues.map((issue) => ({ ...issue, path: ['jobs', index, ...issue.path] }))
    problems.push(...fieldProblemsOf(issues))
    return []
  })
  const requests = parsed.map(({ request }) => request)
  const pointers = parsed.map(({ index }) => `#/jobs/${index}/imageUrl`)
  problems.push(...refusedImages(services.images, actor.userId, requests, pointers))
  const resolved = await services.database.run((on) => resolveTexts(on, actor.userId, requests))
  const issues = resolved.flatMap((one, at) => one.issues.map((issue) => ({ ...issue, index: at })))
  problems.push(...fieldProblemsOfJobs(issues, (at) => ['jobs', parsed[at]?.index ?? at]))
  const bad = new Set(problems.map(indexOf))
  return {
    texts: resolved.flatMap((one, at) => (bad.has(parsed[at]?.index ?? -1) ? [] : one.texts.length)),
    problems,
  }
}
