import * as z from 'zod'
import { keyPattern } from './idempotency.ts'

/** An idempotency key as a field. */
export const idempotencyKey = z
  .string()
  .regex(keyPattern, 'must be 1 to 200 characters of printable ASCII, with no space at either end')

/** The description of an idempotency key, with the other place where it may be sent. */
export function describeKey(elsewhere: string): string {
  return `The same key with the same request is carried out once, however often it is sent. 1 to 200 characters of printable ASCII, no space at either end. ${elsewhere}`
}
