import { createHash } from 'node:crypto'
import type { NewJob } from '../../queue/create.ts'

/** The key of one job of a batch that has a key as a whole. No other key begins with a tab, so none is ever the same. */
export function keyInBatch(batchKey: string, index: number): string {
  return `\t${index}\t${batchKey}`
}

/** A key together with the hash of the request that it stands for. */
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
  // Pairs and not an object, which would put keys that look like numbers first and take `__proto__` for something else.
  return { fields: fields.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, field]) => [key, sorted(field)]) }
}
