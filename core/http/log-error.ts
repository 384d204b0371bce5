import { innermost, reasonOf, VisionError } from '../domain/errors.ts'
import type { Log } from '../platform/log.ts'
import { toErrorResponse } from './error-response.ts'

/**
 * Logs a refused or failed call: our own failures with their cause.
 *
 * @param log adds the request id that the caller received
 */
export function logError(log: Log, error: unknown, operation: string): void {
  const { status, code: shownCode } = toErrorResponse(error)
  const known = error instanceof VisionError || !(error instanceof Error) ? error : (error.cause ?? error)
  if (status < 500) {
    const detail = known instanceof VisionError ? known.detail : undefined
    log('info', 'request rejected', { operation, status, code: shownCode, ...(detail && { detail }) })
    return
  }
  const code = known instanceof VisionError ? known.code : 'internal.error'
  log('error', 'request failed', {
    operation,
    status,
    code,
    reason: reasonOf(error),
    at: framesOf(error).slice(0, 5),
  })
}

/** Where the innermost error was thrown. */
function framesOf(error: unknown): readonly string[] {
  const inner = innermost(error)
  const lines = inner instanceof Error ? (inner.stack?.split('\n') ?? []) : []
  return lines.filter((line) => /^\s+at /.test(line)).map((line) => line.trim())
}
