import type { Log } from '../../core/platform/log.ts'

/** What a job's place is taken up with from its claim to the next one's, in the order in which it happens. */
export const stretches = [
  'claim to start',
  'image, prompt',
  'analysis call',
  'save, prompt',
  'text call',
  'save',
  'until next claim',
] as const
export type Stretch = (typeof stretches)[number]

/** The moments of a round, summed over its jobs: a mean of differences needs no more. */
type Moment =
  | 'claimed'
  | 'analysis started'
  | 'completed'
  | 'analysis sent'
  | 'analysis answered'
  | 'text sent'
  | 'text answered'

/** Watches what the places of a poller do, by its log and the calls that it sends. */
export interface Places {
  readonly log: Log
  /** When the last run ended, by `performance.now`. */
  endedAt(): number
  /** Forgets what was seen. */
  reset(): void
  /** The mean of each stretch, in milliseconds, since the reset. */
  read(places: number, jobs: number, wallMs: number): Readonly<Record<Stretch, number>>
  /** The mean time of a job's two calls, in milliseconds, since the reset. */
  calls(jobs: number): number
  /** Gives the global fetch back. */
  stop(): void
}

/** Replaces the global fetch, until it is stopped. */
export function watchPlaces(): Places {
  const sums = new Map<Moment, number>()
  let endedAt = 0
  const mark = (moment: Moment) => void sums.set(moment, (sums.get(moment) ?? 0) + performance.now())
  const send = globalThis.fetch
  globalThis.fetch = async (input, init) => {
    const path = String(input instanceof Request ? input.url : input)
    const call = path.includes(':generateContent')
      ? 'analysis'
      : path.endsWith('/chat/completions')
        ? 'text'
        : undefined
    if (call) mark(`${call} sent`)
    try {
      return await send(input, init)
    } finally {
      if (call) mark(`${call} answered`)
    }
  }
  const between = (from: Moment, to: Moment) => (sums.get(to) ?? 0) - (sums.get(from) ?? 0)
  return {
    log: (_, message, fields) => {
      if (message === 'job claimed') mark('claimed')
      if (message === 'step started' && fields?.step === 'analysis') mark('analysis started')
      if (message !== 'run completed') return
      mark('completed')
      endedAt = performance.now()
    },
    endedAt: () => endedAt,
    reset: () => sums.clear(),
    stop: () => {
      globalThis.fetch = send
    },
    read: (places, jobs, wallMs) => ({
      'claim to start': between('claimed', 'analysis started') / jobs,
      'image, prompt': between('analysis started', 'analysis sent') / jobs,
      'analysis call': between('analysis sent', 'analysis answered') / jobs,
      'save, prompt': between('analysis answered', 'text sent') / jobs,
      'text call': between('text sent', 'text answered') / jobs,
      save: between('text answered', 'completed') / jobs,
      'until next claim': (places * wallMs - between('claimed', 'completed')) / jobs,
    }),
    calls: (jobs) => (between('analysis sent', 'analysis answered') + between('text sent', 'text answered')) / jobs,
  }
}
