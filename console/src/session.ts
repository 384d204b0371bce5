import { computed, signal } from '@preact/signals'
import { createVisionClient, type VisionClient } from 'vision-pipeline-client'
import { returnPath } from './sign-in/issuer.ts'
import type { Grant, Surroundings } from './sign-in/oidc.ts'
import { issuer } from './sign-in/settings.ts'
import { tellIfSlow } from './ui/slow.ts'

/** unknown: nothing was asked yet · granted: the API answers · refused: it wants a key, or another one · asked: the reader wants to give another. */
export type Access = 'unknown' | 'granted' | 'refused' | 'asked'

/** What calls are made with: an API key or a token that was typed in, or what the issuer of tokens gave. */
type Credential = { readonly key: string } | { readonly grant: Grant }

const keptName = 'vision-credential'

/** null: none, as on the machine that runs the local stack. Of this tab, until it is closed. */
const credential = signal(kept())
export const access = signal<Access>('unknown')
/** Whether the last call reached the API. */
export const reached = signal(true)
/** Why the issuer of tokens signed nobody in, the last time; undefined: it did, or was not asked. */
export const refusal = signal<Error | undefined>(undefined)

/** How the reader signed in. */
export const signedInBy = computed(() =>
  credential.value === null ? null : 'key' in credential.value ? 'key' : 'issuer',
)

/** How often somebody has signed in or out. A token that is renewed is still the same reader's. */
const turns = signal(0)

/** The client of this session: another one after each sign-in, so that what depends on it reads anew. */
export const client = computed<VisionClient>(() => {
  turns.value
  return createVisionClient({ url: location.origin, key: tokenOf(credential.peek()), retries: 2, fetch: watched })
})

/** A `fetch` that renews a token in time, and notices one that is refused, and a network that is cut. */
async function watched(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const isOurs = new URL(input instanceof Request ? input.url : input, location.href).origin === location.origin
  try {
    if (isOurs && input instanceof Request) await authorize(input)
    const sent = fetch(input, init)
    // What waits on purpose for the next change is not slow.
    const isRead = isOurs && input instanceof Request && input.method === 'GET' && !input.headers.has('prefer')
    const response = await (isRead ? tellIfSlow(sent) : sent)
    if (isOurs) reached.value = true
    if (isOurs && response.status === 401) access.value = 'refused'
    return response
  } catch (error) {
    const wasAborted = (input instanceof Request ? input : init)?.signal?.aborted
    if (isOurs && !wasAborted) reached.value = false
    throw error
  }
}

/** Puts the token of now into a call that has one. */
async function authorize(request: Request): Promise<void> {
  const now = credential.peek()
  if (now === null || !('grant' in now) || !request.headers.has('authorization')) return
  const { renewAt, refreshToken } = now.grant
  if (renewAt !== null && refreshToken !== null && Date.now() >= renewAt) await renew(refreshToken)
  const token = tokenOf(credential.peek())
  if (token !== undefined) request.headers.set('authorization', `Bearer ${token}`)
}

let underWay: Promise<void> | undefined

/** Once for all calls that wait for it: an issuer may take a refresh token no second time. */
function renew(refreshToken: string): Promise<void> {
  underWay ??= (async () => {
    const { renewGrant } = await import('./sign-in/oidc.ts')
    const before = credential.peek()
    const grant = await renewGrant(surroundings(), refreshToken)
    // Signed out meanwhile, or in as somebody else.
    if (credential.peek() !== before || before === null || !('grant' in before)) return
    keep({ grant: grant ?? { ...before.grant, refreshToken: null } })
  })()
    // The call goes out with the token that there is: the API says whether it is still good.
    .catch(() => undefined)
    .finally(() => {
      underWay = undefined
    })
  return underWay
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
  become({ key: candidate })
  access.value = 'granted'
}

/** Whether the page has ever been read with success: then something may have been typed into it. */
let wasGranted = false
access.subscribe((now) => {
  wasGranted ||= now === 'granted'
})

let otherTab: AbortController | undefined

/**
 * Leads to the issuer of tokens: in another tab, if this one may hold something that would be lost, and else in this one, which the
 * issuer leads back to where the reader is.
 *
 * @returns whether it is in another tab
 * @throws SignInRefused
 */
export async function signInAtIssuer(): Promise<boolean> {
  refusal.value = undefined
  otherTab?.abort()
  // Before anything is waited for: a browser opens a tab for a click alone. Where it opens none, this one has to do.
  const tab = wasGranted ? open('', '_blank') : null
  try {
    const { beginSignIn } = await import('./sign-in/oidc.ts')
    const { pathname, search, hash } = location
    const page = await beginSignIn(surroundings(), `${pathname}${search}${hash}`)
    if (tab === null) {
      location.assign(page)
      return false
    }
    void goOnAfter(page.searchParams.get('state'))
    tab.opener = null
    tab.location.replace(page)
    return true
  } catch (error) {
    tab?.close()
    throw error
  }
}

/** Ends the sign-in of another tab, over the page as it is. */
async function goOnAfter(state: string | null): Promise<void> {
  otherTab = new AbortController()
  const { answerFromOtherTab } = await import('./sign-in/other-tab.ts')
  const address = await answerFromOtherTab(state, otherTab.signal)
  const { finishSignIn } = await import('./sign-in/oidc.ts')
  const { outcome } = await finishSignIn(surroundings(), address)
  if (outcome instanceof Error) {
    refusal.value = outcome
    return
  }
  become({ grant: outcome })
  access.value = 'granted'
}

/** Whether the issuer of tokens has sent the reader back to this address. */
export function isReturn(): boolean {
  return issuer !== undefined && location.pathname === returnPath
}

/**
 * Ends what `signInAtIssuer` began. The code does not stay in the address, nor in the history.
 *
 * @returns whether another tab has begun it, and goes on
 */
export async function comeBack(): Promise<boolean> {
  const address = new URL(location.href)
  history.replaceState(null, '', returnPath)
  const { finishSignIn, isBegunHere } = await import('./sign-in/oidc.ts')
  const { handOver } = await import('./sign-in/other-tab.ts')
  if (!isBegunHere(surroundings(), address) && (await handOver(address))) return true
  const { place, outcome } = await finishSignIn(surroundings(), address)
  if (outcome instanceof Error) {
    refusal.value = outcome
    access.value = 'asked'
  } else become({ grant: outcome })
  history.replaceState(null, '', place)
  return false
}

/** Lets the reader sign in as someone else. */
export function askForKey(): void {
  access.value = 'asked'
}

/** Forgets the key or the token, and has the issuer of a token do the same. */
export async function signOut(): Promise<void> {
  const before = credential.peek()
  become(null)
  refusal.value = undefined
  access.value = 'unknown'
  if (before !== null && 'grant' in before) {
    const { endGrant } = await import('./sign-in/oidc.ts')
    const place = await endGrant(surroundings(), before.grant).catch(() => null)
    if (place !== null) return location.assign(place)
  }
  await openSession()
}

function surroundings(): Surroundings {
  if (issuer === undefined) throw new Error('This deployment has no issuer of tokens.')
  return { issuer, storage: sessionStorage, origin: location.origin, now: Date.now }
}

function become(another: Credential | null): void {
  keep(another)
  turns.value++
}

function keep(another: Credential | null): void {
  credential.value = another
  if (another === null) sessionStorage.removeItem(keptName)
  else sessionStorage.setItem(keptName, JSON.stringify(another))
}

function kept(): Credential | null {
  try {
    const before = JSON.parse(sessionStorage.getItem(keptName) ?? 'null') as Credential | null
    // What an issuer gave is of no use where it is not known any more.
    return before !== null && 'grant' in before && issuer === undefined ? null : before
  } catch {
    return null
  }
}

function tokenOf(given: Credential | null): string | undefined {
  if (given === null) return undefined
  return 'key' in given ? given.key : given.grant.token
}
