import { createHash } from 'node:crypto'
import type * as z from 'zod'
import { InvalidInput } from '../../http/invalid-input.ts'
import type { NewJob } from '../../queue/create/new-job.ts'
import type { CreateJob } from './schema.ts'

type JobRequest = z.output<typeof CreateJob>

/** The idempotency key of a call that creates several jobs, and what it identifies. */
export interface CallKey {
  /** The idempotency key of the whole call. */
  readonly batchKey: string | undefined
  /** The batch of the jobs, if it existed before: it is part of what the key identifies. */
  readonly batchId?: number
  /** All that was requested, if only a part of it can be created: what the key identifies. */
  readonly asked?: readonly unknown[]
}

/**
 * The canonical request that a key identifies: a missing field equals its default. For a job with a brand, the brand
 * decides the defaults, which may change.
 */
export function canonical(request: Omit<JobRequest, 'idempotencyKey'>) {
  const { brandId, language = 'en', platform, outputs } = request
  if (outputs === undefined) {
    return brandId === undefined ? { ...request, language, platform: platform ?? undefined } : request
  }
  const texts = outputs.map(({ variants = 1, ...text }) => {
    const { brandId: own = brandId, language = 'en', platform } = text
    return own === undefined ? { ...text, language, platform: platform ?? undefined, variants } : { ...text, variants }
  })
  return { ...request, outputs: texts, language: undefined, platform: undefined }
}

const twiceKeyed = 'The call has a key already: send one or the other.'

/** The key of each job of a call: its own, or one derived from the call's key, which identifies the whole call. */
export function keysOf(
  jobs: readonly JobRequest[],
  indexes: readonly number[],
  { batchKey, batchId, asked }: CallKey,
): readonly NewJob['idempotency'][] {
  const requests = jobs.map(({ idempotencyKey: _, ...request }) => ({ ...canonical(request), batchId }))
  if (batchKey === undefined) return jobs.map((job, index) => idempotencyOf(job.idempotencyKey, requests[index]))
  const twice = jobs.flatMap((job, index) =>
    job.idempotencyKey === undefined
      ? []
      : [{ pointer: `#/jobs/${indexes[index]}/idempotencyKey`, code: 'field.conflict' as const, detail: twiceKeyed }],
  )
  if (twice.length > 0) throw new InvalidInput(twice)
  // Once, over all that was sent, images included.
  const requestHash = hashOf(asked === undefined ? requests : { asked, batchId })
  return indexes.map((index) => ({ key: keyInBatch(batchKey, index), requestHash }))
}

/** The key of one job of a call with a key. No key of a client begins with a tab, so they never collide. */
function keyInBatch(batchKey: string, index: number): string {
  return `\t${index}\t${batchKey}`
}

/** A key with the hash of its request. */
export function idempotencyOf(key: string | undefined, request: unknown): NewJob['idempotency'] {
  return key === undefined ? undefined : { key, requestHash: hashOf(request) }
}

/** SHA-256, in hex, of a value's canonical JSON: the order of an object's fields makes no difference. */
export function hashOf(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(value)))
    .digest('hex')
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  // Pairs instead of an object, which would reorder numeric keys and treat `__proto__` specially.
  return { fields: fields.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, field]) => [key, sorted(field)]) }
}
