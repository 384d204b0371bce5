import { type Blame, describeCode, type ErrorCode, errorCodes } from '../core/errors.ts'

const begin = '<!-- codes: written by `npm run docs:codes` from core/errors.ts -->'
const end = '<!-- end of codes -->'

const consequences: Readonly<Record<Blame, string>> = {
  request: 'the call is refused',
  permanent: 'the job fails',
  retryable: 'the job is tried again, at the cost of a retry',
  provider: 'the job waits, at no cost',
}

/** Not a failure of the job: see core/jobs/reclaim.ts. */
const exceptions: Partial<Record<ErrorCode, string>> = {
  'worker.lost': 'the job is tried again; the sixth time it fails',
}

/** The table of every error code for the README, between its two marks. */
export function codeTable(): string {
  const rows = (Object.keys(errorCodes) as ErrorCode[]).map((code) => {
    const { blame, status, message } = describeCode(code)
    return `| \`${code}\` | ${status ?? ''} | ${exceptions[code] ?? consequences[blame]} | ${message} |`
  })
  return [begin, '| code | HTTP | what follows | said to the client |', '|---|---|---|---|', ...rows, end].join('\n')
}

/**
 * A text with its table brought up to date.
 *
 * @throws RangeError if it has no marks
 */
export function withCodeTable(text: string): string {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from === -1 || to < from) throw new RangeError('README.md has lost the marks of its table of codes.')
  return text.slice(0, from) + codeTable() + text.slice(to + end.length)
}
