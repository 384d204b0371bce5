import type { Deprecation } from './meta.ts'

/** The headers of an operation that is to go: `Deprecation` (RFC 9745), `Sunset` (RFC 8594), and a link to what replaces it. */
export function deprecationHeaders({ since, sunset, link }: Deprecation): Readonly<Record<string, string>> {
  const links = [`<${link}>; rel="deprecation"`, ...(sunset === undefined ? [] : [`<${link}>; rel="sunset"`])]
  return {
    // A date as structured fields have it (RFC 9651, section 3.3.7): seconds since the epoch.
    deprecation: `@${startOf(since) / 1000}`,
    ...(sunset !== undefined && { sunset: new Date(startOf(sunset)).toUTCString() }),
    link: links.join(', '),
  }
}

function startOf(day: string): number {
  const at = Date.parse(`${day}T00:00:00Z`)
  if (Number.isNaN(at)) throw new Error(`${day} is no day like 2026-11-27`)
  return at
}
