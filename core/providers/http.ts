import { AsyncLocalStorage } from 'node:async_hooks'
import type { HttpAnswer } from './http-answer.ts'

/** The record of a call: the requests sent, and the last response. */
export interface HttpRecord {
  /** Whether a request was handed to the network. */
  attempted: boolean
  answer: HttpAnswer | undefined
  /** Why there was no response; SDKs wrap this and lose its cause. */
  failure: unknown
}

/** The fetch signature that provider SDKs use. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

/** Statuses whose responses cannot have a body. */
const bodiless = new Set([204, 205, 304])

/**
 * A fetch that reads and records the whole response before it returns it. It does not follow redirects: an API has none,
 * and the key, in a header of its own, would be sent to the target.
 */
export function recordingFetch(record: HttpRecord, send: Fetch, signal: AbortSignal): Fetch {
  return async (input, init) => {
    record.attempted = true
    record.answer = undefined
    try {
      // An SDK that only listens for the event misses a signal that was aborted before.
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
 * Runs work whose calls of the global `fetch` go through a wrapper; other callers are unaffected. For SDKs that accept no
 * fetch and hide the response.
 */
export function withFetch<T>(wrap: Wrap, work: () => Promise<T>): Promise<T> {
  if (globalThis.fetch !== installed) {
    const original: Fetch = globalThis.fetch
    installed = (input, init) => (current.getStore()?.(original) ?? original)(input, init)
    globalThis.fetch = installed as typeof globalThis.fetch
  }
  return current.run(wrap, work)
}

/** Runs work, within such work, with the original `fetch`. */
export function withoutWrapper<T>(work: () => Promise<T>): Promise<T> {
  return current.exit(work)
}
