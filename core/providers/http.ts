import { AsyncLocalStorage } from 'node:async_hooks'
import type { HttpAnswer } from './http-answer.ts'

/** One conversation with a server: the requests sent, and the last answer. */
export interface HttpRecord {
  /** Whether anything was handed to the network. */
  attempted: boolean
  answer: HttpAnswer | undefined
  /** Why nothing came back; SDKs wrap it and lose its cause. */
  failure: unknown
}

/** As a provider's SDK calls it; the DOM's overloads are more than they use. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

/** Statuses whose responses cannot have a body. */
const bodiless = new Set([204, 205, 304])

/**
 * A fetch that reads the whole answer and writes it down before it hands it on. Redirects are not followed: an API does not
 * redirect, and the key, in a header of its own, would go along to wherever one leads.
 */
export function recordingFetch(record: HttpRecord, send: Fetch, signal: AbortSignal): Fetch {
  return async (input, init) => {
    record.attempted = true
    record.answer = undefined
    try {
      // An SDK that listens to a signal hears nothing of one that was aborted before.
      const response = await send(input, { ...init, redirect: 'manual', signal })
      const { status, statusText, headers } = response
      const text = await response.text()
      record.answer = { status, headers, text, json: parsed(text) }
      return new Response(bodiless.has(status) ? null : text, { status, statusText, headers })
    } catch (error) {
      record.failure = error
      throw error
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

type Wrap = (send: Fetch) => Fetch
const current = new AsyncLocalStorage<Wrap>()
let installed: Fetch | undefined

/**
 * Runs work whose every `fetch`, by the global name, goes through a wrapper; nobody else's does. For SDKs that take no fetch
 * of their own and keep what the server said to themselves.
 */
export function withFetch<T>(wrap: Wrap, work: () => Promise<T>): Promise<T> {
  if (globalThis.fetch !== installed) {
    const original: Fetch = globalThis.fetch
    installed = (input, init) => (current.getStore()?.(original) ?? original)(input, init)
    globalThis.fetch = installed as typeof globalThis.fetch
  }
  return current.run(wrap, work)
}

/** Runs work within such work whose `fetch` is the plain one again. */
export function withoutWrapper<T>(work: () => Promise<T>): Promise<T> {
  return current.exit(work)
}
