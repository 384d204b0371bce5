import { useState } from 'preact/hooks'
import type { components } from '../../../client/src/openapi.ts'
import { Icon } from '../ui/icon.tsx'
import { Problem } from '../ui/problem.tsx'

export type WebhookEvent = components['schemas']['WebhookEvent']

/** What an endpoint is told. */
export interface Wanted {
  readonly url: string
  readonly events: readonly WebhookEvent[]
  readonly description: string
}

const events: readonly { readonly id: WebhookEvent; readonly about: string }[] = [
  { id: 'job.completed', about: 'All texts of a picture are there' },
  { id: 'job.failed', about: 'A picture failed, with its code' },
  { id: 'job.cancelled', about: 'A picture was cancelled' },
  { id: 'text.completed', about: 'A text was made, or made anew' },
  { id: 'batch.completed', about: 'All pictures of a batch have ended' },
]

interface FormProps {
  readonly title: string
  readonly action: string
  readonly start: Wanted
  /** What it throws is shown, and what was typed stays. */
  readonly save: (wanted: Wanted) => Promise<unknown>
}

/** An endpoint: where it is and what it is told. */
export function WebhookForm({ title, action, start, save }: FormProps) {
  const [wanted, setWanted] = useState(start)
  const [state, setState] = useState<{ busy?: boolean; error?: unknown }>({})
  const change = (to: Partial<Wanted>) => setWanted((before) => ({ ...before, ...to }))
  const submit = async (event: Event) => {
    event.preventDefault()
    setState({ busy: true })
    try {
      await save({ ...wanted, url: wanted.url.trim() })
      setState({})
    } catch (error) {
      setState({ error })
    }
  }
  return (
    <form class="form" onSubmit={submit}>
      <h2>{title}</h2>
      <label class="field">
        Address
        <input
          type="url"
          placeholder="https://shop.example/hooks/vision"
          value={wanted.url}
          onInput={(event) => change({ url: event.currentTarget.value })}
        />
      </label>
      <label class="field">
        Note, for people
        <input
          type="text"
          maxLength={200}
          value={wanted.description}
          onInput={(event) => change({ description: event.currentTarget.value })}
        />
      </label>
      <fieldset>
        <legend class="dim">What it is told</legend>
        <div class="list">
          {events.map(({ id, about }) => (
            <label key={id} class="row between">
              <span class="row">
                <input
                  type="checkbox"
                  checked={wanted.events.includes(id)}
                  onChange={(event) =>
                    change({
                      events: event.currentTarget.checked
                        ? [...wanted.events, id]
                        : wanted.events.filter((one) => one !== id),
                    })
                  }
                />
                <span class="mono">{id}</span>
              </span>
              <span class="dim">{about}</span>
            </label>
          ))}
        </div>
      </fieldset>
      {state.error !== undefined && <Problem error={state.error} />}
      <p class="row">
        <button
          type="submit"
          class="btn go"
          disabled={wanted.url.trim() === '' || wanted.events.length === 0 || state.busy}
        >
          <Icon name="tick" />
          {action}
        </button>
      </p>
    </form>
  )
}
