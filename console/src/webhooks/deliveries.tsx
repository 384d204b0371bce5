import { useEffect, useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import type { VisionClient } from 'vision-pipeline-client'
import type { components } from '../../../client/src/openapi.ts'
import { client } from '../session.ts'
import { count, time } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'
import { Problem } from '../ui/problem.tsx'
import { useEvery } from '../ui/use-every.ts'
import { type Page, usePages } from '../ui/use-pages.ts'

/** Of what is sent the page needs the type and what it is about; the rest is shown as it is. */
type Delivery = Omit<components['schemas']['WebhookDelivery'], 'payload'> & {
  readonly payload: {
    readonly type: string
    readonly data: { readonly jobId?: number; readonly batchId?: number | null; readonly version: number }
  }
}
type Status = Delivery['status']

const pageSize = 20
/** What is under way is looked at this often, in milliseconds. */
const lookMs = 2_000

const states = {
  pending: { name: 'Under way', icon: 'waiting', tone: '' },
  delivered: { name: 'Delivered', icon: 'done', tone: '' },
  failed: { name: 'Given up', icon: 'failed', tone: 'bad' },
} as const

interface DeliveriesProps {
  readonly webhookId: number
  /** Another number: something was sent. */
  readonly turn: number
  /** What the endpoint answers may have changed its state. */
  readonly ended: () => void
}

/** What was sent to an endpoint, the newest first; which of it, the address says. */
export function Deliveries({ webhookId, turn, ended }: DeliveriesProps) {
  const { path, query, route } = useLocation()
  const status = query.status && Object.hasOwn(states, query.status) ? (query.status as Status) : undefined
  const read = async (on: VisionClient, cursor: string | undefined, signal?: AbortSignal): Promise<Page<Delivery>> => {
    const query = { limit: pageSize, ...(status && { status }), ...(cursor !== undefined && { cursor }) }
    const params = { path: { webhookId }, query }
    const { data } = await on.api.GET('/v1/webhooks/{webhookId}/deliveries', { params, ...(signal && { signal }) })
    return { items: data?.deliveries ?? [], nextCursor: data?.nextCursor ?? null }
  }
  const pages = usePages(read, [webhookId, status, turn], status)
  const { items: deliveries, hasMore, more, error, moreError, reload } = pages
  const underWay = pages.first?.filter(({ status }) => status === 'pending').length ?? 0
  useEvery(reload, lookMs, underWay > 0)
  useEffect(ended, [underWay])
  return (
    <section aria-labelledby="deliveries">
      <div class="row between">
        <h2 id="deliveries">Deliveries</h2>
        <span class="row" role="group" aria-label="Show">
          {[undefined, 'pending' as const, 'delivered' as const, 'failed' as const].map((one) => (
            <button
              key={one ?? 'all'}
              type="button"
              class="chip"
              aria-pressed={one === status}
              onClick={() => route(one ? `${path}?status=${one}` : path, true)}
            >
              {one ? states[one].name : 'All'}
            </button>
          ))}
        </span>
      </div>
      {error !== undefined && <Problem error={error} retry={reload} />}
      {deliveries?.length === 0 && (
        <p class="empty serif">
          {status ? 'No delivery is like that.' : 'Nothing was sent yet. Send a test: its answer appears here.'}
        </p>
      )}
      <ul class="list" aria-live="polite">
        {deliveries?.map((delivery) => (
          <Row key={delivery.deliveryId} webhookId={webhookId} delivery={delivery} changed={reload} />
        ))}
      </ul>
      {moreError !== undefined && <Problem error={moreError} />}
      {hasMore && (
        <p class="row actions">
          <button type="button" class="btn" onClick={more}>
            Show {pageSize} more
          </button>
        </p>
      )}
    </section>
  )
}

interface RowProps {
  readonly webhookId: number
  readonly delivery: Delivery
  readonly changed: () => void
}

function Row({ webhookId, delivery, changed }: RowProps) {
  const { deliveryId, status, attempts, answer, error, createdAt, nextAttemptAt, payload, messageId } = delivery
  const { name, icon, tone } = states[status]
  const [failure, setFailure] = useState<unknown>()
  const now = Date.now()
  const resend = () => {
    setFailure(undefined)
    const params = { path: { webhookId, deliveryId } }
    client.value.api
      .POST('/v1/webhooks/{webhookId}/deliveries/{deliveryId}/resend', { params })
      .then(changed, setFailure)
  }
  return (
    <li>
      <div class="row">
        <span class={`st stated ${tone}`}>
          <Icon name={icon} />
          {name}
        </span>
        <span class="mono">{payload.type}</span>
        <AboutJob payload={payload} />
        <span class="dim end">{time(createdAt, now)}</span>
        <button type="button" class="btn plain" disabled={status === 'pending'} onClick={resend}>
          Resend
        </button>
      </div>
      <p class="dim">
        {count(attempts, 'attempt')}
        {answer && `, the last was answered ${answer.status}`}
        {!answer && error && `, the last one: ${error}`}
        {nextAttemptAt && status === 'pending' && attempts > 0 && `, the next at ${time(nextAttemptAt, now)}`}
      </p>
      {failure !== undefined && <Problem error={failure} />}
      <details>
        <summary class="xs dim">What was sent{answer?.text && ', and answered'}</summary>
        <p class="mono dim breaks">webhook-id: {messageId}</p>
        <pre class="wrap">{JSON.stringify(payload, null, 2)}</pre>
        {answer?.text && <pre class="wrap">{answer.text}</pre>}
      </details>
    </li>
  )
}

function AboutJob({ payload }: { readonly payload: Delivery['payload'] }) {
  const { jobId, batchId } = payload.data
  if (jobId !== undefined) return <a href={`/console/jobs/${jobId}`}>Job {jobId}</a>
  return batchId ? <a href={`/console/batches/${batchId}`}>Batch {batchId}</a> : null
}
