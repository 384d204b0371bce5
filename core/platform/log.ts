import { LogFormatter, Logger, LogItem } from '@aws-lambda-powertools/logger'
import type { Context } from 'aws-lambda'
import { keyPattern, keyPrefix, shownPrefixOf } from './api-key.ts'

export type Level = 'debug' | 'info' | 'warn' | 'error'

/** The context of a line. Never a secret, a token, a URL with a query, or the bytes of an image. */
export interface LogFields {
  readonly jobId?: number
  readonly attempt?: number
  readonly step?: string
  readonly traceId?: string | null
  readonly requestId?: string
  readonly [field: string]: unknown
}

export type Log = (level: Level, message: string, fields?: LogFields) => void

export interface LogOptions {
  /** Lines below this level are left out; a log level set on the Lambda function itself takes precedence. */
  readonly level: Level
  /** The name of the deployment. */
  readonly service: string
  /** Redacted from every line, as are strings of the form of an API key. */
  readonly secrets: readonly string[]
  /** Receives each line, without its newline. */
  readonly write: (line: string) => void
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** A log of a Lambda function. */
export interface FunctionLog extends Log {
  /** Starts an invocation, which further lines refer to; the first line of a function's first one says that it was cold. */
  invoked(context: Partial<Context> | undefined): void
}

/** A logger that writes one JSON object a line: that of Powertools, with our names of the fields. */
export function createLog({ level, service, secrets, write, now }: LogOptions): FunctionLog {
  let coldStartTold = false

  class Format extends LogFormatter {
    formatAttributes(line: Parameters<LogFormatter['formatAttributes']>[0], fields: LogFields): LogItem {
      const { logLevel, message, serviceName, lambdaContext } = line
      const isCold = lambdaContext?.coldStart === true && !coldStartTold
      coldStartTold ||= isCold
      return new LogItem({
        attributes: {
          time: new Date(now()).toISOString(),
          level: logLevel.toLowerCase(),
          message,
          service: serviceName,
          function_request_id: lambdaContext?.awsRequestId,
          ...(isCold && { cold_start: true }),
          ...fields,
        },
      })
    }
  }

  class Lines extends Logger {
    // Its own console cannot be replaced.
    protected override printLog(_: number, item: LogItem): void {
      item.prepareForPrint()
      write(JSON.stringify(item.getAttributes(), this.getJsonReplacer()))
    }
  }

  const logger = new Lines({
    logLevel: level,
    serviceName: service,
    logFormatter: new Format(),
    jsonReplacerFn: (_, value) => (typeof value === 'string' ? without(secrets, value) : value),
  })
  const log: Log = (at, message, fields = {}) => logger[at](message, fields)
  return Object.assign(log, {
    invoked: (context: Partial<Context> = {}) => logger.addContext(context as Context),
  })
}

/** A log that adds these fields to every line. */
export function withFields(log: Log, fields: LogFields): Log {
  return (level, message, more) => log(level, message, { ...fields, ...more })
}

/** Lambda's input of log lines. Its own `console.log` would put a time and an id before each. */
export function writeToStandardOutput(line: string): void {
  process.stdout.write(`${line}\n`)
}

function without(secrets: readonly string[], text: string): string {
  const clean = secrets.reduce((rest, secret) => rest.replaceAll(secret, '[secret]'), text)
  return clean.includes(keyPrefix) ? clean.replaceAll(keyPattern, (key) => `${shownPrefixOf(key)}[secret]`) : clean
}
