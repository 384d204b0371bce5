import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import { secret, token } from '../support/api/test-api.ts'
import { createTestDatabase } from '../support/database/test-database.ts'
import { apiEvent, tick, urlEvent } from '../support/functions/events.ts'
import type { Streamed } from '../support/functions/runtime-api.ts'
import { startTestServices } from '../support/functions/services.ts'
import { fixtureUrl } from '../support/images/storage.ts'
import { type Deployed, deploy } from './deployed.ts'

/** The URL of the stream function; nothing is there, since events are handed to the runtime. */
export const streamUrl = 'https://abc123.lambda-url.us-east-1.on.aws'

/** A real database, emulated services, and the functions over them, each as it is deployed. */
export async function startDeployedStack() {
  const database = await createTestDatabase()
  const services = await startTestServices()
  const instances: Deployed[] = []

  /** Starts a new instance of a function; `settings` come on top of those of the stack. */
  const start = async (name: string, settings: Record<string, string> = {}): Promise<Deployed> => {
    const all = { ...services.settings(database.url), AUTH_SECRET: secret, STREAM_URL: streamUrl, ...settings }
    const instance = await deploy(name, all)
    instances.push(instance)
    return instance
  }
  const api = await start('api')

  /** A call of the user `ann` through API Gateway. */
  const call = async (method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${await token('ann')}` }
    const result = await api.invoke(apiEvent({ method, path, body, headers }), 29_000)
    const { statusCode, body: reply = '' } = result as APIGatewayProxyStructuredResultV2
    return { status: statusCode, body: JSON.parse(reply) }
  }

  return {
    database,
    services,
    start,
    call,
    /** Creates a job through the API. */
    create: async (): Promise<{ readonly jobId: number; readonly eventsUrl: string }> => {
      const imageUrl = await fixtureUrl('halves.png', 'image/png')
      const job = { imageUrl, analysisPurpose: 'Sell a flag', outputFormat: 'alt_text' }
      const { status, body } = await call('POST', '/v1/jobs', job)
      if (status !== 201) throw new Error(JSON.stringify(body))
      return body
    },
    /** Fires the schedule for an instance of the poller. */
    drain: (poller: Deployed, timeLimitMs = 300_000) => poller.invoke(tick, timeLimitMs),
    /** Opens a URL of the stream function. */
    watch: (stream: Deployed, url: string, headers: Record<string, string> = {}): Promise<Streamed> => {
      const { pathname, search } = new URL(url)
      return stream.invoke(urlEvent({ path: pathname, query: search.slice(1), headers }), 75_000) as Promise<Streamed>
    },
    stop: async () => {
      for (const instance of instances) await instance.kill()
      await services.stop()
      await database.drop()
    },
  }
}

export type DeployedStack = Awaited<ReturnType<typeof startDeployedStack>>

/** Reads a streamed reply on until what was read fits. */
export async function readUntil({ chunks }: Streamed, pattern: RegExp): Promise<string> {
  let read = ''
  while (!pattern.test(read)) {
    const { done, value } = await chunks.next()
    if (done) throw new Error(`The stream ended after: ${read}`)
    read += value
  }
  return read
}

/** Reads a streamed reply to its end. */
export async function readAll({ chunks }: Streamed): Promise<string> {
  let read = ''
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) read += next.value
  return read
}
