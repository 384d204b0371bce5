import type { Step } from '../../../drizzle/schema.ts'
import type { ProviderState, ProviderStates } from '../../providers/availability/provider-state.ts'
import { registry } from '../../providers/registry.ts'
import type { QuotaState, UserLimits } from '../../usage/quotas.ts'
import type { TypicalRun } from '../../usage/recent-calls.ts'
import { inDollars } from '../usage/view.ts'
import type { EstimateView } from './schema.ts'

/** The data of an estimate. */
export interface Circumstances {
  /** Recent durations and costs; undefined if no job has completed yet. */
  readonly typical: TypicalRun | undefined
  readonly states: ProviderStates
  /** The total concurrency of the running workers; 0 if none runs, and then as many will be started as are needed. */
  readonly concurrency: number
  /** The number of other users with pending jobs. */
  readonly contenders: number
  /** The most jobs of a user in flight. */
  readonly inFlightPerUser: number
  readonly limits: Pick<UserLimits, 'costPerDay' | 'jobsWaiting'>
  readonly quotas: QuotaState['quotas']
}

type Amounts = Omit<EstimateView, 'rejected'>

/**
 * The expected cost and duration of jobs: a call for each analysis and for each text, like recent ones.
 *
 * @param texts the number of texts of each job
 */
export function estimate(texts: readonly number[], at: Circumstances): Amounts {
  const { typical, quotas, limits } = at
  const calls = { analysis: texts.length, content: texts.reduce((sum, one) => sum + one, 0) }
  const of = (step: Step) => {
    const each = typical?.[step]
    const cost = calls[step] === 0 ? 0 : each?.cost === undefined ? null : Math.round(each.cost * calls[step])
    const provider = each && providerOf(each.model)
    return {
      cost,
      view: {
        step,
        provider: provider ?? null,
        model: each?.model ?? null,
        calls: calls[step],
        costUsd: inDollars(cost),
        milliseconds: each ? Math.round(each.milliseconds) : null,
      },
    }
  }
  const steps = [of('analysis'), of('content')]
  const cost = steps.reduce((sum: number | null, one) => (sum === null || one.cost === null ? null : sum + one.cost), 0)
  const waitingLeft = quotas.find(({ code }) => code === 'limit.jobs_waiting')?.left
  const waitingJobs = waitingLeft === undefined ? 0 : limits.jobsWaiting - waitingLeft
  return {
    jobs: calls.analysis,
    texts: calls.content,
    calls: steps.map(({ view }) => view),
    costUsd: inDollars(cost),
    seconds: secondsOf(texts, waitingJobs, cost, at),
    basis: typical?.of ?? null,
    waitingJobs,
    exceeds: quotas
      .filter(({ code, left }) => (code === 'limit.spend_per_day' ? (cost ?? 0) : calls.analysis) > left)
      .map(({ code }) => code),
  }
}

/** The provider of a model, by its name. */
function providerOf(model: string): string | undefined {
  return registry.find(({ modelNames }) => modelNames.pattern.test(model))?.name
}

function secondsOf(
  texts: readonly number[],
  waitingJobs: number,
  cost: number | null,
  { typical, states, concurrency, contenders, inFlightPerUser, limits, quotas }: Circumstances,
): number | null {
  if (typical?.analysis === undefined || typical.content === undefined) return null
  const needed = ['all', providerOf(typical.analysis.model), providerOf(typical.content.model)]
  if (states.all.some((state) => needed.includes(state.name) && isStopped(state))) return null
  const { imageMs, analysis, content, callsAtOnce } = typical
  const rounds = texts.map((one) => Math.ceil(one / callsAtOnce))
  const each = rounds.map((count) => imageMs + analysis.milliseconds + count * content.milliseconds)
  const longest = Math.max(0, ...each)
  const mean = each.length === 0 ? 0 : each.reduce((sum, one) => sum + one, 0) / each.length
  const share = concurrency === 0 ? inFlightPerUser : Math.min(inFlightPerUser, concurrency / (contenders + 1))
  const workSeconds = Math.max(longest, (mean * (waitingJobs + texts.length)) / share) / 1000
  const money = quotas.find(({ code }) => code === 'limit.spend_per_day')
  const over = money && cost !== null ? cost - money.left : 0
  if (money === undefined || over <= 0 || !limits.costPerDay) return Math.ceil(workSeconds)
  const nights = Math.ceil(over / limits.costPerDay)
  return Math.ceil(Math.max(workSeconds, (money.resetSeconds ?? 0) + (nights - 1) * daySeconds))
}

/** An operator has paused it, or it is down: the end is not known. */
function isStopped({ operatorPause, downSince }: ProviderState): boolean {
  return operatorPause !== null || downSince !== null
}

const daySeconds = 86_400
