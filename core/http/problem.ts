import type { ErrorResponse } from './error-response.ts'
import type { ProblemView } from './problem-schema.ts'

/** Where the pages are that describe errors. */
export const problemsPath = '/problems'

/** The `type` of a problem (RFC 9457, section 3.1.1): the path of its page, the same on every host. */
export function problemTypeOf(code: string): string {
  return `${problemsPath}/${code}`
}

/** An error response as a problem. */
export function toProblem({ code, status, message, fields }: ErrorResponse, requestId: string): ProblemView {
  return {
    type: problemTypeOf(code),
    // Not imported: that would load all of it, fetch included, with the start.
    title: process.getBuiltinModule('node:http').STATUS_CODES[status] ?? 'Error',
    status,
    detail: message,
    code,
    requestId,
    ...(fields.length > 0 && { errors: [...fields] }),
  }
}
