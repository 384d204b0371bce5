import { webhookEvents } from '../../../drizzle/schema.ts'
import { pageOf } from '../../http/cursor.ts'
import type { Resource } from '../../http/resource.ts'
import { deferred, validated } from '../../http/validation.ts'
import { listDeliveries, resendDelivery, testEndpoint } from '../../webhooks/deliveries.ts'
import {
  createEndpoint,
  deleteEndpoint,
  getEndpoint,
  listEndpoints,
  type OwnedEndpoint,
  rotateSecret,
  updateEndpoint,
} from '../../webhooks/endpoints.ts'
import { consumeRequest } from '../../webhooks/request-quota.ts'
import { checkWebhookUrl } from '../../webhooks/url.ts'
import { type Caller, procedure } from '../procedure.ts'
import { rateLimitHeaders } from '../rate-limit.ts'
import { exampleDelivery, examplePayloads, exampleWebhook } from './examples.ts'
import type {
  DeliveryPageView,
  DeliveryView,
  payloads,
  WebhooksView,
  WebhookView,
  WebhookWithSecretView,
} from './schema.ts'
import { viewDelivery, viewWebhook } from './view.ts'

const schema = deferred(() => import('./schema.ts'))
const payload = (event: keyof typeof payloads) => async () => (await schema('payloads')())[event]

const hour = 3_600_000

/** Webhooks: servers that receive events instead of polling. */
export const webhooks = {
  name: 'webhooks',
  description: 'Servers that receive the events of jobs as signed POST requests: see docs/webhooks.md.',
  webhooks: {
    'job.completed': { payload: payload('job.completed'), example: examplePayloads['job.completed'] },
    'job.failed': { payload: payload('job.failed'), example: examplePayloads['job.failed'] },
    'job.cancelled': { payload: payload('job.cancelled'), example: examplePayloads['job.cancelled'] },
    'text.completed': { payload: payload('text.completed'), example: examplePayloads['text.completed'] },
    'batch.completed': { payload: payload('batch.completed'), example: examplePayloads['batch.completed'] },
    'webhook.test': { payload: payload('webhook.test'), example: examplePayloads['webhook.test'] },
  },
  procedures: {
    createWebhook: procedure
      .meta({
        rest: 'POST /v1/webhooks',
        status: 201,
        scope: 'write',
        summary: 'Create a webhook',
        description:
          'From then on events are posted to the URL, signed with the secret, which is shown this once. A user has at most 10. If the answer is lost, delete the webhook and make another.',
        errors: ['webhook.too_many', 'webhook.invalid_url'],
        locates: true,
        output: schema('WebhookWithSecret'),
        example: {
          request: { url: exampleWebhook.url, events: exampleWebhook.events, description: 'Shop server' },
          reply: { ...exampleWebhook, secret: 'whsec_…' },
        },
      })
      .input(validated(schema('CreateWebhook')))
      .mutation(async ({ ctx, input }): Promise<WebhookWithSecretView> => {
        const { database, randomBytes } = ctx.services
        const { events = webhookEvents, description = null } = input
        const settings = { url: checked(ctx, input.url), events, description: description || null }
        const { row, secret } = await createEndpoint(database, ctx.actor.userId, settings, randomBytes)
        ctx.reply.location = `/v1/webhooks/${row.id}`
        return { ...viewWebhook(row), secret }
      }),

    listWebhooks: procedure
      .meta({
        rest: 'GET /v1/webhooks',
        status: 200,
        scope: 'read',
        summary: 'List webhooks',
        description: 'The caller’s webhooks, oldest first.',
        errors: [],
        output: schema('Webhooks'),
        example: { reply: { webhooks: [exampleWebhook] } },
      })
      .input(validated(schema('ListWebhooks')))
      .query(async ({ ctx }): Promise<WebhooksView> => {
        const rows = await listEndpoints(ctx.services.database, ctx.actor.userId)
        return { webhooks: rows.map(viewWebhook) }
      }),

    getWebhook: procedure
      .meta({
        rest: 'GET /v1/webhooks/{webhookId}',
        status: 200,
        scope: 'read',
        summary: 'Look at a webhook',
        description: 'Whether it is enabled, and since when it fails.',
        errors: ['webhook.not_found'],
        output: schema('Webhook'),
        example: { reply: exampleWebhook },
      })
      .input(validated(schema('OneWebhook')))
      .query(
        async ({ ctx, input }): Promise<WebhookView> =>
          viewWebhook(await getEndpoint(ctx.services.database, owned(ctx, input.webhookId))),
      ),

    updateWebhook: procedure
      .meta({
        rest: 'PATCH /v1/webhooks/{webhookId}',
        status: 200,
        scope: 'write',
        summary: 'Change a webhook',
        description:
          'What is left out stays. While it is disabled nothing is sent to it, and it is told of nothing that happens; what waited before goes on, once it is enabled, for three days in all.',
        errors: ['webhook.not_found', 'webhook.invalid_url'],
        output: schema('Webhook'),
        example: { request: { status: 'enabled' }, reply: exampleWebhook },
      })
      .input(validated(schema('UpdateWebhook')))
      .mutation(async ({ ctx, input }): Promise<WebhookView> => {
        const { webhookId, url, events, description, status } = input
        const row = await updateEndpoint(ctx.services.database, owned(ctx, webhookId), {
          url: url === undefined ? undefined : checked(ctx, url),
          events,
          description: description === undefined ? undefined : description || null,
          enabled: status === undefined ? undefined : status === 'enabled',
        })
        return viewWebhook(row)
      }),

    deleteWebhook: procedure
      .meta({
        rest: 'DELETE /v1/webhooks/{webhookId}',
        status: 204,
        scope: 'write',
        summary: 'Delete a webhook',
        description: 'Nothing more is sent to it, and its deliveries are deleted.',
        errors: ['webhook.not_found'],
      })
      .input(validated(schema('OneWebhook')))
      .mutation(async ({ ctx, input: { webhookId } }): Promise<{ deleted: true; webhookId: number }> => {
        await deleteEndpoint(ctx.services.database, owned(ctx, webhookId))
        return { deleted: true, webhookId }
      }),

    rotateWebhookSecret: procedure
      .meta({
        rest: 'POST /v1/webhooks/{webhookId}/rotate',
        status: 200,
        scope: 'write',
        summary: 'Rotate the secret of a webhook',
        description:
          'Makes a new secret, and shows it this once. For a time each delivery is signed with the ones from before as well, so that the receiver can follow.',
        errors: ['webhook.not_found', 'webhook.too_many_secrets'],
        output: schema('WebhookWithSecret'),
        example: {
          request: { previousValidHours: 24 },
          reply: { ...exampleWebhook, previousSecretUntil: '2026-11-24T12:00:00.000Z', secret: 'whsec_…' },
        },
      })
      .input(validated(schema('RotateWebhookSecret')))
      .mutation(async ({ ctx, input: { webhookId, previousValidHours } }): Promise<WebhookWithSecretView> => {
        const { database, randomBytes } = ctx.services
        const { row, secret } = await rotateSecret(
          database,
          owned(ctx, webhookId),
          previousValidHours * hour,
          randomBytes,
        )
        return { ...viewWebhook(row), secret }
      }),

    testWebhook: procedure
      .meta({
        rest: 'POST /v1/webhooks/{webhookId}/test',
        status: 200,
        scope: 'write',
        summary: 'Send a trial call',
        description:
          'Sends a `webhook.test` to the webhook, as any other delivery: its list of deliveries says what came of it. A webhook takes 60 trial calls and resent deliveries a minute.',
        errors: ['webhook.not_found', 'webhook.disabled', 'limit.webhook_requests_per_minute'],
        limited: true,
        output: schema('Delivery'),
        example: {
          reply: {
            ...exampleDelivery,
            attempts: 0,
            answer: null,
            error: null,
            sentAt: null,
            payload: examplePayloads['webhook.test'],
          },
        },
      })
      .input(validated(schema('OneWebhook')))
      .mutation(async ({ ctx, input }): Promise<DeliveryView> => {
        const endpoint = owned(ctx, input.webhookId)
        await request(ctx, endpoint)
        return viewDelivery(await testEndpoint(ctx.services.database, endpoint))
      }),

    listDeliveries: procedure
      .meta({
        rest: 'GET /v1/webhooks/{webhookId}/deliveries',
        status: 200,
        scope: 'read',
        summary: 'List the deliveries of a webhook',
        description: 'Newest first, with what came of each. They are kept for a week.',
        errors: ['webhook.not_found'],
        output: schema('DeliveryPage'),
        example: { reply: { deliveries: [exampleDelivery], nextCursor: null } },
      })
      .input(validated(schema('ListDeliveries')))
      .query(async ({ ctx, input: { webhookId, status, limit, cursor } }): Promise<DeliveryPageView> => {
        const filter = { status, limit, before: cursor }
        const rows = await listDeliveries(ctx.services.database, owned(ctx, webhookId), filter)
        const { page, nextCursor } = pageOf(rows, limit, ({ id }) => id)
        return { deliveries: page.map(viewDelivery), nextCursor }
      }),

    resendDelivery: procedure
      .meta({
        rest: 'POST /v1/webhooks/{webhookId}/deliveries/{deliveryId}/resend',
        status: 200,
        scope: 'write',
        summary: 'Send a delivery again',
        description:
          'Sends it once more, with the same `webhook-id`, whatever became of it, and tries for another three days. A webhook takes 60 trial calls and resent deliveries a minute.',
        errors: [
          'webhook.not_found',
          'webhook.disabled',
          'webhook.delivery_not_found',
          'limit.webhook_requests_per_minute',
        ],
        limited: true,
        output: schema('Delivery'),
        example: { reply: { ...exampleDelivery, attempts: 0, error: null } },
      })
      .input(validated(schema('OneDelivery')))
      .mutation(async ({ ctx, input: { webhookId, deliveryId } }): Promise<DeliveryView> => {
        const endpoint = owned(ctx, webhookId)
        await request(ctx, endpoint)
        return viewDelivery(await resendDelivery(ctx.services.database, { ...endpoint, deliveryId }))
      }),
  },
} satisfies Resource

const owned = ({ actor }: Caller, webhookId: number) => ({ userId: actor.userId, endpointId: webhookId })

/** Counts a call that has something sent, and says in the headers what is left. */
async function request({ services: { database }, reply }: Caller, endpoint: OwnedEndpoint): Promise<void> {
  reply.limits = rateLimitHeaders(await consumeRequest(database, endpoint))
}

function checked({ services: { allowLoopbackHttp } }: Caller, url: string): string {
  return checkWebhookUrl(url, { allowLoopbackHttp }).href
}
