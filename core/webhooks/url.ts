import { VisionError } from '../domain/errors.ts'
import { isForbiddenHost } from '../images/address.ts'

/** The longest URL of a webhook, in characters, as it is serialised: the width of its column. */
export const maxUrlLength = 2048

const loopbackHost = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

/**
 * Whether a webhook may be sent to a URL as far as the URL itself tells: https, or http on loopback in local mode; no user name, no
 * address that is not public, port 443 or one from 1024 up, as with images. Where it leads is checked on every connection.
 *
 * @param where allowLoopbackHttp: plain http to this machine, for the local stack and nothing else
 * @returns the URL without its fragment, which is never sent
 * @throws VisionError `webhook.invalid_url`, which says what to change
 */
export function checkWebhookUrl(text: string, where: { readonly allowLoopbackHttp: boolean }): URL {
  if (!URL.canParse(text)) throw refuse('is not an absolute URL: it must start with https://.')
  const url = new URL(text)
  url.hash = ''
  const { length } = url.href
  if (length > maxUrlLength) {
    throw refuse(`has ${length} characters once it is percent-encoded, and at most ${maxUrlLength} are taken.`)
  }
  if (url.username || url.password) throw refuse('must not contain a user name or password: verify the signature.')
  if (url.protocol === 'http:' && where.allowLoopbackHttp && loopbackHost.test(url.hostname)) return url
  if (url.protocol !== 'https:') throw refuse('must start with https://.')
  if (url.port && Number(url.port) < 1024) throw refuse('has another port than 443, or 1024 and above.')
  if (isForbiddenHost(url.hostname)) throw refuse('leads to an address that is not public.')
  return url
}

function refuse(reason: string): VisionError {
  return new VisionError('webhook.invalid_url', { message: `The URL of the webhook ${reason}` })
}
