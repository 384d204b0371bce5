// A server that is told what becomes of jobs: it registers itself as a webhook, and prints each event that it can trust, once.
//   npm run -s example examples/receive-webhooks.ts
// It listens on this machine, which the local stack reaches. A receiver of a deployed API has a public https address, and
// its webhook is created once: WEBHOOK_URL and WEBHOOK_SECRET name both.
// VISION_URL names the API (http://localhost:3000 if not set), VISION_TOKEN the bearer token (none is needed locally).
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'

const api = process.env.VISION_URL ?? 'http://localhost:3000'
const token = process.env.VISION_TOKEN
const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
/** The longest body that is read; events have a few hundred bytes. */
const maxBytes = 100_000

interface VisionEvent {
  readonly type: string
  readonly data: { readonly jobId?: number; readonly batchId?: number | null }
}

const server = createServer(async (request, response) => {
  const answer = (status: number) => void response.writeHead(status).end()
  try {
    // The signature is that of the body as it came: verify before parsing.
    const event = new Webhook(secret).verify(await bodyOf(request), request.headers as Record<string, string>)
    const id = String(request.headers['webhook-id'])
    // Answer first, work later: what is not answered within 15 seconds is sent again.
    answer(204)
    if (seen.has(id)) return
    seen.add(id)
    handle(event as VisionEvent)
  } catch (error) {
    console.error(`refused: ${error instanceof Error ? error.message : error}`)
    answer(400)
  }
})

/** An event can come twice. A receiver with a database keeps the ids there, as a unique key of what it does. */
const seen = new Set<string>()

function handle({ type, data }: VisionEvent): void {
  console.log(`${type} ${JSON.stringify(data)}`)
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request) {
    length += chunk.length
    if (length > maxBytes) throw new Error('the body is too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

await new Promise<void>((resolve) => server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', resolve))
let secret = process.env.WEBHOOK_SECRET ?? ''
if (!secret) {
  const url = process.env.WEBHOOK_URL ?? `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const created = await fetch(`${api}/v1/webhooks`, { method: 'POST', headers, body: JSON.stringify({ url }) })
  const webhook: { webhookId?: number; secret?: string; detail?: string } = JSON.parse(await created.text())
  if (!created.ok || webhook.secret === undefined) {
    console.error(webhook.detail ?? webhook)
    process.exit(1)
  }
  secret = webhook.secret
  console.log(`webhook ${webhook.webhookId} at ${url}: create jobs, and stop with Ctrl-C`)
  const stop = async () => {
    await fetch(`${api}/v1/webhooks/${webhook.webhookId}`, { method: 'DELETE', headers })
    process.exit(0)
  }
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop)
}
