import type { ActionRow } from '../../admin/audit-log.ts'
import type { Status } from '../../admin/status.ts'
import type { Database } from '../../database/client.ts'
import { isProbing } from '../../providers/availability/circuit-breaker.ts'
import {
  type ProviderState,
  type ProviderStates,
  readProviderStates,
} from '../../providers/availability/provider-state.ts'
import { providerNames } from '../../providers/registry.ts'
import type { BulkResult } from '../../queue/change/bulk-change.ts'
import type { Redriven } from '../../queue/change/redrive.ts'
import { viewRunStats } from './jobs-view.ts'
import type {
  ActionsView,
  CancelView,
  ClaimingView,
  ProviderStateViewed,
  RedriveView,
  WorkerStatusView,
} from './schema.ts'

/** The status as clients get it. */
export function viewStatus(status: Status): WorkerStatusView {
  return {
    at: status.at.toISOString(),
    queue: { depth: [...status.depth], oldestDueSeconds: status.oldestDueSeconds },
    workers: {
      running: status.runningWorkers,
      recent: status.workers.map((worker) => ({
        ...worker,
        tally: { ...worker.tally },
        startedAt: worker.startedAt.toISOString(),
        lastHeartbeatAt: worker.lastHeartbeatAt.toISOString(),
        stoppedAt: worker.stoppedAt?.toISOString() ?? null,
      })),
    },
    throughput: status.throughput.map(({ stats, ...one }) => ({
      ...one,
      tally: { ...one.tally },
      ...viewRunStats(stats),
    })),
    claims: viewClaims(status.claims),
    providers: status.providers.map((state) => {
      const { inFlight = 0, perMinute = 0, tokens = 0 } = status.usage.get(state.name) ?? {}
      return {
        ...viewProvider(state),
        callsInFlight: inFlight,
        callsLastMinute: perMinute,
        tokensLastMinute: tokens,
      }
    }),
    liveSessions: status.liveSessions,
    webhooks: status.webhooks,
  }
}

/** Claiming and every provider as they are now, as clients get them after a pause or a resume. */
export function readClaiming(database: Database): Promise<ClaimingView> {
  return database.run(async (on) => viewClaiming(await readProviderStates(on)))
}

function viewClaiming(states: ProviderStates): ClaimingView {
  return {
    claims: viewClaims(states.of('all')),
    providers: providerNames.map((name) => viewProvider(states.of(name))),
  }
}

/** What a redrive did, or would do. */
export function viewRedrive(dryRun: boolean, { jobs, sample, more, through }: Redriven): RedriveView {
  return { dryRun, jobs, sample: [...sample], more, through: through?.toISOString() ?? null }
}

/** What a cancel by a filter did, or would do. */
export function viewCancel(dryRun: boolean, { jobs, sample, more }: BulkResult): CancelView {
  return { dryRun, jobs, sample: [...sample], more }
}

function viewClaims({ operatorPause }: ProviderState): ClaimingView['claims'] {
  return { pausedByOperator: viewPause(operatorPause) }
}

function viewProvider(state: ProviderState): ProviderStateViewed {
  return {
    provider: state.name,
    circuit: state.backoffMs > 0 ? 'open' : isProbing(state) ? 'half_open' : 'closed',
    openMs: state.backoffMs,
    openCode: state.backoffCode,
    downSince: state.downSince?.toISOString() ?? null,
    consecutiveFailures: state.consecutiveFailures,
    pausedByOperator: viewPause(state.operatorPause),
  }
}

function viewPause(pause: ProviderState['operatorPause']) {
  return pause && { ...pause, at: pause.at.toISOString() }
}

/** An action as clients get it. */
export function viewAction({
  id,
  at,
  actor,
  action,
  dryRun,
  parameters,
  result,
}: ActionRow): ActionsView['actions'][0] {
  const verb = action as ActionsView['actions'][0]['action']
  return { id, at: at.toISOString(), actor, action: verb, dryRun: dryRun === 1, parameters, result }
}
