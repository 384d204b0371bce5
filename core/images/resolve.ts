import { Resolver } from 'node:dns/promises'
import { VisionError } from '../domain/errors.ts'

/** The name servers, and their timeout. */
export interface ResolverOptions {
  /** Replaces the name servers that this machine is configured with: `127.0.0.1:5353`. */
  readonly servers?: readonly string[]
  /** The timeout of an answer, in milliseconds, and the number of tries per server. */
  readonly timeoutMs?: number
  readonly tries?: number
}

/** All addresses of a host name. Aborting the signal also ends the query. */
export type Lookup = (hostname: string, signal: AbortSignal) => Promise<readonly { readonly address: string }[]>

/**
 * Resolves names by DNS alone: /etc/hosts, mDNS and search domains are for this machine's own use. It uses c-ares, since
 * `dns.lookup` occupies the four threads that the providers' and the bucket's names need too.
 *
 * Queries both families. If one fails, the addresses of the other are used.
 *
 * @throws VisionError `image.unknown_host`, which is final, where the DNS says that there is no such name or that it has no
 *   address; `image.unreachable` where it does not say anything
 */
export function createLookup({ servers, timeoutMs = 2_000, tries = 2 }: ResolverOptions = {}): Lookup {
  return async (hostname, signal) => {
    signal.throwIfAborted()
    // One per name: cancelling ends all queries of a resolver.
    const resolver = new Resolver({ timeout: timeoutMs, maxTimeout: timeoutMs, tries })
    if (servers) resolver.setServers(servers)
    const cancel = () => resolver.cancel()
    signal.addEventListener('abort', cancel, { once: true })
    try {
      const answers = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)])
      signal.throwIfAborted()
      const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
      if (found.length > 0) return found.map((address) => ({ address }))
      throw failure(answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : [])))
    } finally {
      signal.removeEventListener('abort', cancel)
    }
  }
}

// Final answers of the DNS: the name does not exist (NXDOMAIN), it has no such record, or it is invalid.
const final: Record<string, string> = {
  ENOTFOUND: 'The host name of the image URL does not exist.',
  ENODATA: 'The host name of the image URL has no address.',
  EBADNAME: 'The host name of the image URL cannot exist.',
}

/** @param errors of the families; one without an error has no address either (an alias without a target) */
function failure(errors: readonly NodeJS.ErrnoException[]): VisionError {
  const passing = errors.find(({ code = '' }) => !Object.hasOwn(final, code))
  const cause = passing ?? errors[0]
  const detail = cause && (cause.code ? `${cause.code}: ${cause.message}` : cause.message)
  const extras = { cause, ...(detail && { detail }) }
  if (passing) {
    const message = 'The host name of the image URL could not be looked up: its name servers failed or did not answer.'
    return new VisionError('image.unreachable', { message, ...extras })
  }
  return new VisionError('image.unknown_host', { message: final[cause?.code ?? 'ENODATA'] ?? '', ...extras })
}
