import type {
  ActionsView,
  ClaimingView,
  ProviderStateViewed,
  PruneView,
  RedriveView,
  WorkerStatusView,
} from '../core/api/admin/schema.ts'

/** The status for a person at a terminal. */
export function describeStatus(status: WorkerStatusView): string {
  const at = new Date(status.at)
  const { queue, workers, throughput, claims, providers, liveSessions } = status
  return sections(
    `${status.at}  claiming: ${describePause(claims.pausedByOperator) ?? 'running'}`,
    table(
      ['queue', 'jobs'],
      queue.depth.map(({ status, jobs, atLeast }) => [status, `${number(jobs)}${atLeast ? ' or more' : ''}`]),
    ),
    `oldest due job: ${queue.oldestDueSeconds === 0 ? 'none' : `waits for ${duration(queue.oldestDueSeconds * 1000)}`}`,
    table(
      ['provider', 'circuit', 'in flight', 'calls/min', 'tokens/min'],
      providers.map((one) => [
        one.provider,
        describeProvider(one),
        number(one.callsInFlight),
        number(one.callsLastMinute),
        number(one.tokensLastMinute),
      ]),
    ),
    table(
      ['within', 'completed', 'per minute', 'retried', 'failed', 'released', 'died', 'expired', 'failure rate'],
      throughput.map(({ minutes, perMinute, failureRate, tally }) => [
        `${minutes} min`,
        number(tally.completed),
        perMinute.toFixed(1),
        number(tally.retried),
        number(tally.failed),
        number(tally.released),
        number(tally.reclaimed),
        number(tally.expired),
        failureRate === null ? '-' : `${(failureRate * 100).toFixed(1)} %`,
      ]),
    ),
    `${number(workers.running)} running, ${number(liveSessions)} live streams${workers.recent.length > 0 ? '\n' : ''}` +
      table(
        ['worker', 'state', 'in flight', 'claimed', 'completed', 'last heartbeat', 'where'],
        workers.recent.map((one) => [
          one.workerId.slice(0, 8),
          one.state,
          `${one.inFlight} of ${one.concurrency}`,
          number(one.tally.claimed),
          number(one.tally.completed),
          `${duration(at.getTime() - new Date(one.lastHeartbeatAt).getTime())} ago`,
          one.host,
        ]),
      ),
  )
}

/** @param resumed after a resume: points out remaining pauses */
export function describeClaiming({ claims, providers }: ClaimingView, resumed = false): string {
  const states = table(
    ['claiming', 'state'],
    [
      ['all', describePause(claims.pausedByOperator) ?? 'running'],
      ...providers.map((state) => [state.provider, describeProvider(state)]),
    ],
  )
  if (!resumed) return states
  const paused = providers.filter(({ pausedByOperator }) => pausedByOperator !== null)
  return [
    states,
    ...(claims.pausedByOperator ? ['Still paused: resume'] : []),
    ...paused.map(({ provider }) => `Still paused: resume --provider ${provider}`),
  ].join('\n')
}

function describePause(pause: ClaimingView['claims']['pausedByOperator']): string | undefined {
  return pause ? `paused by ${pause.by} at ${pause.at}${pause.reason === null ? '' : `: ${pause.reason}`}` : undefined
}

/** An operator's pause comes first, as a resume ends it. */
function describeProvider({ pausedByOperator, circuit, openMs, openCode, downSince }: ProviderStateViewed): string {
  const down = downSince === null ? '' : `, down since ${downSince}`
  const health =
    circuit === 'open' ? `open for ${duration(openMs)} (${openCode})${down}` : `half-open (${openCode})${down}`
  return describePause(pausedByOperator) ?? (circuit === 'closed' ? circuit : health)
}

export function describeRedrive({ dryRun, jobs, sample, more, through }: RedriveView): string {
  const some = sample.length === 0 ? '' : ` (${sample.join(', ')}${jobs > sample.length ? ', …' : ''})`
  const rest = more ? `\nThere may be more: go on with --since ${through}.` : ''
  if (!dryRun) return `Redriven: ${amount(jobs)}${some}.${rest}`
  return `Would be redriven: ${amount(jobs)}${some}.${rest}${jobs > 0 ? '\nNothing was changed; --yes does it.' : ''}`
}

export function describePrune({ dryRun, olderThanDays, jobs, more }: PruneView): string {
  const which = `${amount(jobs)} that ended more than ${olderThanDays} days ago`
  if (!dryRun) return `Deleted: ${which}.${more ? ' There are more.' : ''}`
  return `Would be deleted: ${which}${more ? ', or more' : ''}.${jobs > 0 ? '\nNothing was changed; --yes does it.' : ''}`
}

export function describeActions(actions: ActionsView['actions']): string {
  if (actions.length === 0) return 'No operator actions yet.'
  return table(
    ['at', 'by', 'action', 'with', 'result'],
    actions.map(({ at, actor, action, dryRun, parameters, result }) => [
      at,
      actor,
      `${action}${dryRun ? ' (dry run)' : ''}`,
      JSON.stringify(parameters),
      JSON.stringify(result),
    ]),
  )
}

const sections = (...parts: readonly string[]) => parts.filter(Boolean).join('\n\n')
const number = (value: number) => value.toLocaleString('en')
const amount = (jobs: number) => (jobs === 1 ? '1 job' : `${number(jobs)} jobs`)

/** Columns as wide as their content, two blanks apart; numbers stand to the right. */
function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return ''
  const all = [heading, ...rows]
  const widths = heading.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  const isNumeric = heading.map((_, column) =>
    rows.every((row) => /^[\d,.]+( %| or more)?$|^-$/.test(row[column] ?? '')),
  )
  return all
    .map((row) =>
      row
        .map((cell, column) => cell[isNumeric[column] ? 'padStart' : 'padEnd'](widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** In the largest two units that say something. */
function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000))
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 120) return `${minutes} min ${seconds % 60} s`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days ${hours % 24} h`
}
