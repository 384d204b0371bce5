import { once } from 'node:events'
import net, { isIP } from 'node:net'
import tls from 'node:tls'
import { VisionError } from '../domain/errors.ts'
import { isForbiddenHost, isPublicAddress } from './address.ts'
import { createLookup, type Lookup } from './resolve.ts'

/** An address that was checked, in its plain spelling. */
export interface Address {
  readonly address: string
  readonly family: 4 | 6
}

/** Replacements for Node's own networking, for tests. */
export interface Reach {
  readonly lookup?: Lookup
  /** Opens a TCP connection to the first of the addresses that answers, and to no other. */
  readonly connect?: (addresses: readonly Address[], port: number) => net.Socket
  /** The certificates (PEM) of trusted authorities, instead of the well-known ones. */
  readonly certificateAuthorities?: string
}

/**
 * A connection to the host of a URL: verified TLS to a public address, or for http: plain TCP to this machine's loopback.
 *
 * A host name is resolved once. All its addresses are checked, and only these addresses are connected to: the name is not
 * resolved again, so one that changes (DNS rebinding) has no effect.
 *
 * @param url a URL that passed `checkImageUrl`
 * @throws VisionError `image.forbidden_address` or `image.untrusted_server`; other errors as Node throws them
 */
export async function connectToHostOf(url: URL, reach: Reach, signal: AbortSignal): Promise<net.Socket> {
  const secure = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const addresses = secure ? await publicAddresses(host, reach, signal) : [loopbackAddress(host)]
  const port = Number(url.port || (secure ? 443 : 80))
  const socket = (reach.connect ?? connectToFirst)(addresses, port)
  try {
    await once(socket, 'connect', { signal })
    return secure ? await startTls(socket, host, reach, signal) : socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}

async function publicAddresses(host: string, reach: Reach, signal: AbortSignal): Promise<readonly Address[]> {
  // Whatever a resolver answers.
  if (isForbiddenHost(host)) throw new VisionError('image.forbidden_address', { detail: host })
  const found = isIP(host) ? [{ address: host }] : await abortable((reach.lookup ?? lookUp)(host, signal), signal)
  if (found.length === 0) throw new Error(`${host} has no address`)
  // One non-public address rejects the host: honest names do not mix them.
  const forbidden = found.find(({ address }) => !isPublicAddress(address))
  if (forbidden) throw new VisionError('image.forbidden_address', { detail: `${host} is ${forbidden.address}` })
  return found.map(({ address }) => addressOf(address))
}

/** `localhost` is this machine, whatever a resolver answers. */
function loopbackAddress(host: string): Address {
  return addressOf(isIP(host) ? host : '127.0.0.1')
}

function addressOf(address: string): Address {
  return { address, family: isIP(address) === 4 ? 4 : 6 }
}

const lookUp = createLookup()

/** Tries the addresses one after the other. */
export function connectToFirst(addresses: readonly Address[], port: number): net.Socket {
  return net.connect({
    host: 'already.looked.up.invalid',
    port,
    lookup: (_hostname, _options, callback) => callback(null, [...addresses]),
    // Otherwise only the first address is tried.
    autoSelectFamily: true,
    // Node's 250 ms are too short for a distant server.
    autoSelectFamilyAttemptTimeout: 2_000,
  })
}

async function startTls(socket: net.Socket, host: string, reach: Reach, signal: AbortSignal): Promise<tls.TLSSocket> {
  const name = host.replace(/\.$/, '')
  const secure = tls.connect({
    socket,
    // For the certificate of a server named by its address; host names use the next line.
    host: name,
    ...(!isIP(name) && { servername: name }),
    ...(reach.certificateAuthorities && { ca: reach.certificateAuthorities }),
    // Explicit, since NODE_TLS_REJECT_UNAUTHORIZED could otherwise disable it.
    rejectUnauthorized: true,
    ALPNProtocols: ['http/1.1'],
  })
  try {
    await once(secure, 'secureConnect', { signal })
    return secure
  } catch (cause) {
    secure.destroy()
    if (!secure.authorizationError) throw cause
    throw new VisionError('image.untrusted_server', { cause, detail: String(secure.authorizationError) })
  }
}

/** A promise's outcome, or the signal's reason if that comes first. */
function abortable<T>(outcome: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const abort = () => reject(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  outcome.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  return promise
}
