import { useState } from 'preact/hooks'
import type { components } from '../../../client/src/openapi.ts'
import { client } from '../session.ts'
import { Confirm } from '../ui/confirm.tsx'
import { count, date, time } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { Problem } from '../ui/problem.tsx'
import { Secret } from '../ui/secret.tsx'
import { useLoad } from '../ui/use-load.ts'
import { useTitle } from '../ui/use-title.ts'
import { KeyForm } from './form.tsx'

type ApiKey = components['schemas']['ApiKey']
type NewKey = components['schemas']['NewApiKey']

/** The API keys of the caller: made, looked at, revoked. */
export function KeysPage() {
  useTitle('Keys')
  const [made, setMade] = useState<NewKey>()
  const [asking, setAsking] = useState<ApiKey>()
  const { data, error, reload } = useLoad(async (on, signal) => (await on.api.GET('/v1/keys', { signal })).data, [])
  const keys = data?.keys ?? []
  const revoke = async (keyId: number) => {
    await client.value.api.DELETE('/v1/keys/{keyId}', { params: { path: { keyId } } })
    if (made?.keyId === keyId) setMade(undefined)
    reload()
  }
  return (
    <>
      <div class="head">
        <div>
          <h1 class="sum">Keys</h1>
          <p class="dim">
            A program calls the API with a key. Give each program its own: then one can be revoked alone.
          </p>
        </div>
      </div>
      {error !== undefined && <Problem error={error} retry={reload} />}
      <div class="split">
        <div>
          {made && (
            <Secret
              name="Key"
              about={`The key of ${made.name}. It is shown this once: only its beginning is kept here.`}
              value={made.key}
              close={() => setMade(undefined)}
            />
          )}
          {data && keys.length === 0 && (
            <section class="empty">
              <p>No program has a key yet. Make the first one here, and put it where the program reads its settings.</p>
            </section>
          )}
          {keys.length > 0 && <KeyTable keys={keys} revoke={setAsking} />}
        </div>
        <aside class="stick" aria-label="A new key">
          <KeyForm
            made={(key) => {
              setMade(key)
              reload()
            }}
          />
        </aside>
      </div>
      {asking && (
        <Confirm
          title={`Revoke ${asking.name}?`}
          action={`Revoke ${asking.name}`}
          close={() => setAsking(undefined)}
          run={() => revoke(asking.keyId)}
        >
          <p class="serif">
            Calls with it are refused within half a minute. This cannot be undone; a new key can be made at any time.
          </p>
        </Confirm>
      )}
    </>
  )
}

interface KeyTableProps {
  readonly keys: readonly ApiKey[]
  readonly revoke: (key: ApiKey) => void
}

function KeyTable({ keys, revoke }: KeyTableProps) {
  const now = Date.now()
  return (
    <section class="list" aria-label={count(keys.length, 'key')}>
      {keys.map((key) => (
        <article key={key.keyId} class="row entry">
          <div class="what">
            <h2 dir="auto">{key.name}</h2>
            <p class="mono dim">{key.prefix}…</p>
          </div>
          <dl class="facts">
            <div>
              <dt>May</dt>
              <dd>{key.scopes.join(', ')}</dd>
            </div>
            <div>
              <dt>Last used</dt>
              <dd>{key.lastUsedAt === null ? 'Never' : time(key.lastUsedAt, now)}</dd>
            </div>
            <div>
              <dt>Expires</dt>
              <dd>
                <Expiry at={key.expiresAt} now={now} />
              </dd>
            </div>
          </dl>
          <button type="button" class="btn plain" aria-label={`Revoke ${key.name}`} onClick={() => revoke(key)}>
            Revoke
          </button>
        </article>
      ))}
    </section>
  )
}

/** Soon enough to be told, in milliseconds. */
const soonMs = 14 * 86_400_000

function Expiry({ at, now }: { readonly at: string | null; readonly now: number }) {
  if (at === null) return <>Never</>
  const left = Date.parse(at) - now
  if (left > soonMs) return <>{date(at, now)}</>
  return (
    <span class={`st ${left < 0 ? 'bad' : 'warn'}`}>
      <Icon name={left < 0 ? 'failed' : 'warning'} />
      {left < 0 ? `Expired ${date(at, now)}` : date(at, now)}
    </span>
  )
}
