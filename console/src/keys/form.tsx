import { useState } from 'preact/hooks'
import type { components } from '../../../client/src/openapi.ts'
import { client } from '../session.ts'
import { Icon } from '../ui/icon.tsx'
import { Problem } from '../ui/problem.tsx'

type NewKey = components['schemas']['NewApiKey']
type Scope = components['schemas']['Scope']

const scopes: readonly { readonly id: Scope; readonly about: string }[] = [
  { id: 'read', about: 'See jobs, texts, usage' },
  { id: 'write', about: 'Make, change and cancel them' },
  { id: 'operator', about: 'Run the pipeline, for operators' },
]

/** In days. */
const lives = [
  { days: '30', name: '30 days' },
  { days: '90', name: '90 days' },
  { days: '365', name: 'A year' },
  { days: '', name: 'Does not expire' },
] as const

/** Makes a key. */
export function KeyForm({ made }: { readonly made: (key: NewKey) => void }) {
  const [name, setName] = useState('')
  const [chosen, setChosen] = useState<readonly Scope[]>(['read', 'write'])
  const [life, setLife] = useState<string>('90')
  const [state, setState] = useState<{ busy?: boolean; error?: unknown }>({})
  const submit = async (event: Event) => {
    event.preventDefault()
    setState({ busy: true })
    const body = {
      name: name.trim(),
      scopes: scopes.map(({ id }) => id).filter((id) => chosen.includes(id)),
      ...(life !== '' && { expiresInDays: Number(life) }),
    }
    try {
      const { data } = await client.value.api.POST('/v1/keys', { body })
      if (data) made(data)
      setName('')
      setState({})
    } catch (error) {
      setState({ error })
    }
  }
  const isReady = name.trim() !== '' && chosen.length > 0
  return (
    <form class="form" onSubmit={submit}>
      <h2>New key</h2>
      <label class="field">
        Name of the program
        <input
          type="text"
          maxLength={100}
          placeholder="Shop import"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <fieldset>
        <legend class="dim">What it may do</legend>
        <div class="list">
          {scopes.map(({ id, about }) => (
            <label key={id} class="row between">
              <span class="row">
                <input
                  type="checkbox"
                  checked={chosen.includes(id)}
                  onChange={(event) =>
                    setChosen(event.currentTarget.checked ? [...chosen, id] : chosen.filter((one) => one !== id))
                  }
                />
                <b>{id}</b>
              </span>
              <span class="dim">{about}</span>
            </label>
          ))}
        </div>
      </fieldset>
      <label class="field">
        Expires after
        <select value={life} onChange={(event) => setLife(event.currentTarget.value)}>
          {lives.map(({ days, name: label }) => (
            <option key={days} value={days}>
              {label}
            </option>
          ))}
        </select>
      </label>
      {state.error !== undefined && <Problem error={state.error} />}
      <p class="row">
        <button type="submit" class="btn go" disabled={!isReady || state.busy}>
          <Icon name="plus" />
          Make the key
        </button>
      </p>
    </form>
  )
}
