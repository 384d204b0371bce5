export type Level = 'debug' | 'info' | 'warn' | 'error'

/** What a line is about. Never a secret, a token, a URL with a query, or the bytes of an image. */
export interface LogFields {
  readonly jobId?: number
  readonly attempt?: number
  readonly step?: string
  readonly [field: string]: unknown
}

export type Log = (level: Level, message: string, fields?: LogFields) => void

const order: readonly Level[] = ['debug', 'info', 'warn', 'error']

/**
 * A logger that writes one JSON object a line.
 * @param write takes each line, without its newline; standard output on Lambda
 * @param now milliseconds since the epoch
 */
export function createLog(minimum: Level, write: (line: string) => void, now: () => number): Log {
  return (level, message, fields = {}) => {
    if (order.indexOf(level) < order.indexOf(minimum)) return
    write(JSON.stringify({ time: new Date(now()).toISOString(), level, message, ...fields }))
  }
}
