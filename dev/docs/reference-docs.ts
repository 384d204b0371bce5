import { Job, JobSummary } from '../../core/api/jobs/schema.ts'
import { describeCode, type ErrorClass, type ErrorCode, errorCodes } from '../../core/domain/errors.ts'
import { keyOf, settingsOf } from '../../core/platform/config/providers.ts'
import { registry } from '../../core/providers/registry.ts'

const consequences: Readonly<Record<ErrorClass, string>> = {
  request: 'the call is refused',
  permanent: 'the job fails',
  retryable: 'the job is tried again, at the cost of a retry',
  provider: 'the job waits, at no cost',
}

/** Not a failure of the job: see core/queue/claim/reclaim.ts. */
const exceptions: Partial<Record<ErrorCode, string>> = {
  'worker.lost': 'the job is tried again; the sixth time it fails',
}

/** The table of every error code for docs/errors.md. */
export function codeTable(): string {
  const rows = (Object.keys(errorCodes) as ErrorCode[]).map((code) => {
    const { errorClass, status, message } = describeCode(code)
    return `| \`${code}\` | ${status ?? ''} | ${exceptions[code] ?? consequences[errorClass]} | ${message} |`
  })
  return ['| code | HTTP | what follows | said to the client |', '|---|---|---|---|', ...rows].join('\n')
}

/** Of fields whose schema stands for more than this one. */
const jobFields: Partial<Record<keyof typeof Job.shape, string>> = {
  jobId: 'Its id, for all other calls.',
  status:
    '`scheduled`, `blocked`, `pending`, `processing`, `completed`, `failed` or `cancelled`: see [Job lifecycle](job-lifecycle.md).',
  error: 'What went wrong last: a stable `code` and a `message`; null where nothing did. See [Error codes](errors.md).',
  image:
    'The copy of the image that every run reads: a link, its type, bytes, size, orientation and hash; null until the first run has brought it.',
  outputFormat: 'The kind of text that is made.',
}

/** The table of the fields of a job, as `getJobStatus` returns it, for docs/api.md. */
export function jobFieldTable(): string {
  const rows = Object.entries(Job.shape).map(([name, schema]) => {
    const description = jobFields[name as keyof typeof Job.shape] ?? schema.meta()?.description
    if (description === undefined) throw new RangeError(`${name} of a job has no description.`)
    return `| \`${name}\` | ${name in JobSummary.shape ? '' : 'no'} | ${cell(description)} |`
  })
  return ['| field | in lists | |', '|---|---|---|', ...rows].join('\n')
}

/** Where the comments of .env.example begin. */
const commentColumn = 35

/** The text of .env.example with the settings of every provider, which stand between who serves the steps and the prices. */
export function withProviderSettings(example: string): string {
  const lines = registry.flatMap((entry) =>
    Object.entries(settingsOf(entry)).map(
      ([key, { about }]) => `${`${keyOf(entry.name, key)}=`.padEnd(commentColumn - 1)} # ${about}`,
    ),
  )
  return example.replace(/(?<=^CONTENT_PROVIDER=.*\n)[\s\S]*?(?=^PRICES=)/m, () => `${lines.join('\n')}\n`)
}

/** The tables of every setting for docs/configuration.md, from the text of .env.example or a file like it. */
export function settingTables(example: string): string {
  const blocks = example.split(/\n{2,}/).map((block) => block.trim())
  return blocks.flatMap((block) => settingTable(block.split('\n')) ?? []).join('\n\n')
}

function settingTable(lines: readonly string[]): string | undefined {
  const rows: string[] = []
  let comment: string[] = []
  let intro = ''
  for (const line of lines) {
    const [, key, inline] = /^([A-Z0-9_]+)=\s*(?:# (.*))?$/.exec(line) ?? []
    if (key === undefined) comment.push(line.replace(/^# ?/, ''))
    else {
      // What stands above the first key is said of all of them, unless that key has no words of its own.
      if (rows.length === 0) intro = (inline === undefined ? comment.splice(0, comment.length - 1) : comment).join(' ')
      const text = inline ?? comment.join(' ')
      const [, words = text, byDefault = ''] = /^(.*?)\s*\(([^()]*(?:\([^()]*\)[^()]*)*)\)$/.exec(text) ?? []
      rows.push(`| \`${key}\` | ${cell(words)} | ${cell(byDefault)} |`)
      comment = []
    }
  }
  if (rows.length === 0) return undefined
  return [...(intro ? [intro, ''] : []), '| setting | | if empty |', '|---|---|---|', ...rows].join('\n')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;')
}

/**
 * A text with what stands between two marks brought up to date.
 *
 * @param name of the marks: `<!-- name: … -->` and `<!-- end of name -->`
 * @throws RangeError if it has no marks
 */
export function withGenerated(text: string, name: string, generated: string): string {
  const from = text.indexOf(`<!-- ${name}:`)
  const begin = text.indexOf('-->', from)
  const end = text.indexOf(`<!-- end of ${name} -->`)
  if (from === -1 || begin === -1 || end < begin) throw new RangeError(`The marks of ${name} are lost.`)
  return `${text.slice(0, begin)}-->\n${generated}\n${text.slice(end)}`
}
