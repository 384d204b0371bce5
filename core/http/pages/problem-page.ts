import type { Hono } from 'hono'
import { describeCode, type ErrorClass, type ErrorCode, errorCodes, VisionError } from '../../domain/errors.ts'
import type { AppEnv } from '../context.ts'
import { problemsPath, problemTypeOf } from '../problem.ts'
import { refuseOtherMethods } from '../rest.ts'
import { escapeHtml, htmlPage, pageHeaders } from './page.ts'

const allCodes = Object.keys(errorCodes) as ErrorCode[]

/** The consequence of each class of errors, for its page. */
const consequences: Readonly<Record<ErrorClass, string>> = {
  request: 'The call is refused, and nothing was changed.',
  permanent: 'The job fails: another run would end the same.',
  retryable: 'The job is tried again, while it has retries left.',
  provider: 'The job waits and is tried again, at no cost to it.',
}

/** Serves what the `type` of a problem leads to (RFC 9457, section 3.1.1): a page for each code, and one with all. */
export function mountProblemPages(app: Hono<AppEnv>): void {
  app.get(problemsPath, (call) => {
    const rows = allCodes.map((code) => `<dt id="${code}"><code>${code}</code></dt>\n<dd>${about(code)}</dd>`)
    return call.html(problemPage('Error codes', `<dl>\n${rows.join('\n')}\n</dl>`), 200, headers)
  })
  app.get(`${problemsPath}/:code`, (call) => {
    const code = allCodes.find((one) => one === call.req.param('code'))
    if (code === undefined) throw new VisionError('request.not_found', { message: 'There is no such error code.' })
    return call.html(
      problemPage(code, `<p>${about(code)}</p>\n<p><a href="../../problems">All codes</a></p>`),
      200,
      headers,
    )
  })
  for (const path of [problemsPath, problemTypeOf(':code')]) refuseOtherMethods(app, path, ['GET', 'HEAD'])
}

const headers = { ...pageHeaders, 'cache-control': 'public, max-age=3600' }

function about(code: ErrorCode): string {
  const { errorClass, message, status } = describeCode(code)
  const follows =
    status === undefined || errorClass === 'request'
      ? consequences[errorClass]
      : `As an answer to a call: the call is refused. As the error of a job: ${consequences[errorClass].toLowerCase()}`
  return `${escapeHtml(message)}${status === undefined ? '' : ` HTTP ${status}.`} ${follows}`
}

function problemPage(title: string, body: string): string {
  return htmlPage(title, `<h1>${title}</h1>\n${body}`)
}
