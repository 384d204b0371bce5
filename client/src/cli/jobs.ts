import { type Command, Option } from 'commander'
import type { Batch, ChangedJobs, Job, JobStatus, VisionClient } from '../index.ts'
import { dollars, openClient, print, printable, type Terminal, table, UsageError, wholeNumber } from './context.ts'

interface Flags {
  readonly json?: true
}
interface ListFlags extends Flags {
  readonly status?: JobStatus
  readonly limit: number
}
interface ShowFlags extends Flags {
  readonly wait?: true
}

export function addJobs(program: Command, terminal: Terminal): void {
  program
    .command('jobs')
    .description('list your jobs, newest first')
    .addOption(
      new Option('-s, --status <status>', 'only these').choices([
        'scheduled',
        'blocked',
        'pending',
        'processing',
        'completed',
        'failed',
        'cancelled',
      ]),
    )
    .option('--limit <n>', 'at most this many, up to 100', wholeNumber, 20)
    .option('--json', 'print JSON')
    .action((flags: ListFlags) => listJobs(terminal, flags))
  program
    .command('job')
    .description('show a job and its texts')
    .argument('<id>', 'of the job', wholeNumber)
    .option('-w, --wait', 'until it has ended')
    .option('--json', 'print JSON')
    .action((id: number, flags: ShowFlags) => showJob(terminal, id, flags))
  program
    .command('batch')
    .description('show a batch')
    .argument('<id>', 'of the batch', wholeNumber)
    .option('-w, --wait', 'until all its jobs have ended')
    .option('--json', 'print JSON')
    .action((id: number, flags: ShowFlags) => showBatch(terminal, id, flags))
  const collect = (value: string, before: readonly number[] = []) => [...before, wholeNumber(value)]
  program
    .command('retry')
    .description('retry failed jobs')
    .argument('[ids...]', 'of jobs')
    .option('--batch <id>', 'all that failed of this batch', collect)
    .option('--all', 'all of yours that failed')
    .option('--code <code>', 'of a batch or of all: only those that failed with this code')
    .option('--dry-run', 'of all: only say how many')
    .action((ids: string[], flags: ChangeFlags) => change(terminal, 'retry', ids.map(wholeNumber), flags))
  program
    .command('cancel')
    .description('cancel jobs that have not ended')
    .argument('[ids...]', 'of jobs')
    .option('--batch <id>', 'all of this batch', collect)
    .option('--all', 'all of yours that have not ended')
    .option('--dry-run', 'of all: only say how many')
    .action((ids: string[], flags: ChangeFlags) => change(terminal, 'cancel', ids.map(wholeNumber), flags))
}

async function listJobs(terminal: Terminal, { status, limit, json }: ListFlags): Promise<void> {
  const vision = await openClient(terminal)
  const query = { limit, ...(status && { status: [status] }) }
  const { data } = await vision.api.GET('/v1/jobs', { params: { query } })
  const jobs = data?.jobs ?? []
  print(terminal, jobs, json === true, () =>
    table(
      ['job', 'status', 'batch', 'texts', 'created', 'error'],
      jobs.map((job) => [job.jobId, job.status, job.batchId, job.outputFormat, job.createdAt, job.error?.code]),
    ),
  )
}

async function showJob(terminal: Terminal, id: number, { wait, json }: ShowFlags): Promise<void> {
  const vision = await openClient(terminal)
  const job = wait ? await vision.wait(id) : await vision.get(id)
  if (job.status === 'failed') terminal.exitCode = 3
  print(terminal, job, json === true, () => describeJob(job))
}

function describeJob({ jobId, status, progress, error, usage, outputs }: Job): readonly string[] {
  return [
    `job ${jobId}: ${status}, ${progress} % · ${dollars(usage.costUsd)}`,
    ...(error ? [`${error.code}: ${printable(error.message)}`] : []),
    ...outputs.texts.flatMap(({ textId, outputFormat, language, result }) => [
      '',
      `${textId}  ${outputFormat} (${language})`,
      ...Object.entries(result ?? {}).map(([name, value]) => `   ${name}: ${printable(value)}`),
    ]),
  ]
}

async function showBatch(terminal: Terminal, id: number, { wait, json }: ShowFlags): Promise<void> {
  const vision = await openClient(terminal)
  const params = { path: { batchId: id } }
  const batch = wait
    ? await vision.waitForBatch(id)
    : ((await vision.api.GET('/v1/batches/{batchId}', { params })).data as Batch)
  if (batch.byStatus.failed > 0) terminal.exitCode = 3
  print(terminal, batch, json === true, () => [
    `batch ${id}${batch.name === null ? '' : ` “${printable(batch.name)}”`}: ${batch.jobs} jobs · ${dollars(batch.costUsd)}`,
    ...table(
      ['status', 'jobs'],
      Object.entries(batch.byStatus).filter(([, jobs]) => jobs > 0),
    ),
    ...Object.entries(batch.byCode).map(([code, jobs]) => `failed with ${code}: ${jobs}`),
  ])
}

type Act = 'retry' | 'cancel'

interface ChangeFlags {
  readonly batch?: readonly number[]
  readonly all?: true
  readonly code?: string
  readonly dryRun?: true
}

async function change(terminal: Terminal, act: Act, ids: readonly number[], flags: ChangeFlags): Promise<void> {
  const { batch: batches = [], all, code, dryRun } = flags
  if (all ? ids.length + batches.length > 0 : ids.length + batches.length === 0) {
    throw new UsageError(`Say which: vision ${act} <job id>, --batch <id>, or --all by itself.`)
  }
  if (dryRun && !all) throw new UsageError('--dry-run counts all your jobs: say --all too.')
  const vision = await openClient(terminal)
  if (all) await changeAll(terminal, vision, act, flags)
  for (const jobId of ids) {
    const { data } = await vision.api.POST(`/v1/jobs/{jobId}/${act}`, { params: { path: { jobId } } })
    terminal.stdout.write(`job ${jobId}: ${data?.status}\n`)
  }
  const body = code === undefined ? {} : { code }
  for (const batchId of batches)
    terminal.stdout.write(`batch ${batchId}: ${await changeBatch(vision, act, batchId, body)} jobs\n`)
}

const statusesOf: Readonly<Record<Act, readonly JobStatus[]>> = {
  retry: ['failed'],
  cancel: ['scheduled', 'blocked', 'pending', 'processing'],
}

/** Changes all jobs of the caller that the verb is about, or counts them. */
async function changeAll(terminal: Terminal, vision: VisionClient, act: Act, { code, dryRun }: ChangeFlags) {
  const filter = { status: [...statusesOf[act]], ...(code !== undefined && { code }) }
  let done: ChangedJobs | undefined
  const onProgress = (soFar: ChangedJobs) => {
    done = soFar
  }
  try {
    await vision[act === 'retry' ? 'retryJobs' : 'cancelJobs'](filter, { dryRun, onProgress })
  } finally {
    // Where it ends early, too: a limit was reached, or nothing answers any more.
    if (done) {
      const { jobs, more, refused } = done
      terminal.stdout.write(dryRun ? `${more ? 'at least ' : ''}${jobs} jobs to ${act}\n` : `${jobs} jobs\n`)
      for (const group of refused) terminal.stdout.write(`not ${group.jobs}: ${group.code}\n`)
    }
  }
}

/** Repeats the call until all jobs of a batch are done. */
async function changeBatch(vision: VisionClient, act: Act, batchId: number, body: { code?: string }): Promise<number> {
  const params = { path: { batchId } }
  for (let jobs = 0; ; ) {
    const { data } =
      act === 'cancel'
        ? await vision.api.POST('/v1/batches/{batchId}/cancel', { params })
        : await vision.api.POST('/v1/batches/{batchId}/retry', { params, body })
    jobs += data?.jobs ?? 0
    // None is changed where there is no room for more.
    if (!data?.more || data.jobs === 0) return jobs
  }
}
