import { VisionError } from '../domain/errors.ts'
import { isForbiddenHost } from './address.ts'
import { formatNameOf } from './detect.ts'
import { maxUrlLength } from './limits.ts'

const loopbackHost = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

interface Where {
  /** Allows plain http from this machine's loopback addresses: for the local stack only. */
  readonly allowLoopbackHttp: boolean
}

/**
 * Checks whether an image may be fetched from a URL, by the URL alone: https, or http on loopback in local mode; no user
 * name; no host that is a non-public address; at most 8,192 characters as it is stored and fetched, percent-encoded. The
 * target is checked on every connection.
 *
 * The port is 443 or at least 1024: private image servers use those, while no other system port (RFC 6335) serves https,
 * and we must not probe strangers' ssh or mail servers on a user's behalf.
 *
 * @throws VisionError `image.invalid_url`, which says what to change; `image.forbidden_address`
 */
export function checkImageUrl(text: string, where: Where): URL {
  if (!URL.canParse(text)) throw refuse(`The image URL ${mistakeOf(text.trim())}`)
  const url = new URL(text)
  // One character of the text can take nine once it is percent-encoded: %E3%81%82.
  const { length } = url.href
  if (length > maxUrlLength) {
    throw refuse(
      `The image URL has ${length} characters once it is percent-encoded, and at most ${maxUrlLength} are taken.`,
    )
  }
  const problem = problemOf(url, where)
  if (problem) throw refuse(`The image URL ${problem}`)
  // The name is resolved once, when the image is fetched.
  if (url.protocol === 'https:' && isForbiddenHost(url.hostname)) {
    throw new VisionError('image.forbidden_address', { detail: url.hostname })
  }
  return url
}

/**
 * The target of a redirect. The header limit bounds its length.
 *
 * @throws VisionError `image.invalid_url`
 */
export function checkRedirect(from: URL, location: string, { allowLoopbackHttp }: Where): URL {
  if (!URL.canParse(location, from.href)) throw refuse('The image URL redirects to something that is no URL.')
  const url = new URL(location, from)
  // A public server must not reach what runs on a developer's machine.
  const problem = problemOf(url, { allowLoopbackHttp: allowLoopbackHttp && from.protocol === 'http:' })
  if (problem) throw refuse(`The image URL redirects to one that ${problem}`)
  return url
}

function refuse(message: string): VisionError {
  return new VisionError('image.invalid_url', { message })
}

/** Why a URL is not allowed, as the end of a sentence. */
function problemOf(url: URL, { allowLoopbackHttp }: Where): string | undefined {
  if (url.username || url.password) return 'must not contain a user name or password.'
  if (url.protocol === 'http:' && allowLoopbackHttp && loopbackHost.test(url.hostname)) return undefined
  if (url.protocol !== 'https:') return schemes[url.protocol] ?? otherScheme(url.protocol)
  if (url.port && Number(url.port) < 1024) return 'has another port than 443, or 1024 and above.'
  return undefined
}

const uploadIt = 'upload the image (POST /v1/uploads) and name it by the `imageUrl` of the grant.'
const schemes: Record<string, string> = {
  'http:': `starts with http://, and only https:// is fetched: write https://, or ${uploadIt}`,
  'file:': `must start with https://. It names a file that only your machine can read: ${uploadIt}`,
  'blob:': `must start with https://. It names something that only a page in a browser can read: ${uploadIt}`,
  's3:': 'must start with https://: name the object by its https URL, a presigned one where it is private.',
  'gs:': 'must start with https://: name the object by its https URL, a signed one where it is private.',
}

/** A single letter is the drive of a path. */
function otherScheme(protocol: string): string | undefined {
  return /^[a-z]:$/i.test(protocol) ? schemes['file:'] : 'must start with https:// (or be a data: URL).'
}

/** The URL that an invalid text was probably meant to be, as the end of a sentence. */
function mistakeOf(text: string): string {
  const format = /^[\w+/-]{16}/.test(text) ? formatNameOf(Buffer.from(text.slice(0, 512), 'base64')) : undefined
  if (format) {
    return `is base64 without its beginning: write data:image/${format.toLowerCase()};base64, before it.`
  }
  if (text.startsWith('//') || /^[\w-]+(\.[\w-]+)+[/?#:]/.test(text))
    return 'lacks its beginning: write https:// before it.'
  if (/^([/\\~]|\.{1,2}[/\\])|^[^\s/]+\.(png|jpe?g|webp|hei[cf])$/i.test(text)) {
    return `is no URL but the path of a file: ${uploadIt}`
  }
  return 'is not an absolute URL: it must start with https:// (or be a data: URL).'
}
