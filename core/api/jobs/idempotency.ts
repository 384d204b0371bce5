import { createHash } from 'node:crypto'
import { RefusedInput } from '../../http/problem.ts'
import type { Context } from '../../http/trpc.ts'
import type { NewJob } from '../../queue/create.ts'
import { idempotencyKey } from './schema.ts'

/**
 * The one key of a call that may carry it as a header or as a field.
 *
 * @throws RefusedInput if the two differ, if the header is no key, or if it came with several creations in a tRPC batch
 */
export function oneKey(
  { idempotencyKey: header, creations }: Pick<Context, 'idempotencyKey' | 'creations'>,
  field: string | undefined,
): string | undefined {
  if (header === undefined) return field
  if (creations > 1) {
    throw refused(
      `The header Idempotency-Key stands for one call, and this batch creates by ${creations}: give each its own idempotencyKey.`,
    )
  }
  if (!idempotencyKey.safeParse(header).success) {
    throw refused('The header Idempotency-Key must be 1 to 200 characters of printable ASCII.')
  }
  if (field !== undefined && field !== header) {
    throw refused('The header Idempotency-Key and the field differ: send one of them.')
  }
  return header
}

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

function refused(detail: string): RefusedInput {
  return new RefusedInput([{ pointer: '#/idempotencyKey', code: 'field.conflict', detail }])
}
