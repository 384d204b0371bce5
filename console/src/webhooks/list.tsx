import { useState } from 'preact/hooks'
import type { components } from '../../../client/src/openapi.ts'
import { client } from '../session.ts'
import { Problem } from '../ui/problem.tsx'
import { Secret } from '../ui/secret.tsx'
import { useLoad } from '../ui/use-load.ts'
import { useTitle } from '../ui/use-title.ts'
import { type Wanted, WebhookForm } from './form.tsx'
import { EndpointState } from './state.tsx'

type WithSecret = components['schemas']['WebhookWithSecret']

const start: Wanted = { url: '', description: '', events: ['job.completed', 'job.failed', 'batch.completed'] }

/** The endpoints of the caller: where what happens is told. */
export function WebhooksPage() {
  useTitle('Webhooks')
  const [made, setMade] = useState<WithSecret>()
  const { data, error, reload } = useLoad(async (on, signal) => (await on.api.GET('/v1/webhooks', { signal })).data, [])
  const webhooks = data?.webhooks ?? []
  const create = async ({ url, events, description }: Wanted) => {
    const note = description.trim()
    const body = { url, events: [...events], ...(note && { description: note }) }
    const answer = await client.value.api.POST('/v1/webhooks', { body })
    setMade(answer.data)
    reload()
  }
  return (
    <>
      <div class="head">
        <div>
          <h1 class="sum">Webhooks</h1>
          <p class="dim">Your server hears of each event by a request to it, instead of asking again and again.</p>
        </div>
      </div>
      {error !== undefined && <Problem error={error} retry={reload} />}
      <div class="split">
        <div>
          {made && (
            <Secret
              name="Secret"
              about="Your server checks with it that a request came from here. It is shown this once; it can be rotated."
              value={made.secret}
              close={() => setMade(undefined)}
            />
          )}
          {data && webhooks.length === 0 && (
            <section class="empty">
              <p>No server is told of anything yet. Name its address here, then send it a test.</p>
            </section>
          )}
          <section class="list" aria-label="Endpoints">
            {webhooks.map((webhook) => (
              <article key={webhook.webhookId} class="row entry">
                <div class="what">
                  <h2>
                    <a class="open" href={`/console/webhooks/${webhook.webhookId}`}>
                      {webhook.url}
                    </a>
                  </h2>
                  {webhook.description && (
                    <p class="dim" dir="auto">
                      {webhook.description}
                    </p>
                  )}
                  <p class="mono dim">{webhook.events.join(', ')}</p>
                </div>
                <EndpointState webhook={webhook} />
              </article>
            ))}
          </section>
        </div>
        <aside class="stick" aria-label="A new endpoint">
          {/* Another one for each that was made: its fields are empty again. */}
          <WebhookForm
            key={made?.webhookId}
            title="New endpoint"
            action="Add the endpoint"
            start={start}
            save={create}
          />
        </aside>
      </div>
    </>
  )
}
