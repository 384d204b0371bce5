import type { ActionRow } from '../../admin/audit-log.ts'
import type { Status } from '../../admin/status.ts'
import type { GateState } from '../../providers/circuit-breaker.ts'
import type { ActionsView, GateViewed, WorkerStatusView } from './schema.ts'

/** The status as clients get it. */
export function viewStatus(status: Status): WorkerStatusView {
  const [claims, ...providers] = status.gates.map((gate) => viewGate(gate, status.pauseReasons))
  if (claims === undefined) throw new RangeError('there is no gate of claiming as a whole')
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
    throughput: status.throughput.map((one) => ({ ...one, tally: { ...one.tally } })),
    claims,
    providers: providers.map((gate) => {
      const { inFlight = 0, perMinute = 0, tokens = 0 } = status.usage.get(gate.name) ?? {}
      return { ...gate, callsInFlight: inFlight, callsLastMinute: perMinute, tokensLastMinute: tokens }
    }),
    liveSessions: status.liveSessions,
  }
}

/**
 * A gate as clients get it. What an operator did comes before what a provider's trouble did.
 *
 * @param reasons why operators paused which gate last
 */
export function viewGate(
  { name, stopped, pausedMs, pauseCode, downSince, strikes }: GateState,
  reasons: Status['pauseReasons'],
): GateViewed {
  const state = stopped ? 'stopped' : pausedMs > 0 ? 'paused' : downSince ? 'down' : 'open'
  return {
    name,
    state,
    stoppedAt: stopped?.at.toISOString() ?? null,
    stoppedBy: stopped?.by ?? null,
    stoppedReason: (stopped && reasons[name]) ?? null,
    pausedMs,
    pauseCode,
    downSince: downSince?.toISOString() ?? null,
    consecutiveFailures: strikes,
  }
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
