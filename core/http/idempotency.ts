import type { Context } from './context.ts'
import { InvalidInput } from './invalid-input.ts'

/** A valid idempotency key. Its column's collation ignores trailing spaces, hence no space at either end. */
export const keyPattern = /^[\x21-\x7e]([\x20-\x7e]{0,198}[\x21-\x7e])?$/

/**
 * The idempotency key of a call, from its header or its field.
 *
 * @throws InvalidInput if the two differ, if the header is not a valid key, or if it came with several creations in a tRPC batch
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
  if (!keyPattern.test(header)) {
    throw refused('The header Idempotency-Key must be 1 to 200 characters of printable ASCII.')
  }
  if (field !== undefined && field !== header) {
    throw refused('The header Idempotency-Key and the field differ: send one of them.')
  }
  return header
}

function refused(detail: string): InvalidInput {
  return new InvalidInput([{ pointer: '#/idempotencyKey', code: 'field.conflict', detail }])
}
