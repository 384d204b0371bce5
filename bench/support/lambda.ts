import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { listen } from '../../dev/parts/listen.ts'
import { type Memory, memory } from './serve.ts'

/** A function's bundle in a process of its own; it takes several invocations at once if the caller makes them. */
export interface Instance {
  /** @throws what the handler threw */
  invoke(event: unknown): Promise<unknown>
  memory(): Promise<Memory>
  stop(): Promise<void>
}

/** The time of an invocation, in milliseconds. */
const timeMs = 900_000

/**
 * Starts a function, as `bundle` of test/support/functions made it.
 *
 * @param file that it starts with
 * @param settings its environment; nothing of this process' own comes through
 */
export function startInstance(file: string, settings: Readonly<Record<string, string>>): Instance {
  const script = `
    const { handler } = await import(${JSON.stringify(file)})
    ${memory}
    process.on('message', async ({ id, event }) => {
      if (event === 'memory') return process.send({ id, result: memory() })
      const end = performance.now() + ${timeMs}
      try {
        process.send({ id, result: await handler(event, { getRemainingTimeInMillis: () => end - performance.now() }) })
      } catch (error) {
        process.send({ id, error: String(error?.stack) })
      }
    })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...settings },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const closed = once(child, 'close')
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  child.on('message', ({ id, result, error }: { id: number; result?: unknown; error?: string }) => {
    const one = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) one?.resolve(result)
    else one?.reject(new Error(error))
  })
  void closed.then(([code]) => {
    for (const one of waiting.values()) one.reject(new Error(`${file} has ended with ${code}`))
  })
  let calls = 0
  const invoke = (event: unknown) => {
    const id = ++calls
    const done = Promise.withResolvers<unknown>()
    waiting.set(id, done)
    child.send({ id, event })
    return done.promise
  }
  return {
    invoke,
    memory: () => invoke('memory') as Promise<Memory>,
    stop: async () => {
      child.kill('SIGKILL')
      await closed
    },
  }
}

/** Lambda as asynchronous invocations meet it: each goes to an idle instance, or to a new one as long as there may be more. */
export interface EmulatedLambda {
  /** For `AWS_ENDPOINT_URL_LAMBDA`. */
  readonly endpoint: string
  /** How many instances were ever started, how many of them have an invocation, and how many invocations wait for one. */
  counts(): { readonly started: number; readonly busy: number; readonly queued: number }
  /** Ends all instances: the next invocation is a cold start. */
  freeze(): Promise<void>
}

/** @param most the reserved concurrency of the function; further invocations are queued */
export async function startEmulatedLambda(
  cleanup: AsyncDisposableStack,
  { start, most }: { readonly start: () => Instance; readonly most: number },
): Promise<EmulatedLambda> {
  const idle: Instance[] = []
  const busy = new Set<Instance>()
  const queue: unknown[] = []
  let started = 0
  const startOne = () => {
    started++
    return start()
  }
  const serve = () => {
    while (queue.length > 0 && busy.size < most) {
      const event = queue.shift()
      const instance = idle.pop() ?? startOne()
      busy.add(instance)
      instance
        .invoke(event)
        .then(
          () => idle.push(instance),
          (error: unknown) => console.error(error),
        )
        .finally(() => {
          busy.delete(instance)
          serve()
        })
    }
  }
  const server = createServer(async (request, response) => {
    queue.push(JSON.parse(await text(request)))
    response.writeHead(202).end()
    serve()
  })
  const { port, stop } = await listen(server, 0)
  const freeze = async () => {
    const all = [...idle.splice(0), ...busy]
    await Promise.all(all.map((instance) => instance.stop()))
  }
  cleanup.defer(async () => {
    queue.length = 0
    await freeze()
    await stop()
  })
  return {
    endpoint: `http://127.0.0.1:${port}`,
    counts: () => ({ started, busy: busy.size, queued: queue.length }),
    freeze,
  }
}
