import { createHash } from 'node:crypto'
import type { NewJob } from '../../queue/create/new-job.ts'

/** The key of one job of a call with a key. No key of a client begins with a tab, so they never collide. */
export function keyInBatch(batchKey: string, index: number): string {
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
