import { vi } from 'vitest'

/** Waits until a check passes, for up to 20 s: vitest's own second is little on a busy machine. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 20_000, interval: 20 })
}
