import { vi } from 'vitest'

/** Waits until a check passes, for up to a minute: vitest's own second is little on a busy machine. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 60_000, interval: 20 })
}
