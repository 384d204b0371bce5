import { providerNames } from '../core/providers/registry.ts'

export const usage = `Operates the queue.

Usage: npm run ops -- <verb> [options]

Verbs:
  jobs        jobs of all users, newest first: --status, --code, --user, --batch, --since
  job <id>    one job with its runs, the raw reasons of their errors, what they took, and its texts
  failures    what jobs failed of, by code and step
  minutes     throughput, failures, waits and cost of each minute
  status      the queue, its workers, the providers and the live streams
  pause       stops claiming, of all jobs or of those that need one provider next; running jobs finish, none expires
  resume      starts claiming again, and lets a call probe a provider whose circuit breaker is open
  redrive     requeues failed jobs; without --yes it only counts them
  cancel      cancels jobs that have not ended, by --user, --batch or --code; without --yes it only counts them
  prune       deletes jobs that ended long ago, with their outputs; without --yes it only counts them
  keys        a user's API keys; keys create makes one and shows it this once, keys revoke <id> ends one
  limits      a user's limits and where each comes from; --jobs-a-day and the like set one, --reset ends all that were set
  erase       erases a user with all that is kept of them; without --yes it only counts
  doctor      checks the database as the functions use it, the bucket and the providers' keys: what is wrong, and what to do;
              exits with 1 if anything is
  actions     the audit log, latest first

Options:
  --status <status>         jobs: in this status, or in several: failed,scheduled
  --batch <id>              jobs, redrive, cancel: jobs of this batch
  --days <n>                failures: the number of days, UTC, with today (default: 2)
  --minutes <n>             minutes: how many, 1,440 at most (default: 60)
  --before <id>             jobs: older than this one, as the end of a page says
  --provider <name>         pause, resume: ${providerNames.join(' or ')}
  --reason <text>           pause, resume: why; status and the audit log show it
  --code <code>             jobs, redrive, cancel: jobs whose last error has this code, or with a prefix of codes: analysis.
  --since <time>            jobs: created, redrive: failed since then: 30m, 2h, 1d ago, or 2026-11-23T12:00:00Z
  --until <time>            redrive: jobs that failed before this time, written alike
  --user <id>               jobs, redrive, cancel: jobs of this user; keys, limits, erase: whose
  --name <name>             keys create: what people know the key by
  --scopes <scopes>         keys create: of read,write,operator (default: read,write)
  --expires-in-days <n>     keys create: the days until it expires (default: never)
  --jobs-in-flight <n>      limits: jobs pending or processing at once
  --jobs-waiting <n>        limits: jobs that wait
  --jobs-a-day <n>          limits: jobs created in a day, UTC
  --dollars-a-day <n>       limits: what the calls may cost in a day, UTC
  --uploads-a-day <n>       limits: uploads in a day, UTC
  --upload-megabytes-a-day <n>  limits: megabytes uploaded in a day, UTC
  --streams <n>             limits: live streams at once
  --waits <n>               limits: calls that wait at once
  --reset                   limits: what is not given is the setting again
  --older-than-days <n>     prune: jobs that ended longer ago (default: JOB_RETENTION_DAYS, or 30)
  --limit <n>               redrive, cancel, prune: at most this many jobs (default: all); jobs, actions: how many (default: 20)
  --yes                     redrive, cancel, prune, erase: do it
  --json                    JSON as the API returns it, instead of tables
  -h, --help                show this and exit

With DATABASE_URL, exported or in .env, on that database; without it on the one that npm start keeps in DATA_DIR,
which may be running. Each act leaves a row in vision_operator_actions.
Exits with 0 on success, 1 on failure, 2 on a usage error.
`

export const verbs = [
  'jobs',
  'job',
  'failures',
  'minutes',
  'status',
  'pause',
  'resume',
  'redrive',
  'cancel',
  'prune',
  'keys',
  'limits',
  'erase',
  'doctor',
  'actions',
] as const
export type Verb = (typeof verbs)[number]

export const options = {
  status: { type: 'string' },
  batch: { type: 'string' },
  days: { type: 'string' },
  minutes: { type: 'string' },
  before: { type: 'string' },
  provider: { type: 'string' },
  reason: { type: 'string' },
  code: { type: 'string' },
  since: { type: 'string' },
  until: { type: 'string' },
  user: { type: 'string' },
  name: { type: 'string' },
  scopes: { type: 'string' },
  'expires-in-days': { type: 'string' },
  'older-than-days': { type: 'string' },
  'jobs-in-flight': { type: 'string' },
  'jobs-waiting': { type: 'string' },
  'jobs-a-day': { type: 'string' },
  'dollars-a-day': { type: 'string' },
  'uploads-a-day': { type: 'string' },
  'upload-megabytes-a-day': { type: 'string' },
  streams: { type: 'string' },
  waits: { type: 'string' },
  reset: { type: 'boolean' },
  limit: { type: 'string' },
  yes: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

/** The options of each verb; all take --json. */
export const taken: Readonly<Record<Verb, readonly (keyof typeof options)[]>> = {
  jobs: ['status', 'code', 'user', 'batch', 'since', 'limit', 'before'],
  job: [],
  failures: ['days'],
  minutes: ['minutes'],
  status: [],
  pause: ['provider', 'reason'],
  resume: ['provider', 'reason'],
  redrive: ['code', 'since', 'until', 'user', 'batch', 'limit', 'yes'],
  cancel: ['code', 'user', 'batch', 'limit', 'yes'],
  keys: ['user', 'name', 'scopes', 'expires-in-days'],
  limits: [
    'user',
    ...(['jobs-in-flight', 'jobs-waiting', 'jobs-a-day', 'dollars-a-day'] as const),
    ...(['uploads-a-day', 'upload-megabytes-a-day', 'streams', 'waits', 'reset'] as const),
  ],
  erase: ['user', 'yes'],
  doctor: [],
  prune: ['older-than-days', 'limit', 'yes'],
  actions: ['limit'],
}

/** What was given on the command line. */
export type Values = {
  readonly [Name in keyof typeof options]?: (typeof options)[Name]['type'] extends 'string' ? string : boolean
}
