import type * as z from 'zod'
import { describeCode, type ErrorCode, VisionError } from '../../domain/errors.ts'
import { type FieldProblem, InvalidInput } from '../../http/invalid-input.ts'
import { carriesBytes } from '../../images/intake.ts'
import { checkNewJobs } from '../../queue/create/check-new-jobs.ts'
import type { NewJob } from '../../queue/create/new-job.ts'
import type { ApiServices } from '../services.ts'
import type { CreateJob } from './schema.ts'

/**
 * Stores the images of all jobs before any job is created, but not before all of them, and the caller's quota, were
 * checked: a refused call leaves nothing behind.
 *
 * @param pointers the position of each image in the input
 * @param idempotencies of the jobs, in order
 * @throws InvalidInput with every refused image, IdempotencyMismatch, InvalidJobs, LimitExceeded, or VisionError
 *   `storage.unavailable`
 */
export async function takeImages(
  services: Pick<ApiServices, 'database' | 'images' | 'limits'>,
  userId: string,
  jobs: readonly z.output<typeof CreateJob>[],
  pointers: readonly string[],
  idempotencies: readonly NewJob['idempotency'][],
): Promise<readonly NewJob[]> {
  // An image that several jobs share is stored once.
  const urls = [...new Set(jobs.map(({ imageUrl }) => imageUrl))]
  const refused = refusedImages(services.images, userId, jobs, pointers)
  if (refused.length > 0) {
    // If there are several kinds, none stands for the call, whatever the order of the jobs.
    const [code, ...others] = new Set(refused.map((problem) => problem.code as ErrorCode))
    throw new InvalidInput(refused, others.length > 0 ? 'request.invalid' : code)
  }
  if (urls.some(carriesBytes)) {
    const keyed = jobs.map((job, index) => ({ ...job, idempotency: idempotencies[index] }))
    await checkNewJobs(services.database, userId, keyed, services.limits)
  }
  const taken = await Promise.allSettled(urls.map((url) => services.images.take(url, userId)))
  const images = new Map(
    taken.map((image, index) => {
      if (image.status === 'rejected') throw image.reason
      return [urls[index] ?? '', image.value]
    }),
  )
  return jobs.map(({ idempotencyKey: _, ...job }) => ({ ...job, ...images.get(job.imageUrl) }))
}

/**
 * Checks the images of jobs without storing any, and returns those that would be refused, and why.
 *
 * @param pointers see `takeImages`
 */
export function refusedImages(
  images: ApiServices['images'],
  userId: string,
  jobs: readonly { readonly imageUrl: string }[],
  pointers: readonly string[],
): readonly FieldProblem[] {
  const urls = [...new Set(jobs.map(({ imageUrl }) => imageUrl))]
  const refusals = new Map(urls.flatMap((url) => refusalOf(images, url, userId)))
  return jobs.flatMap(({ imageUrl }, index): FieldProblem[] => {
    const error = refusals.get(imageUrl)
    return error ? [{ pointer: pointers[index] ?? '#', code: error.code, detail: error.message }] : []
  })
}

function refusalOf(images: ApiServices['images'], url: string, userId: string): [string, VisionError][] {
  try {
    images.check(url, userId)
    return []
  } catch (error) {
    if (error instanceof VisionError && (describeCode(error.code).status ?? 500) < 500) return [[url, error]]
    throw error
  }
}
