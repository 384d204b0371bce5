import type { Server } from 'node:http'
import { createAdaptorServer, type HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import { listenOnLoopback } from '../listen.ts'
import { type Calls, createCalls } from './calls.ts'
import { deepseekEmulator } from './deepseek.ts'
import type { Emulation } from './exchange.ts'
import { FaultInput } from './fault-rules.ts'
import { createFaults, type Faults } from './faults.ts'
import { geminiEmulator } from './gemini.ts'
import { createFileStore, type FileStore } from './gemini-files.ts'
import type { LetteringReader } from './lettering.ts'

/** The emulated Gemini and DeepSeek, running. */
export interface ProviderEmulators {
  /** For `baseUrl` in the request options of `@google/generative-ai`. */
  readonly geminiBaseUrl: string
  /** For `baseURL` of `openai`. */
  readonly deepseekBaseUrl: string
  readonly faults: Faults
  readonly calls: Calls
  /** The uploads to Gemini's Files API. */
  readonly files: Pick<FileStore, 'counts'>
  /** Ends every open connection, hanging ones too, and frees the port. */
  stop(): Promise<void>
}

/**
 * Starts the emulated providers on 127.0.0.1, both on one port. They cost nothing, send nothing anywhere, and say in
 * every answer's model name that they are emulated. From a shell: `GET /__emulator` shows the faults that are on and
 * the calls counted, `POST /__emulator/faults` switches one on (see FaultInput), `DELETE /__emulator/faults` all off.
 *
 * @param options.port a free one if not given
 * @param options.baseLatencyMs what every call waits before its answer, in milliseconds; 0 if not given
 * @param options.random from 0 (included) to 1, for faults that happen at a rate
 * @param options.clock the time in answers and in the log of calls
 * @param options.inlineBytes Gemini refuses a request that is larger, in bytes; 20 MB if not given
 * @param options.lettering reads what is written in images, and stops with the emulators; nothing is read if not given
 * @throws the error of `listen`, such as EADDRINUSE
 */
export async function startProviderEmulators({
  port = 0,
  baseLatencyMs = 0,
  random = Math.random,
  clock = () => new Date(),
  inlineBytes = 20_000_000,
  lettering,
}: {
  port?: number
  baseLatencyMs?: number
  random?: () => number
  clock?: () => Date
  inlineBytes?: number
  lettering?: LetteringReader
} = {}): Promise<ProviderEmulators> {
  const emulation = { faults: createFaults(random), calls: createCalls(clock), clock, baseLatencyMs }
  const files = createFileStore()
  const app = new Hono<{ Bindings: HttpBindings }>()
    .route('/', files.routes)
    .route('/', geminiEmulator(emulation, { files, inlineBytes, lettering }))
    .route('/', deepseekEmulator(emulation))
    .route('/__emulator', controls(emulation))
  const server = createAdaptorServer({ fetch: app.fetch }) as Server
  const listening = await listenOnLoopback(server, port)
  const baseUrl = `http://127.0.0.1:${listening.port}`
  return {
    geminiBaseUrl: baseUrl,
    deepseekBaseUrl: baseUrl,
    faults: emulation.faults,
    calls: emulation.calls,
    files,
    async stop() {
      await listening.stop()
      await lettering?.stop()
    },
  }
}

/** The faults and counts over HTTP. */
function controls({ faults, calls }: Emulation): Hono<{ Bindings: HttpBindings }> {
  return new Hono<{ Bindings: HttpBindings }>()
    .get('/', (context) =>
      context.json({
        emulator: true,
        about:
          'Emulated Gemini and DeepSeek: no model is called, answers are written from the pixels and the lettering of the image.',
        faults: faults.list(),
        calls: calls.counts(),
      }),
    )
    .post('/faults', async (context) => {
      const body: unknown = await context.req.json().catch(() => undefined)
      const input = FaultInput.safeParse(body)
      if (!input.success) {
        const problems = input.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`)
        return context.json({ error: 'This is not a fault.', problems }, 400)
      }
      const id = faults.add(input.data)
      return context.json(faults.list().find((fault) => fault.id === id) ?? { id }, 201)
    })
    .delete('/faults', (context) => {
      faults.clear()
      return context.body(null, 204)
    })
}
