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

/** How the outside is reached: by Node's own means, unless something else is put in their place. */
export interface Reach {
  readonly lookup?: Lookup
  /** Begins a TCP connection to whichever of the addresses answers first, and to nothing else. */
  readonly connect?: (addresses: readonly Address[], port: number) => net.Socket
  /** The certificates (PEM) that servers' are verified against, instead of the well-known ones. */
  readonly certificateAuthorities?: string
}

/**
 * A connection to the host of a URL: verified TLS to a public address, or for http: plain TCP to this machine's loopback.
 *
 * A host name is looked up once. Every address it has is checked, and these very addresses are connected to: nothing
 * looks the name up again, so a name that changes its mind (DNS rebinding) changes nothing.
 *
 * @param url a URL that passed `checkImageUrl`
 * @throws VisionError `image.forbidden_address` or `image.untrusted_server`; whatever else failed as Node throws it
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
  // Whatever a resolver says.
  if (isForbiddenHost(host)) throw new VisionError('image.forbidden_address', { detail: host })
  const found = isIP(host) ? [{ address: host }] : await abortable((reach.lookup ?? lookUp)(host, signal), signal)
  if (found.length === 0) throw new Error(`${host} has no address`)
  // One that is not public spoils all: an honest name does not mix them.
  const forbidden = found.find(({ address }) => !isPublicAddress(address))
  if (forbidden) throw new VisionError('image.forbidden_address', { detail: `${host} is ${forbidden.address}` })
  return found.map(({ address }) => addressOf(address))
}

/** `localhost` is this machine, whatever a resolver says. */
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
    // Without it only the first address is tried.
    autoSelectFamily: true,
    // Node's 250 ms give a distant server up before it can answer.
    autoSelectFamilyAttemptTimeout: 2_000,
  })
}

async function startTls(socket: net.Socket, host: string, reach: Reach, signal: AbortSignal): Promise<tls.TLSSocket> {
  const name = host.replace(/\.$/, '')
  const secure = tls.connect({
    socket,
    // For the certificate of a server that is named by its address; a name goes by the next line.
    host: name,
    ...(!isIP(name) && { servername: name }),
    ...(reach.certificateAuthorities && { ca: reach.certificateAuthorities }),
    // Said aloud, as NODE_TLS_REJECT_UNAUTHORIZED would otherwise have a say.
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
