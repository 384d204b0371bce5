import type { FailuresView, MinutesView, OperatorJobsView, OperatorJobView } from '../core/api/admin/jobs-schema.ts'
import { dollars, duration, number, sections, table } from './table.ts'

/** @param next the id at which the next page begins */
export function describeJobs(jobs: OperatorJobsView['jobs'], next: number | undefined): string {
  const more = next === undefined ? '' : `More: --before ${next}`
  if (jobs.length === 0) return next === undefined ? 'No such jobs.' : `None among those that were looked at. ${more}`
  return sections(
    table(
      ['job', 'status', 'step', 'error', 'runs', 'user', 'batch', 'texts', 'created', 'changed'],
      jobs.map((job) => [
        String(job.jobId),
        job.status,
        job.step ?? '-',
        job.error?.code ?? '-',
        String(job.attempt),
        printable(job.user),
        job.batchId === null ? '-' : String(job.batchId),
        `${job.texts.completed} of ${job.texts.wanted}`,
        job.createdAt,
        job.updatedAt,
      ]),
    ),
    more,
  )
}

/** A job for a person at a terminal: the latest error first. */
export function describeJob(job: OperatorJobView): string {
  const { timings, usage } = job
  const details = job.attempts.filter(({ errorDetail }) => errorDetail !== null)
  return sections(
    `job ${job.jobId} of ${printable(job.user)}: ${job.status}${job.error ? `, ${job.error.code}: ${printable(job.error.message)}` : ''}`,
    table(
      ['', ' '],
      [
        ['created', job.createdAt],
        ['started', job.startedAt ?? '-'],
        ['finished', job.finishedAt ?? '-'],
        ['next try', job.nextTryAt ?? '-'],
        ['expires', job.expiresAt],
        ['worker', job.workerId ?? '-'],
        ['trace', job.traceId ?? '-'],
        ['batch', job.batchId === null ? '-' : String(job.batchId)],
        ['image', printable(job.imageUrl).slice(0, 200)],
        ['purpose', printable(job.analysisPurpose).slice(0, 200)],
        ['waited', took(timings.waitingMs)],
        ['ran', took(timings.runningMs)],
        ['calls', `${number(usage.calls)} answered, ${number(usage.possiblyBilled)} possibly billed`],
        ['cost', dollars(usage.costUsd)],
      ],
    ).trim(),
    table(
      ['run', 'outcome', 'step', 'error', 'waited', 'image', 'analysis', 'content', 'cost', 'started', 'worker'],
      job.attempts.map((run) => [
        String(run.attempt),
        run.outcome,
        run.step,
        run.error?.code ?? '-',
        took(run.waitingMs),
        took(run.imageMs),
        callOf(run, 'analysis'),
        callOf(run, 'content'),
        dollars((run.usage.analysis?.costUsd ?? 0) + (run.usage.content?.costUsd ?? 0)),
        run.startedAt,
        run.workerId.slice(0, 8),
      ]),
    ),
    details.map(({ attempt, errorDetail }) => `run ${attempt}: ${printable(errorDetail ?? '')}`).join('\n'),
    table(
      ['text', 'format', 'language', 'status', 'revision', 'error', 'model', 'made'],
      job.texts.all.map((text) => [
        String(text.textId),
        text.outputFormat,
        text.language,
        text.status,
        String(text.revision),
        text.error?.code ?? '-',
        printable(text.model ?? '-'),
        text.createdAt ?? '-',
      ]),
    ),
  )
}

/** Short times in milliseconds, longer ones to the tenth of a second. */
function took(milliseconds: number): string {
  if (milliseconds < 1000) return `${milliseconds} ms`
  return milliseconds < 60_000 ? `${(milliseconds / 1000).toFixed(1)} s` : duration(milliseconds)
}

function callOf({ usage, calls }: OperatorJobView['attempts'][0], step: 'analysis' | 'content'): string {
  const one = usage[step]
  const answered = calls.find((call) => call.step === step)?.answered ?? 0
  return one === null
    ? '-'
    : `${printable(one.model)} ${took(one.milliseconds)}${answered > 1 ? ` (${answered} calls)` : ''}`
}

export function describeFailures({ days, failures }: FailuresView): string {
  const within = days === 1 ? 'today (UTC)' : `the last ${days} days (UTC)`
  if (failures.length === 0) return `No job has failed within ${within}.`
  return sections(
    table(
      ['code', 'step', 'jobs', 'users', 'first', 'last', 'sample'],
      failures.map((one) => [
        one.code,
        one.step,
        `${number(one.jobs)}${one.atLeast ? ' or more' : ''}`,
        `${number(one.users)}${one.atLeast ? ' or more' : ''}`,
        one.firstAt,
        one.lastAt,
        `job ${one.sampleJobId}`,
      ]),
    ),
    `Within ${within}. For the raw reason: npm run ops -- job ${failures[0]?.sampleJobId}\nOnce its cause is fixed: npm run ops -- redrive --code ${failures[0]?.code}`,
  )
}

/** A line for each minute, and one for all of them. */
export function describeMinutes({ totals, minutes }: MinutesView): string {
  if (minutes.length === 0) return 'No worker has reported anything.'
  const line = (name: string, workers: string, one: MinutesView['totals']) => [
    name,
    workers,
    number(one.completed),
    number(one.retried),
    number(one.failed),
    number(one.expired),
    number(one.reclaimed),
    ...[one.waitingMs, one.analysisMs, one.contentMs].map(within),
    dollars(one.costUsd),
    codes(one.failures),
  ]
  return table(
    [
      'minute',
      'workers',
      'completed',
      'retried',
      'failed',
      'expired',
      'died',
      'waited p50/p95',
      'analysis',
      'content',
      'cost',
      'failed of',
    ],
    [...minutes.map((one) => line(one.minute.slice(0, 16), String(one.workers), one)), line('all', '-', totals)],
  )
}

/** The median and the 95th percentile. */
export function within(percentiles: MinutesView['totals']['waitingMs']): string {
  return percentiles === null ? '-' : `${took(percentiles.p50)}/${took(percentiles.p95)}`
}

/** The most frequent first. */
export function codes(failures: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(failures).toSorted(([, one], [, other]) => other - one)
  return sorted.map(([code, jobs]) => `${code} × ${number(jobs)}`).join(', ')
}

/** Text of users, providers and servers must not move the cursor or start a line. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is meant.
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ')
}
