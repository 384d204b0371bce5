import type {
  ActionsView,
  CancelView,
  ClaimingView,
  ProviderStateViewed,
  PruneView,
  RedriveView,
  WorkerStatusView,
} from '../core/api/admin/schema.ts'
import type { Finding } from './finding.ts'
import { codes, within } from './jobs-text.ts'
import { dollars, duration, number, sections, table } from './table.ts'

/** The status for a person at a terminal. */
export function describeStatus(status: WorkerStatusView): string {
  const at = new Date(status.at)
  const { queue, workers, throughput, claims, providers, liveSessions, webhooks } = status
  return sections(
    `${status.at}  claiming: ${describePause(claims.pausedByOperator) ?? 'running'}`,
    table(
      ['queue', 'jobs'],
      queue.depth.map(({ status, jobs, atLeast }) => [status, `${number(jobs)}${atLeast ? ' or more' : ''}`]),
    ),
    `oldest due job: ${queue.oldestDueSeconds === 0 ? 'none' : `waits for ${duration(queue.oldestDueSeconds * 1000)}`}`,
    `webhooks: ${bounded(webhooks.waiting)} to deliver (${bounded(webhooks.failing)} to failing endpoints), the oldest due ${
      webhooks.oldestDueSeconds === 0 ? 'none' : `waits for ${duration(webhooks.oldestDueSeconds * 1000)}`
    }; endpoints: ${bounded(webhooks.endpoints.enabled)} enabled (${bounded(webhooks.endpoints.failing)} failing), ${bounded(webhooks.endpoints.disabled)} disabled`,
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
    table(
      ['within', 'waited p50/p95', 'image', 'analysis', 'content', 'cost', 'failed of'],
      throughput.map((one) => [
        `${one.minutes} min`,
        ...[one.waitingMs, one.imageMs, one.analysisMs, one.contentMs].map(within),
        dollars(one.costUsd),
        codes(one.failures),
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

function bounded({ count, atLeast }: WorkerStatusView['webhooks']['waiting']): string {
  return `${number(count)}${atLeast ? ' or more' : ''}`
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
    ...(claims.pausedByOperator ? ['Still paused: npm run ops -- resume'] : []),
    ...paused.map(({ provider }) => `Still paused: npm run ops -- resume --provider ${provider}`),
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

export function describeFindings(findings: readonly Finding[]): string {
  const rows = findings.map(({ check, ok, found }) => [check, ok === null ? 'not checked' : ok ? 'ok' : 'WRONG', found])
  const todo = findings.filter(({ ok }) => ok === false).map((finding) => `${finding.check}: ${finding.todo}`)
  return [table(['check', 'state', 'found'], rows), ...todo].join('\n')
}

export function describeCancel({ dryRun, jobs, sample, more }: CancelView): string {
  const some = sample.length === 0 ? '' : ` (${sample.join(', ')}${jobs > sample.length ? ', …' : ''})`
  const rest = more ? '\nThere may be more.' : ''
  if (!dryRun) return `Cancelled: ${amount(jobs)}${some}.${rest}`
  return `Would be cancelled: ${amount(jobs)}${some}.${rest}${jobs > 0 ? '\nNothing was changed; --yes does it.' : ''}`
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

const amount = (jobs: number) => (jobs === 1 ? '1 job' : `${number(jobs)} jobs`)
