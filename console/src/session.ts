import { computed, signal } from '@preact/signals'
import { createVisionClient, type VisionClient } from 'vision-pipeline-client'

/** unknown: nothing was asked yet · granted: the API answers · refused: it wants a key, or another one · asked: the reader wants to give another. */
export type Access = 'unknown' | 'granted' | 'refused' | 'asked'

const keyName = 'vision-key'

/** The API key or token that calls are made with; null: none, as on the machine that runs the local stack. */
const key = signal(sessionStorage.getItem(keyName))
export const access = signal<Access>('unknown')
/** Whether the last call reached the API. */
export const reached = signal(true)

export const hasKey = computed(() => key.value !== null)

/** The client of this session: another one after each sign-in, so that what depends on it reads anew. */
export const client = computed<VisionClient>(() =>
  createVisionClient({ url: location.origin, key: key.value ?? undefined, retries: 2, fetch: watched }),
)

/** A `fetch` that notices a key that is refused, and a network that is cut. */
async function watched(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const isOurs = new URL(input instanceof Request ? input.url : input, location.href).origin === location.origin
  try {
    const response = await fetch(input, init)
    if (isOurs) reached.value = true
    if (isOurs && response.status === 401) access.value = 'refused'
    return response
  } catch (error) {
    const wasAborted = (input instanceof Request ? input : init)?.signal?.aborted
    if (isOurs && !wasAborted) reached.value = false
    throw error
  }
}

/** Asks whether calls are taken without a key, or with the one of before. */
export async function openSession(): Promise<void> {
  try {
    await client.value.api.GET('/v1/jobs', { params: { query: { limit: 1 } } })
    access.value = 'granted'
  } catch {
    // A 401 was noticed; all else is told by the page that the reader is on.
    if (access.value === 'unknown') access.value = 'granted'
  }
}

/**
 * Tries a key and keeps it for this tab, until the tab is closed.
 *
 * @throws VisionError if it is refused, or the API does not answer
 */
export async function signIn(candidate: string): Promise<void> {
  const trial = createVisionClient({ url: location.origin, key: candidate, retries: 0 })
  await trial.api.GET('/v1/jobs', { params: { query: { limit: 1 } } })
  sessionStorage.setItem(keyName, candidate)
  key.value = candidate
  access.value = 'granted'
}

/** Lets the reader sign in as someone else. */
export function askForKey(): void {
  access.value = 'asked'
}

export function signOut(): void {
  sessionStorage.removeItem(keyName)
  key.value = null
  access.value = 'unknown'
  void openSession()
}
