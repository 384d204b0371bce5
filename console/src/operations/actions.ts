import type { components } from '../../../client/src/openapi.ts'

export type Action = components['schemas']['OperatorActions']['actions'][number]

const verbs: Readonly<Record<string, string>> = {
  pause: 'paused',
  resume: 'resumed',
  redrive: 'redrove',
  cancel: 'cancelled jobs of',
  prune: 'pruned',
}
const providers: Readonly<Record<string, string>> = { gemini: 'Gemini', deepseek: 'DeepSeek' }

/** What was done, in words: `paused Gemini: their status page says so`. */
export function describeAction({
  action,
  parameters,
  dryRun,
}: Pick<Action, 'action' | 'parameters' | 'dryRun'>): string {
  const { provider, reason, ...rest } = parameters as Record<string, unknown>
  const what = typeof provider === 'string' ? (providers[provider] ?? provider) : ''
  const isPause = action === 'pause' || action === 'resume'
  const parts = [what || (isPause ? 'all claiming' : ''), ...wordsOf(rest)].filter((part) => part !== '')
  const said = [verbs[action] ?? action, parts.join(', ')].filter((part) => part !== '').join(' ')
  return `${said}${typeof reason === 'string' && reason !== '' ? `: ${reason}` : ''}${dryRun ? ', only tried' : ''}`
}

function wordsOf(parameters: Record<string, unknown>): string[] {
  return Object.entries(parameters).flatMap(([name, value]) => {
    if (value === null || value === undefined || value === '') return []
    if (typeof value === 'object' && !Array.isArray(value)) return wordsOf(value as Record<string, unknown>)
    return [`${name} ${Array.isArray(value) ? value.join(' ') : String(value)}`]
  })
}

/** An action at its place in a span, from 0 to 1. */
export interface Marked {
  readonly at: string
  readonly place: number
  readonly what: string
}

/** What changed the course of things between two moments, the oldest first: pauses, resumptions and redrives. */
export function markedIn(actions: readonly Action[], from: number, to: number): readonly Marked[] {
  return actions
    .filter(({ action, dryRun }) => !dryRun && ['pause', 'resume', 'redrive', 'cancel'].includes(action))
    .map((one) => ({
      at: one.at,
      place: (Date.parse(one.at) - from) / (to - from),
      what: `${one.actor} ${describeAction(one)}`,
    }))
    .filter(({ place }) => place >= 0 && place <= 1)
    .sort((a, b) => a.place - b.place)
}
