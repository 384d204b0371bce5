import { useState } from 'preact/hooks'
import { useLocation, useRoute } from 'preact-iso'
import { client } from '../session.ts'
import { Confirm } from '../ui/confirm.tsx'
import { time } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { Problem } from '../ui/problem.tsx'
import { Secret } from '../ui/secret.tsx'
import { useLoad } from '../ui/use-load.ts'
import { useTitle } from '../ui/use-title.ts'
import { Deliveries } from './deliveries.tsx'
import { type Wanted, WebhookForm } from './form.tsx'
import { EndpointState, type Webhook } from './state.tsx'

/** One endpoint: what it is told, whether it took it, and what can be done about it. */
export function WebhookPage() {
  const { params } = useRoute()
  const webhookId = Number(params.id)
  useTitle(`Webhook ${webhookId}`)
  const [turn, setTurn] = useState(0)
  const { data, error, reload } = useLoad(
    async (on, signal) =>
      (await on.api.GET('/v1/webhooks/{webhookId}', { params: { path: { webhookId } }, signal })).data,
    [webhookId],
  )
  if (data === undefined) return error === undefined ? null : <Problem error={error} retry={reload} />
  const path = { webhookId }
  const save = async ({ url, events, description }: Wanted) => {
    const body = { url, events: [...events], description: description.trim() || null }
    await client.value.api.PATCH('/v1/webhooks/{webhookId}', { params: { path }, body })
    reload()
  }
  return (
    <>
      <Head webhook={data} reload={reload} sent={() => setTurn(turn + 1)} />
      {error !== undefined && <Problem error={error} retry={reload} />}
      <div class="split">
        <Deliveries webhookId={webhookId} turn={turn} ended={reload} />
        <aside class="stick" aria-label="This endpoint">
          <WebhookForm
            key={`${webhookId} ${data.updatedAt}`}
            title="Endpoint"
            action="Save the endpoint"
            start={{ url: data.url, events: data.events, description: data.description ?? '' }}
            save={save}
          />
        </aside>
      </div>
    </>
  )
}

interface HeadProps {
  readonly webhook: Webhook
  readonly reload: () => void
  readonly sent: () => void
}

function Head({ webhook, reload, sent }: HeadProps) {
  const { webhookId, url, status, previousSecretUntil } = webhook
  const { route } = useLocation()
  const [asking, setAsking] = useState<'rotate' | 'delete'>()
  const [secret, setSecret] = useState<string>()
  const [failure, setFailure] = useState<unknown>()
  const params = { path: { webhookId } }
  const { api } = client.value
  const test = () => {
    setFailure(undefined)
    api.POST('/v1/webhooks/{webhookId}/test', { params }).then(sent, setFailure)
  }
  const toggle = () => {
    setFailure(undefined)
    const body = { status: status === 'enabled' ? ('disabled' as const) : ('enabled' as const) }
    api.PATCH('/v1/webhooks/{webhookId}', { params, body }).then(reload, setFailure)
  }
  const rotate = async () => {
    const { data } = await api.POST('/v1/webhooks/{webhookId}/rotate', { params, body: {} })
    setSecret(data?.secret)
    reload()
  }
  const remove = async () => {
    await api.DELETE('/v1/webhooks/{webhookId}', { params })
    route('/console/webhooks')
  }
  return (
    <>
      <div class="head">
        <div>
          <p class="row dim">
            <a href="/console/webhooks">Webhooks</a>
            <EndpointState webhook={webhook} />
          </p>
          <h1 class="sum breaks">{url}</h1>
        </div>
        <span class="row">
          <button type="button" class="btn" disabled={status === 'disabled'} onClick={test}>
            <Icon name="arrow" />
            Send a test
          </button>
          <button type="button" class="btn" onClick={toggle}>
            <Icon name={status === 'enabled' ? 'pause' : 'play'} />
            {status === 'enabled' ? 'Switch off' : 'Switch on'}
          </button>
          <button type="button" class="btn" onClick={() => setAsking('rotate')}>
            <Icon name="retry" />
            Rotate secret
          </button>
          <button type="button" class="btn" onClick={() => setAsking('delete')}>
            <Icon name="bin" />
            Delete
          </button>
        </span>
        {failure !== undefined && <Problem error={failure} />}
      </div>
      {previousSecretUntil && (
        <p class="dim">The secret from before signs too, until {time(previousSecretUntil, Date.now())}.</p>
      )}
      {secret && (
        <Secret
          name="Secret"
          about="The new secret, shown this once. The one from before signs for a day more, beside it."
          value={secret}
          close={() => setSecret(undefined)}
        />
      )}
      {asking === 'rotate' && (
        <Confirm title="Rotate the secret?" action="Rotate the secret" close={() => setAsking(undefined)} run={rotate}>
          <p class="serif">Requests are signed with both secrets for a day, so that your server can change over.</p>
        </Confirm>
      )}
      {asking === 'delete' && (
        <Confirm
          title="Delete this endpoint?"
          action="Delete the endpoint"
          close={() => setAsking(undefined)}
          run={remove}
        >
          <p class="serif">Nothing is sent to it any more, and its deliveries are gone. This cannot be undone.</p>
        </Confirm>
      )}
    </>
  )
}
